"""Coroutines that nobody awaits. Calling one and dropping it looks like doing the work, and does nothing at all.

Python notices when it destroys such a coroutine, and warns. A warning is shown once for a place, may be filtered away, and
is counted nowhere, so this sentinel listens one step earlier: the interpreter looks up `warnings._warn_unawaited_coroutine`
for every coroutine that it drops, and hands it over whole. The name is private, but it has been the same hook since Python
3.7 and what stands there is always called in turn, so that warnings, filters and pytest go on as before.
"""

import asyncio
import threading
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FrameType, TracebackType
from typing import Final, Protocol, Self

import structlog

HOOK: Final = "_warn_unawaited_coroutine"

MAX_NAMES: Final = 100
"""Functions that are counted apart; what comes after them is counted as `other`."""

_log = structlog.get_logger(__name__)


class Dropped(Protocol):
    """What the hook is given, as far as it is used here: a coroutine that is being destroyed."""

    __qualname__: str
    cr_frame: FrameType | None


Hook = Callable[[Dropped], object]


def qualified_name(coroutine: Dropped) -> str:
    """Return `module.function` of the function that made `coroutine`."""
    # What was never started still has its frame, though it is being destroyed.
    module = coroutine.cr_frame.f_globals.get("__name__", "?") if coroutine.cr_frame else "?"
    return f"{module}.{coroutine.__qualname__}"


@dataclass(slots=True)
class NeverAwaited:
    """Counts dropped coroutines of the whole process while its `async with` block runs, and logs each function once."""

    _counts: dict[str, int] = field(default_factory=dict)
    # A coroutine is destroyed in whichever thread lets go of it last, and also while this very lock is held, when memory is
    # collected: hence a lock that its own thread may take again.
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _loop: asyncio.AbstractEventLoop | None = None
    _before: Hook | None = None
    _installed: Hook | None = None

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._before = getattr(warnings, HOOK)
        self._installed = self._notice
        setattr(warnings, HOOK, self._installed)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Whoever hooked in after us calls us still; then we stay, silent, and only pass on.
        if getattr(warnings, HOOK) is self._installed:
            setattr(warnings, HOOK, self._before)
        self._loop = None

    @property
    def counts(self) -> Mapping[str, int]:
        """How many coroutines were dropped, by the function that made them."""
        with self._lock:
            return dict(self._counts)

    @property
    def total(self) -> int:
        """How many coroutines were dropped."""
        return sum(self.counts.values())

    def _notice(self, coroutine: Dropped) -> None:
        if self._loop is not None:
            self._count(qualified_name(coroutine), self._loop)
        if self._before is not None:
            self._before(coroutine)

    def _count(self, name: str, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            if name not in self._counts and len(self._counts) >= MAX_NAMES:
                name = "other"
            self._counts[name] = count = self._counts.get(name, 0) + 1
        if count == 1 and not loop.is_closed():
            # Later, because this may run in the middle of a log line, whose lock is not one to take twice.
            loop.call_soon_threadsafe(_report, name)


def _report(name: str) -> None:
    _log.error("coroutine was never awaited", coroutine=name)
