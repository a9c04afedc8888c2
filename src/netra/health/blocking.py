"""Calls that hold the event loop. While one runs, nobody is served; the lag is seen by everyone and the cause by no one.

A thread beside the loop notices that the loop has stopped ticking, looks at the stack of the loop's thread *while the call
is still running*, and counts the stack that is guilty. Two looks must find the same callback: a loop that is late because
many short callbacks run one after another has no single culprit. A loop that is found waiting for input was not blocked but
starved (the machine or the process was paused), and nobody is accused.
"""

import asyncio
import inspect
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import FrameType, TracebackType
from typing import Final, Self

import structlog

MAX_STACKS: Final = 50
"""Stacks that are counted apart; what comes after them is counted as `other`."""

MAX_FRAMES: Final = 8
"""Frames of a stack that are shown, innermost last."""

_log = structlog.get_logger(__name__)


def describe(frames: list[FrameType]) -> str:
    """Return the guilty part of a stack (outermost frame first) as `module.function:line > …`.

    The standard library is left out and of a library's frames only the innermost shown, except at the very end, where the
    blocking call is. Modules and functions, not files: where a program is installed is nobody's business.
    """
    shown = [frame for frame, after in zip(frames, [*frames[1:], None], strict=True) if _tells(frame, after)]
    return " > ".join(_name(frame) for frame in shown[-MAX_FRAMES:])


def _tells(frame: FrameType, after: FrameType | None) -> bool:
    """Whether a frame, followed by `after`, says anything about whose call it is."""
    if after is None:
        return True
    package = _package(frame)
    return package not in sys.stdlib_module_names and not (_is_library(frame) and _package(after) == package)


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def _is_library(frame: FrameType) -> bool:
    return "site-packages" in frame.f_code.co_filename and _package(frame) != "netra"


def _name(frame: FrameType) -> str:
    return f"{frame.f_globals.get('__name__', '?')}.{frame.f_code.co_qualname}:{frame.f_lineno}"


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    # The watched thread may run on while its stack is read, and CPython 3.11 has been seen to give a number for the frame
    # before one that ended meanwhile.
    while isinstance(frame, FrameType):
        yield frame
        frame = frame.f_back


@dataclass(slots=True)
class BlockingCalls:
    """Counts calls that hold the event loop for `threshold` seconds or more, by their stack, and logs each stack once.

    Watches the loop that its `async with` block runs in. The loop ticks and the thread looks four times in a threshold, so
    a call is caught for certain when it takes one and a half of it. A call that keeps Python's global lock for itself, as a
    long regular expression does, also stops the watching thread: its lag is measured, its stack is not found.
    """

    threshold: float
    _counts: dict[str, int] = field(default_factory=dict)
    _ticked: float = 0.0
    _depth: int = 0
    _timer: asyncio.Handle | None = None
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        # Called by the loop and not from here, for the first tick also measures how deep the loop's own frames reach.
        self._timer = loop.call_soon(self._tick, loop)
        await asyncio.sleep(0)
        self._thread = threading.Thread(
            target=self._watch, args=(threading.get_ident(),), name="blocking-call sentinel", daemon=True
        )
        self._thread.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        if self._timer is not None:
            self._timer.cancel()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many calls held the loop, by the stack that is guilty."""
        return dict(self._counts)

    @property
    def total(self) -> int:
        """How many calls held the loop."""
        return sum(self.counts.values())

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        """Runs in the loop as long as the loop runs anything."""
        self._depth = self._depth or sum(1 for _ in _outwards(inspect.currentframe())) - 1
        self._ticked = time.monotonic()
        self._timer = loop.call_later(self.threshold / 4, self._tick, loop)

    def _watch(self, watched: int) -> None:
        """Runs in the thread. `watched` is the loop's."""
        suspect: FrameType | None = None
        accused_at = 0.0  # the tick after which a call was counted already
        while not self._stopping.wait(self.threshold / 4):
            ticked = self._ticked
            late = time.monotonic() - ticked
            if late < self.threshold / 2 or ticked == accused_at:
                suspect = None
                continue
            callback = self._callback(watched)
            if late >= self.threshold and callback and callback[0] is suspect:
                self._accuse(describe(callback), late)
                accused_at = ticked
            suspect = callback[0] if callback else None
            del callback  # frames hold what their functions hold

    def _callback(self, watched: int) -> list[FrameType]:
        """Return the stack of what the loop runs right now, without the loop's own frames; empty while it waits."""
        innermost = sys._current_frames().get(watched)  # noqa: SLF001 -- documented; the only way to see another thread's stack
        return list(_outwards(innermost))[::-1][self._depth :]

    def _accuse(self, stack: str, seconds: float) -> None:
        if stack not in self._counts:
            if len(self._counts) >= MAX_STACKS:
                stack = "other"
            _log.warning("call blocks the event loop", stack=stack, ms_so_far=round(seconds * 1000))
        self._counts[stack] = self._counts.get(stack, 0) + 1
