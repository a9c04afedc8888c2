"""The log in a user's own transaction: dense, whole or not at all, and nobody else's."""

import asyncio

import pytest

from netra.clock import SystemClock
from netra.db.database import Database
from netra.errors import NotFound
from netra.ids import RunId, ThreadId, UserId, new_uuid
from netra.streams import log, retention
from netra.streams.cursor import Position
from netra.streams.log import Fenced
from netra.streams.writer import Writer
from tests.streams.logs import NOON, add_thread, append, claim, read, texts, thought


@pytest.fixture
async def thread(database: Database, alice: UserId) -> ThreadId:
    return await add_thread(database, alice)


async def test_positions_are_dense_from_one(database: Database, alice: UserId, thread: ThreadId) -> None:
    for said in (["a"], ["b", "c", "d"], ["e"]):
        await append(database, alice, thread, *said)
    events = await read(database, alice, thread)
    assert [event.seq for event in events] == [1, 2, 3, 4, 5]
    assert texts(events) == ["a", "b", "c", "d", "e"]
    assert await log.read_position(database.for_user(alice), thread) == Position(epoch=1, tail=0, head=5)


async def test_what_append_returns_is_what_is_read_to_the_byte(database: Database, alice: UserId, thread: ThreadId) -> None:
    run_id = RunId(new_uuid())
    drafts = [thought("ein Wort \N{SNOWMAN}", run_id), thought('"', agent=None), thought("\0", run_id, agent='a "b"')]
    async with database.for_user(alice).transaction() as connection:
        epoch, events = await log.append(connection, alice, thread, drafts)
    assert epoch == 1
    assert await read(database, alice, thread) == events


async def test_a_transaction_that_rolls_back_leaves_no_event_and_no_hole(
    database: Database, alice: UserId, thread: ThreadId
) -> None:
    await append(database, alice, thread, "before")
    with pytest.raises(ZeroDivisionError):
        async with database.for_user(alice).transaction() as connection:
            await log.append(connection, alice, thread, [thought("never"), thought("nor this")])
            raise ZeroDivisionError
    await append(database, alice, thread, "after")
    assert [(event.seq, event.data.text) for event in await read(database, alice, thread)] == [(1, "before"), (2, "after")]  # type: ignore[attr-defined]


async def test_many_transactions_at_once_give_one_dense_log(database: Database, alice: UserId, thread: ThreadId) -> None:
    async with asyncio.timeout(30):
        await asyncio.gather(*(append(database, alice, thread, f"{n}a", f"{n}b") for n in range(50)))
    events = await read(database, alice, thread)
    assert [event.seq for event in events] == list(range(1, 101))
    said = texts(events)
    assert sorted(said) == sorted(f"{n}{half}" for n in range(50) for half in "ab")
    assert all(first[:-1] == second[:-1] for first, second in zip(said[::2], said[1::2], strict=True))


async def test_an_older_fence_appends_nothing(database: Database, alice: UserId, thread: ThreadId) -> None:
    old = await claim(database, alice, thread)
    new = await claim(database, alice, thread)
    scope = database.for_user(alice)
    with pytest.raises(Fenced):
        async with scope.transaction() as connection:
            await log.append(connection, alice, thread, [thought("old")], fence=old.fence)
    async with scope.transaction() as connection:
        await log.append(connection, alice, thread, [thought("new")], fence=new.fence)
    assert texts(await read(database, alice, thread)) == ["new"]


async def test_taking_a_thread_appends_under_a_new_fence_and_shuts_out_the_old_one(
    database: Database, alice: UserId, thread: ThreadId
) -> None:
    old = await claim(database, alice, thread)
    scope = database.for_user(alice)
    async with scope.transaction() as connection:
        epoch, fence, events = await log.take(connection, alice, thread, [thought("taken")])
    assert (epoch, fence, [event.seq for event in events]) == (1, old.fence + 1, [1])
    with pytest.raises(Fenced):
        async with scope.transaction() as connection:
            await log.append(connection, alice, thread, [thought("late")], fence=old.fence)
    with pytest.raises(NotFound):
        async with scope.transaction() as connection:
            await log.take(connection, alice, ThreadId(new_uuid()), [thought("into the void")])
    assert await read(database, alice, thread) == events


async def test_after_the_last_events_under_a_fence_nothing_follows_under_it(
    database: Database, alice: UserId, thread: ThreadId
) -> None:
    mine = await claim(database, alice, thread)
    async with asyncio.timeout(10), Writer.open(database, SystemClock(), lambda epoch, events: None) as writer:
        await writer.append(mine, [thought("first")])
        async with database.for_user(alice).transaction() as connection:
            await log.append(connection, alice, thread, [thought("last")], fence=mine.fence, release=True)
        with pytest.raises(Fenced):
            await writer.append(mine, [thought("after the end")])
    with pytest.raises(Fenced):
        async with database.for_user(alice).transaction() as connection:
            await log.append(connection, alice, thread, [thought("after the end")], fence=mine.fence)
    assert texts(await read(database, alice, thread)) == ["first", "last"]


async def test_somebody_elses_thread_answers_exactly_as_one_that_is_not_there(
    database: Database, alice: UserId, bob: UserId, thread: ThreadId
) -> None:
    await append(database, alice, thread, "secret")
    answers = []
    for asked in (thread, ThreadId(new_uuid())):
        scope = database.for_user(bob)
        with pytest.raises(NotFound) as position:
            await log.read_position(scope, asked)
        with pytest.raises(NotFound) as page:
            await log.read_page(scope, asked, 0)
        with pytest.raises(NotFound) as appended:
            async with scope.transaction() as connection:
                await log.append(connection, bob, asked, [thought("forged")])
        assert await log.read_run(scope, asked, RunId(new_uuid())) == []
        answers.append([str(position.value), str(page.value), str(appended.value)])
    assert answers[0] == answers[1]
    assert texts(await read(database, alice, thread)) == ["secret"]


async def test_nobody_can_append_in_anothers_name(database: Database, alice: UserId, bob: UserId, thread: ThreadId) -> None:
    with pytest.raises(NotFound):
        async with database.for_user(bob).transaction() as connection:
            await log.append(connection, alice, thread, [thought("forged")])
    assert await read(database, alice, thread) == []


async def test_appending_nothing_needs_a_thread_all_the_same(database: Database, alice: UserId, thread: ThreadId) -> None:
    async with database.for_user(alice).transaction() as connection:
        assert await log.append(connection, alice, thread, []) == (1, [])
        with pytest.raises(NotFound):
            await log.append(connection, alice, ThreadId(new_uuid()), [])


async def test_a_page_says_where_the_log_stands_even_when_it_is_empty(
    database: Database, alice: UserId, thread: ThreadId
) -> None:
    scope = database.for_user(alice)
    assert await log.read_page(scope, thread, 0) == (Position(1, 0, 0), [])
    events = await append(database, alice, thread, "a", "b", "c")
    assert await log.read_page(scope, thread, 0, limit=2) == (Position(1, 0, 3), events[:2])
    assert await log.read_page(scope, thread, 2) == (Position(1, 0, 3), events[2:])
    assert await log.read_page(scope, thread, 3) == (Position(1, 0, 3), [])
    assert await log.read_page(scope, thread, 10**30) == (Position(1, 0, 3), [])
    assert await log.read_page(scope, thread, -7) == (Position(1, 0, 3), events)


async def test_a_page_of_large_events_ends_early_and_never_before_its_first(
    database: Database, alice: UserId, thread: ThreadId
) -> None:
    large = "x" * (log.PAGE_BYTES * 2 // 3)
    events = await append(database, alice, thread, large, large, large, "small")
    scope = database.for_user(alice)
    assert (await log.read_page(scope, thread, 0))[1] == events[:2]
    assert (await log.read_page(scope, thread, 2))[1] == events[2:]
    [huge] = await append(database, alice, thread, "y" * log.PAGE_BYTES * 3)
    assert (await log.read_page(scope, thread, 4))[1] == [huge]


async def test_a_runs_journal_is_its_own_events_over_many_pages(
    database: Database, alice: UserId, thread: ThreadId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "PAGE", 3)
    mine, other = RunId(new_uuid()), RunId(new_uuid())
    drafts = [thought(str(n), mine if n % 2 else other) for n in range(20)]
    async with database.for_user(alice).transaction() as connection:
        await log.append(connection, alice, thread, drafts)
    journal = await log.read_run(database.for_user(alice), thread, mine)
    assert texts(journal) == [str(n) for n in range(1, 20, 2)]
    assert texts(await log.read_run(database.for_user(alice), thread, mine, after=10)) == ["11", "13", "15", "17", "19"]


async def test_a_read_during_a_cut_sees_the_log_before_it_or_after_it_and_never_between(
    database: Database, alice: UserId, thread: ThreadId
) -> None:
    scope = database.for_user(alice)
    torn: list[tuple[Position, list[int]]] = []
    done = False

    async def watch() -> None:
        while not done:
            position, events = await log.read_page(scope, thread, 0)
            seqs = [event.seq for event in events]
            if seqs != list(range(position.tail + 1, position.head + 1)):
                torn.append((position, seqs))

    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        for _ in range(3):
            tasks.create_task(watch())
        for _ in range(100):
            await append(database, alice, thread, "old", "old", at=NOON)
            await retention.trim(database, NOON.replace(year=2027))
        done = True
    assert torn == []


async def test_many_accounts_are_told_in_one_go_each_in_its_own_log(
    database: Database, alice: UserId, bob: UserId, thread: ThreadId
) -> None:
    await append(database, bob, ThreadId(bob), "before")
    drafts = {user_id: thought(str(user_id), agent=None) for user_id in (alice, bob, UserId(new_uuid()))}
    async with database.system().transaction() as connection:
        appended = {event.user_id: event for _, event in await log.append_to_accounts(connection, drafts)}
    assert {user_id: event.seq for user_id, event in appended.items()} == {alice: 1, bob: 2}
    assert await read(database, bob, ThreadId(bob), after=1) == [appended[bob]]
    assert await read(database, alice, ThreadId(alice)) == [appended[alice]]
    assert await read(database, alice, thread) == []
