import asyncio
import threading
from collections.abc import Callable

import pytest

from netra.datasets.offload import in_thread


async def test_the_result_and_the_error_of_the_work_come_back() -> None:
    assert await in_thread(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await in_thread(divmod, 7, 0)


class Work:
    """Work that says when it has begun, and ends when it is told to."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.end = threading.Event()
        self.ended = False

    def __call__(self) -> None:
        self.begun.set()
        assert self.end.wait(10)
        self.ended = True


async def started(work: Work, interrupt: Callable[[], None] | None = None) -> asyncio.Task[None]:
    task = asyncio.create_task(in_thread(work, interrupt=interrupt))
    assert await asyncio.to_thread(work.begun.wait, 10)
    return task


async def test_a_cancellation_waits_for_the_thread_however_often_it_comes() -> None:
    work = Work()
    task = await started(work)
    for _ in range(3):
        task.cancel()
        await asyncio.wait([task], timeout=0)
        assert not task.done()
    work.end.set()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(10):
            await task
    assert work.ended


async def test_an_interrupt_that_comes_too_early_is_repeated() -> None:
    work = Work()
    interrupts = 0

    def interrupt() -> None:
        nonlocal interrupts
        interrupts += 1
        if interrupts == 3:  # the first two fall on deaf ears
            work.end.set()

    task = await started(work, interrupt)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(10):
            await task
    assert interrupts == 3
