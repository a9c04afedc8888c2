"""A clock that only moves when a test moves it."""

import asyncio
import heapq
import itertools
from datetime import UTC, datetime, timedelta


class ManualClock:
    """A `Clock` that stands still until `advance`. It begins at the present, so that it agrees with a database's clock."""

    def __init__(self, now: datetime | None = None) -> None:
        self._now = now or datetime.now(UTC)
        self._elapsed = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()
        self._fell_asleep = asyncio.Event()

    def now(self) -> datetime:
        return self._now + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        wake = asyncio.get_running_loop().create_future()
        # The number keeps sleepers with one wake-up time in the order in which they fell asleep.
        heapq.heappush(self._sleepers, (self._elapsed + seconds, next(self._numbers), wake))
        self._fell_asleep.set()
        await wake

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass, and wake those whose time has come. They run when the caller next awaits."""
        self._elapsed += seconds
        while self._sleepers and self._sleepers[0][0] <= self._elapsed:
            wake = heapq.heappop(self._sleepers)[2]
            if not wake.done():
                wake.set_result(None)

    async def someone_sleeps(self) -> None:
        """Return once somebody sleeps on this clock: the moment to `advance` it."""
        while not any(not wake.done() for _, _, wake in self._sleepers):
            self._fell_asleep.clear()
            await self._fell_asleep.wait()
