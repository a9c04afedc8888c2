"""`netra.health.loop`: the lag that is measured is the lag that there was."""

import asyncio
import time
from collections.abc import Iterator
from datetime import datetime

import pytest

from netra.health.loop import INTERVAL, WINDOW, LoopLag, LoopLate


class LateClock:
    """A clock whose every sleep ends later than it should, by the next of `lags`; then it sleeps for ever."""

    def __init__(self, lags: list[float]) -> None:
        self._lags: Iterator[float] = iter(lags)
        self._seconds = 1000.0
        self.done = asyncio.Event()

    def now(self) -> datetime:
        raise AssertionError("lag is measured on the monotonic clock")

    def monotonic(self) -> float:
        return self._seconds

    async def sleep(self, seconds: float) -> None:
        lag = next(self._lags, None)
        if lag is None:
            self.done.set()
            await asyncio.Event().wait()
        else:
            self._seconds += seconds + lag


async def test_lag_is_how_much_later_than_due_the_loop_wakes() -> None:
    clock, seen = LateClock([0.0, 0.25, 0.5]), list[float]()
    async with asyncio.timeout(5), LoopLag(seen.append, clock) as lag:
        await clock.done.wait()
        assert seen == pytest.approx([0.0, 0.25, 0.5])
        assert lag.quantile(0.5) == pytest.approx(0.25)
        assert lag.quantile(0.99) == pytest.approx(0.5)


async def test_a_bad_moment_is_forgotten_after_a_minute() -> None:
    clock = LateClock([9.0] + [0.0] * WINDOW)
    async with asyncio.timeout(5), LoopLag(clock=clock) as lag:
        await clock.done.wait()
        assert lag.quantile(1.0) == pytest.approx(0.0)
    assert pytest.approx(60) == WINDOW * INTERVAL


async def test_a_loop_that_is_late_fails_its_check() -> None:
    clock = LateClock([0.3] * 100)
    async with asyncio.timeout(5), LoopLag(clock=clock) as lag:
        await clock.done.wait()
        await lag.require(0.4)
        with pytest.raises(LoopLate):
            await lag.require(0.2)


async def test_a_real_blocking_call_shows_as_lag() -> None:
    measured = asyncio.Event()

    def observe(seconds: float) -> None:
        if seconds > 0.1:
            measured.set()

    async with asyncio.timeout(10), LoopLag(observe):
        await asyncio.sleep(0)  # the sentinel has begun to sleep
        time.sleep(INTERVAL + 0.15)  # noqa: ASYNC251 -- the fault itself
        await measured.wait()


async def test_nothing_is_measured_after_leaving() -> None:
    async with LoopLag() as lag:
        assert lag._task is not None
    assert lag._task.done()
