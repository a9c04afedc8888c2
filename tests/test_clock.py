"""The machine's own clock keeps the promises of `Clock`."""

import asyncio
from datetime import UTC, datetime, timedelta

from netra.clock import Clock, SystemClock


def test_now_is_the_present_in_utc() -> None:
    before = datetime.now(UTC)
    now = SystemClock().now()
    assert before <= now <= datetime.now(UTC)
    assert now.utcoffset() == timedelta(0)


async def test_sleep_takes_at_least_as_long_as_it_says() -> None:
    clock: Clock = SystemClock()
    before = clock.monotonic()
    async with asyncio.timeout(5):
        await clock.sleep(0.01)
    # The loop may wake a timer up to one tick of its own resolution early.
    assert clock.monotonic() - before >= 0.009
