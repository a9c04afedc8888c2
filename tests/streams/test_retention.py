"""Old history goes, whole threads at a time, and never the journal of a run that lives."""

import asyncio
from datetime import timedelta

import pytest

from netra.db.database import Database
from netra.errors import NotFound
from netra.ids import RunId, ThreadId, UserId, new_uuid
from netra.streams.cursor import Position
from netra.streams.retention import trim
from tests.streams.logs import NOON, add_thread, append, read, texts

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def thread(database: Database, alice: UserId) -> ThreadId:
    return await add_thread(database, alice)


async def add_run(database: Database, user_id: UserId, thread_id: ThreadId, state: str, accepted_seq: int) -> None:
    async with database.for_user(user_id).transaction() as connection:
        await connection.execute(
            "INSERT INTO run (user_id, id, thread_id, agent, state, input, plan, plan_version, accepted_seq)"
            " VALUES (%s, %s, %s, 'demo', %s, '{}', 'free', 1, %s)",
            [user_id, RunId(new_uuid()), thread_id, state, accepted_seq],
        )


async def test_what_is_older_goes_and_what_is_younger_stays(database: Database, alice: UserId, thread: ThreadId) -> None:
    for minute in range(5):
        await append(database, alice, thread, str(minute), at=NOON + minute * MINUTE)
    assert await trim(database, NOON + 3 * MINUTE) == [((alice, thread), Position(epoch=2, tail=3, head=5))]
    left = await read(database, alice, thread)
    assert texts(left) == ["3", "4"]
    assert [event.seq for event in left] == [4, 5]


async def test_nothing_old_is_no_cut_and_no_new_epoch(database: Database, alice: UserId, thread: ThreadId) -> None:
    await append(database, alice, thread, "a", at=NOON)
    assert await trim(database, NOON) == []
    assert len(await trim(database, NOON + MINUTE)) == 1
    assert await trim(database, NOON + MINUTE) == []
    await append(database, alice, thread, "b", at=NOON + 2 * MINUTE)
    assert await trim(database, NOON + MINUTE) == []


async def test_a_log_goes_on_after_it_was_cut_to_nothing(database: Database, alice: UserId, thread: ThreadId) -> None:
    await append(database, alice, thread, "a", "b", at=NOON)
    await trim(database, NOON + MINUTE)
    assert await read(database, alice, thread) == []
    [event] = await append(database, alice, thread, "c", at=NOON + MINUTE)
    assert event.seq == 3


@pytest.mark.parametrize("state", ["queued", "running", "waiting"])
async def test_the_journal_of_a_live_run_stays_however_old_it_is(
    database: Database, alice: UserId, thread: ThreadId, state: str
) -> None:
    await append(database, alice, thread, "before", "accepted", "said", at=NOON)
    await add_run(database, alice, thread, state, accepted_seq=2)
    await trim(database, NOON + MINUTE)
    assert texts(await read(database, alice, thread)) == ["accepted", "said"]


@pytest.mark.parametrize("state", ["completed", "failed", "cancelled"])
async def test_the_journal_of_a_run_that_ended_goes(database: Database, alice: UserId, thread: ThreadId, state: str) -> None:
    await append(database, alice, thread, "accepted", "said", at=NOON)
    await add_run(database, alice, thread, state, accepted_seq=1)
    await trim(database, NOON + MINUTE)
    assert await read(database, alice, thread) == []


async def test_a_live_run_holds_up_its_own_thread_and_no_other(database: Database, alice: UserId, bob: UserId) -> None:
    threads = sorted([await add_thread(database, alice) for _ in range(4)])
    bobs = await add_thread(database, bob)
    for thread in threads:
        await append(database, alice, thread, "a", at=NOON)
    await append(database, bob, bobs, "b", at=NOON)
    await add_run(database, alice, threads[1], "running", accepted_seq=1)
    cut = await trim(database, NOON + MINUTE)
    assert sorted(cut) == sorted(
        [
            *(((alice, thread), Position(2, 1, 1)) for thread in threads if thread != threads[1]),
            ((bob, bobs), Position(2, 1, 1)),
        ]
    )
    assert texts(await read(database, alice, threads[1])) == ["a"]


async def test_clocks_that_disagree_cost_no_event_that_is_still_in_its_time(
    database: Database, alice: UserId, thread: ThreadId
) -> None:
    for text, minute in (("old", 0), ("young", 9), ("old again", 1), ("younger", 10)):
        await append(database, alice, thread, text, at=NOON + minute * MINUTE)
    await trim(database, NOON + 5 * MINUTE)
    assert texts(await read(database, alice, thread)) == ["young", "old again", "younger"]
    assert await trim(database, NOON + 5 * MINUTE) == []


async def test_a_thread_that_is_appended_to_while_it_is_cut_stays_dense(
    database: Database, alice: UserId, thread: ThreadId
) -> None:
    async def append_many() -> None:
        for n in range(60):
            await append(database, alice, thread, str(n), at=NOON + n % 2 * MINUTE)

    async with asyncio.timeout(30):
        appending = asyncio.create_task(append_many())
        while not appending.done():
            await trim(database, NOON + timedelta(days=1))
        await appending
    left = await read(database, alice, thread)
    assert [event.seq for event in left] == list(range(61 - len(left), 61))


@pytest.mark.parametrize("whole_account", [False, True], ids=["thread", "account"])
async def test_a_thread_that_is_deleted_takes_its_events_along_whatever_is_appended_meanwhile(
    database: Database, alice: UserId, bob: UserId, thread: ThreadId, whole_account: bool
) -> None:
    bobs = await add_thread(database, bob)
    await append(database, bob, bobs, "bob's")

    async def append_while_it_exists() -> None:
        with pytest.raises(NotFound):
            while True:
                await append(database, alice, thread, "a", "b")

    async def delete() -> None:
        while len(await read(database, alice, thread)) < 20:
            pass
        if whole_account:
            async with database.system().transaction() as connection:
                await connection.execute("DELETE FROM account WHERE id = %s", [alice])
        else:
            async with database.for_user(alice).transaction() as connection:
                await connection.execute("DELETE FROM thread WHERE id = %s", [thread])

    async with asyncio.timeout(30):
        await asyncio.gather(append_while_it_exists(), append_while_it_exists(), delete())
    async with database.system().transaction() as connection:
        cursor = await connection.execute("SELECT DISTINCT user_id FROM event")
        assert await cursor.fetchall() == [(bob,)]
