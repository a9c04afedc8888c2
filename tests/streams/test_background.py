"""Work beside a block ends with it, and does not fail in silence."""

import asyncio
from typing import Any

import pytest

from netra.streams.background import beside


async def forever(started: asyncio.Event, ended: list[str]) -> None:
    started.set()
    try:
        await asyncio.Event().wait()
    finally:
        ended.append("ended")


async def test_it_runs_while_the_block_runs_and_has_ended_when_the_block_has() -> None:
    started, ended = asyncio.Event(), list[str]()
    async with asyncio.timeout(5), beside(work=forever(started, ended)):
        await started.wait()
        assert ended == []
    assert ended == ["ended"]


async def test_a_block_that_raises_ends_it_too_and_is_what_is_raised() -> None:
    started, ended = asyncio.Event(), list[str]()
    with pytest.raises(ZeroDivisionError):
        async with asyncio.timeout(5), beside(work=forever(started, ended)):
            await started.wait()
            raise ZeroDivisionError
    assert ended == ["ended"]


async def test_a_failure_is_reported_at_once_raised_at_the_end_and_leaves_the_others_running() -> None:
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context))

    async def fail() -> None:
        raise LookupError("lost")

    started, ended = asyncio.Event(), list[str]()
    with pytest.raises(LookupError):
        async with asyncio.timeout(5), beside(broken=fail(), work=forever(started, ended)):
            await started.wait()
            await asyncio.sleep(0)
            assert [context["message"] for context in reported] == ["broken has failed"]
            assert ended == []
    assert ended == ["ended"]
