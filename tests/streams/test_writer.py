"""The group writer: each event once, in order, under the newest fence only, whatever happens to its connection."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from netra.clock import SystemClock
from netra.db.database import Database
from netra.ids import ThreadId, UserId
from netra.streams.log import Fenced
from netra.streams.writer import Writer
from tests.streams.logs import add_thread, claim, read, texts, thought


@pytest.fixture
async def thread(database: Database, alice: UserId) -> ThreadId:
    return await add_thread(database, alice)


@pytest.fixture
async def writer(database: Database) -> AsyncIterator[Writer]:
    async with Writer.open(database, SystemClock(), lambda epoch, events: None) as writer:
        yield writer


async def test_what_was_acknowledged_is_in_the_log_byte_for_byte(
    database: Database, writer: Writer, alice: UserId, thread: ThreadId
) -> None:
    mine = await claim(database, alice, thread)
    async with asyncio.timeout(10):
        acknowledged = await writer.append(mine, [thought("a"), thought("b")])
        acknowledged += await writer.append(mine, [thought("c")])
    assert [event.seq for event in acknowledged] == [1, 2, 3]
    assert await read(database, alice, thread) == acknowledged


async def test_an_older_fence_writes_nothing(database: Database, writer: Writer, alice: UserId, thread: ThreadId) -> None:
    old = await claim(database, alice, thread)
    async with asyncio.timeout(10):
        await writer.append(old, [thought("before")])
        new = await claim(database, alice, thread)
        with pytest.raises(Fenced):
            await writer.append(old, [thought("too late")])
        await writer.append(new, [thought("after")])
    assert texts(await read(database, alice, thread)) == ["before", "after"]
