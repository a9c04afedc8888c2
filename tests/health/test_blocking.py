"""`netra.health.blocking`: real blocking calls in a real loop, and who is named for them."""

import asyncio
import json
import sys
import threading
import time
from collections.abc import Awaitable, Callable

import pytest
import structlog
import uvloop

from netra.health import blocking
from netra.health.blocking import BlockingCalls

THRESHOLD = 0.04
# Far above the threshold, so that a busy machine cannot make the sentinel miss it.
LONG = THRESHOLD * 6


def hold(seconds: float) -> None:
    """Do what this sentinel is for: sleep in the event loop."""
    time.sleep(seconds)


async def guilty() -> None:
    hold(LONG)


async def caller() -> None:
    await guilty()


async def settle(sentinel: BlockingCalls, count: int) -> None:
    """Let the loop tick, and wait until the sentinel has counted so many calls."""
    async with asyncio.timeout(10):
        await asyncio.sleep(THRESHOLD / 2)
        while sentinel.total < count:  # noqa: ASYNC110 -- what counts is a thread, which has no event to set
            await asyncio.sleep(THRESHOLD / 4)


def names(stack: str) -> list[str]:
    """The functions of a stack, without the wrapper that the suite's own guard against blocking puts around `sleep`."""
    frames = [frame.rpartition(":")[0] for frame in stack.split(" > ")]
    return [frame.removeprefix(f"{__name__}.") for frame in frames if not frame.startswith("blockbuster.")]


async def block_once() -> list[str]:
    async with BlockingCalls(THRESHOLD) as sentinel:
        await asyncio.create_task(caller())
        await settle(sentinel, 1)
    return list(sentinel.counts)


async def test_the_stack_names_the_callers_down_to_the_blocking_call() -> None:
    [stack] = await block_once()
    assert names(stack) == ["caller", "guilty", "hold"]


def test_the_stack_is_the_same_on_uvloop() -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        [stack] = runner.run(block_once())
    assert names(stack) == ["caller", "guilty", "hold"]


async def test_a_callback_without_a_task_is_found_too() -> None:
    async with BlockingCalls(THRESHOLD) as sentinel:
        asyncio.get_running_loop().call_soon(hold, LONG)
        await settle(sentinel, 1)
    [stack] = sentinel.counts
    assert names(stack) == ["hold"]


async def test_the_same_call_again_is_counted_again_and_logged_once() -> None:
    with structlog.testing.capture_logs() as lines:
        async with BlockingCalls(THRESHOLD) as sentinel:
            for count in (1, 2, 3):
                await asyncio.create_task(caller())
                await settle(sentinel, count)
    assert list(sentinel.counts.values()) == [3]
    assert [line["event"] for line in lines] == ["call blocks the event loop"]
    assert lines[0]["stack"] in sentinel.counts


async def test_one_long_call_is_counted_once() -> None:
    async with BlockingCalls(THRESHOLD) as sentinel:
        hold(THRESHOLD * 15)
        await settle(sentinel, 1)
        await asyncio.sleep(THRESHOLD * 2)
    assert sentinel.total == 1


async def test_distinct_stacks_are_bounded_and_no_call_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocking, "MAX_STACKS", 1)
    culprits: list[Callable[[], Awaitable[None]]] = [guilty, caller, caller]
    async with BlockingCalls(THRESHOLD) as sentinel:
        for count, culprit in enumerate(culprits, 1):
            await culprit()
            await settle(sentinel, count)
    assert sorted(sentinel.counts.values()) == [1, 2]
    assert sentinel.counts["other"] == 2


async def test_an_idle_loop_is_nobodys_fault() -> None:
    async with BlockingCalls(THRESHOLD) as sentinel:
        # What a paused process looks like: the loop waits for input and its last tick is long ago.
        assert sentinel._timer is not None
        sentinel._timer.cancel()
        await asyncio.sleep(LONG)
    assert sentinel.total == 0


async def test_many_short_callbacks_are_nobodys_fault() -> None:
    async with BlockingCalls(10 * THRESHOLD) as sentinel:
        loop = asyncio.get_running_loop()
        for _ in range(200):  # together twice the threshold, each a hundredth of it
            loop.call_soon(hold, THRESHOLD / 10)
        await asyncio.sleep(THRESHOLD)
    assert sentinel.total == 0


async def test_a_loop_that_only_waits_is_not_accused() -> None:
    async with BlockingCalls(THRESHOLD) as sentinel:
        for _ in range(10):
            await asyncio.sleep(THRESHOLD)
            await asyncio.to_thread(hold, THRESHOLD)  # in a thread it may take its time
    assert sentinel.total == 0


async def test_a_stack_that_ends_in_no_frame_does_not_end_the_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def no_frames() -> dict[int, int]:
        asked.append(1)
        return {threading.get_ident(): 1, watched: 1}

    watched = threading.get_ident()
    async with BlockingCalls(THRESHOLD) as sentinel:
        with monkeypatch.context() as patched:
            patched.setattr(sys, "_current_frames", no_frames)
            await caller()
        assert asked and sentinel.total == 0
        await asyncio.create_task(caller())
        await settle(sentinel, 1)
    [stack] = sentinel.counts
    assert names(stack) == ["caller", "guilty", "hold"]


async def test_the_thread_ends_with_the_block() -> None:
    async with BlockingCalls(THRESHOLD) as sentinel:
        thread = sentinel._thread
        assert thread is not None
        assert thread.is_alive()
    assert not thread.is_alive()


async def test_the_standard_library_is_left_out_of_the_stack_but_for_its_end() -> None:
    class Slow:
        def __str__(self) -> str:
            hold(LONG)
            return ""

    async with BlockingCalls(THRESHOLD) as sentinel:
        json.dumps({"slow": Slow()}, default=str)
        await settle(sentinel, 1)
    [stack] = sentinel.counts
    assert "json" not in stack
    assert "/" not in stack  # no path of this machine
    assert names(stack)[-1] == "hold"
