"""How late the event loop runs what is due: the one number that says whether everybody is being served in time."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from netra.clock import Clock, SystemClock
from netra.errors import Unavailable
from netra.health.distribution import SlidingWindow

INTERVAL: Final = 0.1
"""Seconds between two measurements: often enough to see a tenth of a second go by, seldom enough to cost nothing."""

WINDOW: Final = 600
"""Measurements that a quantile is taken over: the last minute."""


class LoopLate(Unavailable):
    """The event loop runs behind: something blocks it, or there is more work than this process can do."""

    code = "loop_late"


def _ignore(_: float) -> None:
    """Nobody listens."""


@dataclass(slots=True)
class LoopLag:
    """A task that sleeps and measures how much too late it wakes. Runs while its `async with` block does.

    `observe` is given every measurement, in seconds.
    """

    observe: Callable[[float], None] = _ignore
    clock: Clock = field(default_factory=SystemClock)
    _window: SlidingWindow = field(default_factory=lambda: SlidingWindow(WINDOW))
    _task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._measure(), name="event-loop lag")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def quantile(self, share: float) -> float:
        """Return the lag, in seconds, that a `share` (0.5, 0.99) of the last minute's measurements was not above."""
        return self._window.quantile(share)

    async def require(self, seconds: float) -> None:
        """Raise `LoopLate` when the lag of the last minute (p99) is above `seconds`: a check for `/health`."""
        if self.quantile(0.99) > seconds:
            raise LoopLate

    async def _measure(self) -> None:
        while True:
            due = self.clock.monotonic() + INTERVAL
            await self.clock.sleep(INTERVAL)
            lag = max(0.0, self.clock.monotonic() - due)
            self._window.add(lag)
            self.observe(lag)
