"""Whoever waits for a transaction may be cancelled; the transaction is not."""

import asyncio

import pytest

from netra.db.uncut import uncut


async def test_work_comes_to_its_end_before_the_cancellation_of_its_caller_does() -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    done: list[str] = []

    async def work() -> None:
        begun.set()
        await go_on.wait()
        done.append("work")

    async def caller() -> None:
        try:
            await uncut(work())
        finally:
            done.append("caller")

    task = asyncio.create_task(caller())
    async with asyncio.timeout(20):
        await begun.wait()
        task.cancel()
        asyncio.get_running_loop().call_soon(go_on.set)
        with pytest.raises(asyncio.CancelledError):
            await task
    assert done == ["work", "caller"]


async def test_an_error_of_the_work_is_raised_unless_its_caller_was_cancelled() -> None:
    async def work() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await uncut(work())
