"""A clock that a test owns keeps the promises of `Clock`, in the test's own time."""

import asyncio

from netra.clock import Clock
from netra.testing.clock import ManualClock


async def test_it_stands_still_until_it_is_advanced() -> None:
    clock: Clock = (manual := ManualClock())
    before = clock.now(), clock.monotonic()
    await asyncio.sleep(0)
    assert (clock.now(), clock.monotonic()) == before
    manual.advance(90)
    assert clock.monotonic() - before[1] == 90
    assert (clock.now() - before[0]).total_seconds() == 90


async def test_a_sleeper_wakes_when_its_time_has_come_and_not_before() -> None:
    clock = ManualClock()
    sleeper = asyncio.create_task(clock.sleep(10))
    async with asyncio.timeout(5):
        await clock.someone_sleeps()
    clock.advance(9.5)
    await asyncio.sleep(0)
    assert not sleeper.done()
    clock.advance(0.5)
    async with asyncio.timeout(5):
        await sleeper


async def test_sleepers_wake_in_the_order_of_their_times() -> None:
    clock = ManualClock()
    woken: list[int] = []

    async def sleep(seconds: int) -> None:
        await clock.sleep(seconds)
        woken.append(seconds)

    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        for seconds in (3, 1, 2):
            tasks.create_task(sleep(seconds))
            await clock.someone_sleeps()
            await asyncio.sleep(0)
        clock.advance(3)
    assert woken == [1, 2, 3]


async def test_a_cancelled_sleeper_does_not_stop_the_others() -> None:
    clock = ManualClock()
    first, second = asyncio.create_task(clock.sleep(1)), asyncio.create_task(clock.sleep(1))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    clock.advance(1)
    async with asyncio.timeout(5):
        await second
    assert first.cancelled()
