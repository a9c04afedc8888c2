"""The group writer: each event once, in order, under the newest fence only, whatever happens to its connection."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable

import msgspec
import psycopg
import pytest

from netra.clock import SystemClock
from netra.db.database import Connection, Database
from netra.events.codec import Event
from netra.ids import RunId, ThreadId, UserId, new_uuid
from netra.prove.proxy import Proxy
from netra.streams import log
from netra.streams import writer as module
from netra.streams.log import Fenced
from netra.streams.writer import Claim, LogUnavailable, Writer
from netra.testing.clock import ManualClock
from tests.fixtures.postgres import add_account
from tests.streams.logs import add_thread, append, claim, read, texts, thought


def ignore(epoch: int, events: list[Event]) -> None:
    """Nobody reads here."""


@pytest.fixture
async def thread(database: Database, alice: UserId) -> ThreadId:
    return await add_thread(database, alice)


@pytest.fixture
async def writer(database: Database) -> AsyncIterator[Writer]:
    async with Writer.open(database, SystemClock(), ignore) as writer:
        yield writer


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[Proxy]:
    async with Proxy.open(database_url) as proxy:
        yield proxy


@pytest.fixture
async def remote(proxy: Proxy) -> AsyncIterator[Database]:
    """The database by way of the proxy."""
    async with Database.open(proxy.url, pool_size=2) as database:
        yield database


@pytest.fixture
async def far_writer(remote: Database) -> AsyncIterator[Writer]:
    """A writer whose connection goes through the proxy."""
    async with Writer.open(remote, SystemClock(), ignore) as writer:
        yield writer


@pytest.fixture
async def admin(owner_url: str) -> AsyncIterator[Connection]:
    async with await psycopg.AsyncConnection.connect(owner_url, autocommit=True) as connection:
        yield connection


# What it promises ------------------------------------------------------------------------------------------------------------


async def test_what_was_acknowledged_is_in_the_log_byte_for_byte(
    database: Database, writer: Writer, alice: UserId, thread: ThreadId
) -> None:
    mine = await claim(database, alice, thread)
    async with asyncio.timeout(10):
        acknowledged = await writer.append(mine, [thought("a"), thought("b", agent=None)])
        acknowledged += await writer.append(mine, [thought("c", agent='say "so"')])
    assert [event.seq for event in acknowledged] == [1, 2, 3]
    assert {event.run_id for event in acknowledged} == {mine.run_id}
    assert await read(database, alice, thread) == acknowledged


async def test_appends_that_were_called_together_are_one_commit_and_keep_their_order(
    database: Database, writer: Writer, alice: UserId, thread: ThreadId
) -> None:
    mine = await claim(database, alice, thread)
    async with asyncio.timeout(10):
        parts = await asyncio.gather(*(writer.append(mine, [thought(str(n))]) for n in range(40)))
    assert writer.written.batches == 1
    assert [event.seq for part in parts for event in part] == list(range(1, 41))
    assert texts(await read(database, alice, thread)) == [str(n) for n in range(40)]


async def test_readers_are_shown_what_is_committed_and_before_the_appender_goes_on(
    database: Database, alice: UserId, thread: ThreadId
) -> None:
    mine = await claim(database, alice, thread)
    shown: list[tuple[int, list[Event]]] = []
    async with asyncio.timeout(10), Writer.open(database, SystemClock(), lambda *what: shown.append(what)) as writer:
        events = await writer.append(mine, [thought("a")])
        assert shown == [(1, events)]
        assert await read(database, alice, thread) == events


async def test_an_older_fence_writes_nothing_and_its_neighbours_in_the_batch_are_written(
    database: Database, writer: Writer, alice: UserId, thread: ThreadId
) -> None:
    old = await claim(database, alice, thread)
    other_thread = await add_thread(database, alice)
    other = await claim(database, alice, other_thread)
    async with asyncio.timeout(10):
        await writer.append(old, [thought("before")])
        new = await claim(database, alice, thread)
        outcomes = await asyncio.gather(
            writer.append(other, [thought("neighbour")]),
            writer.append(old, [thought("too late")]),
            writer.append(new, [thought("after")]),
            return_exceptions=True,
        )
    assert [type(outcome) for outcome in outcomes] == [list, Fenced, list]
    assert writer.written.batches == 2
    assert writer.written.fenced == 1
    assert texts(await read(database, alice, thread)) == ["before", "after"]
    assert texts(await read(database, alice, other_thread)) == ["neighbour"]


async def test_a_copy_of_a_claim_is_refused_rather_than_believed(
    database: Database, writer: Writer, alice: UserId, thread: ThreadId
) -> None:
    mine = await claim(database, alice, thread)
    copy = Claim(mine.user_id, mine.thread_id, mine.run_id, mine.fence, mine.confirmed)
    async with asyncio.timeout(10):
        await writer.append(mine, [thought("mine")])
        with pytest.raises(Fenced):
            await writer.append(copy, [thought("a copy's")])
    assert texts(await read(database, alice, thread)) == ["mine"]


async def test_a_thread_that_is_gone_fences(writer: Writer, alice: UserId) -> None:
    nowhere = Claim(alice, ThreadId(new_uuid()), RunId(new_uuid()), fence=1, confirmed=0)
    async with asyncio.timeout(10):
        with pytest.raises(Fenced):
            await writer.append(nowhere, [thought("into the void")])


async def test_a_claim_on_somebody_elses_thread_writes_nothing(
    database: Database, writer: Writer, alice: UserId, bob: UserId, thread: ThreadId
) -> None:
    hers = await claim(database, alice, thread)
    forged = Claim(bob, thread, hers.run_id, hers.fence, hers.confirmed)
    async with asyncio.timeout(10):
        with pytest.raises(Fenced):
            await writer.append(forged, [thought("into her thread")])
    assert await read(database, alice, thread) == []


async def test_appending_nothing_is_no_commit_and_harms_nobody(
    database: Database, writer: Writer, alice: UserId, thread: ThreadId
) -> None:
    mine = await claim(database, alice, thread)
    async with asyncio.timeout(10):
        assert await writer.append(mine, []) == []
        assert writer.written.batches == 0
        assert len(await writer.append(mine, [thought("still alive")])) == 1


async def test_two_writers_and_users_own_transactions_give_dense_logs(
    database: Database, writer: Writer, alice: UserId, thread: ThreadId
) -> None:
    first = await claim(database, alice, thread)
    second_thread = await add_thread(database, alice)
    second = await claim(database, alice, second_thread)
    async with asyncio.timeout(30), Writer.open(database, SystemClock(), ignore) as other:
        parts = await asyncio.gather(
            *(writer.append(first, [thought(f"first {n}")]) for n in range(20)),
            *(other.append(second, [thought(f"second {n}")]) for n in range(20)),
            *(append(database, alice, thread, f"user {n}") for n in range(20)),
        )
    whole = await read(database, alice, thread)
    assert [event.seq for event in whole] == list(range(1, 41))
    assert [event.seq for event in await read(database, alice, second_thread)] == list(range(1, 21))
    assert whole == sorted((event for part in parts[:20] + parts[40:] for event in part), key=lambda event: event.seq)


async def test_fifty_threads_at_once_are_each_dense_and_whole(database: Database, writer: Writer, alice: UserId) -> None:
    claims = [await claim(database, alice, await add_thread(database, alice)) for _ in range(50)]

    async def work(mine: Claim) -> None:
        for start in range(0, 40, 4):
            await writer.append(mine, [thought(str(n)) for n in range(start, start + 4)])

    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        for mine in claims:
            tasks.create_task(work(mine))
    for mine in claims:
        events = await read(database, alice, mine.thread_id)
        assert [event.seq for event in events] == list(range(1, 41))
        assert texts(events) == [str(n) for n in range(40)]
    assert writer.written.batches < 500


# A connection that breaks ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [Proxy.cut_next_request, Proxy.cut_next_reply, Proxy.cut_while_asking])
async def test_a_connection_cut_at_the_commit_leaves_each_event_once(
    database: Database, proxy: Proxy, far_writer: Writer, alice: UserId, thread: ThreadId, fault: Callable[[Proxy], None]
) -> None:
    mine = await claim(database, alice, thread)
    async with asyncio.timeout(20):
        events = await far_writer.append(mine, [thought("before")])
        fault(proxy)
        events += await far_writer.append(mine, [thought("at the cut"), thought("with it")])
        events += await far_writer.append(mine, [thought("after")])
    assert proxy.bitten == 1
    assert texts(events) == ["before", "at the cut", "with it", "after"]
    assert await read(database, alice, thread) == events


async def test_a_cut_at_every_second_append_of_two_runs_leaves_each_event_once(
    database: Database, proxy: Proxy, far_writer: Writer, alice: UserId, thread: ThreadId
) -> None:
    mine = await claim(database, alice, thread)
    other = await claim(database, alice, await add_thread(database, alice))
    faults = itertools.cycle([Proxy.cut_next_reply, Proxy.cut_next_request, Proxy.cut_while_asking])
    events: list[Event] = []
    async with asyncio.timeout(60):
        for n in range(12):
            if n % 2:
                next(faults)(proxy)
            mine_too, _ = await asyncio.gather(
                far_writer.append(mine, [thought(str(n))]), far_writer.append(other, [thought(str(n))])
            )
            events += mine_too
    assert proxy.bitten == 6
    assert await read(database, alice, thread) == events
    assert texts(events) == texts(await read(database, alice, other.thread_id)) == [str(n) for n in range(12)]


async def test_a_fenced_share_is_still_told_so_when_its_batch_is_sent_again(
    database: Database, proxy: Proxy, far_writer: Writer, alice: UserId, thread: ThreadId
) -> None:
    old = await claim(database, alice, thread)
    new = await claim(database, alice, thread)
    async with asyncio.timeout(20):
        await far_writer.append(new, [thought("first")])
        proxy.cut_next_reply()
        outcomes = await asyncio.gather(
            far_writer.append(old, [thought("too late")]), far_writer.append(new, [thought("second")]), return_exceptions=True
        )
    assert proxy.bitten == 1
    assert [type(outcome) for outcome in outcomes] == [Fenced, list]
    assert texts(await read(database, alice, thread)) == ["first", "second"]


async def test_what_others_added_to_the_run_is_not_taken_for_the_writers_own(
    database: Database, proxy: Proxy, far_writer: Writer, alice: UserId, thread: ThreadId
) -> None:
    mine = await claim(database, alice, thread)
    async with asyncio.timeout(20):
        await far_writer.append(mine, [thought("before")])
        # An answer of the user, for example: an event of the same run, by somebody else.
        async with database.for_user(alice).transaction() as connection:
            await log.append(connection, alice, thread, [thought("answer", mine.run_id)])
        proxy.cut_next_request()
        await far_writer.append(mine, [thought("after")])
    assert proxy.bitten == 1
    assert texts(await read(database, alice, thread)) == ["before", "answer", "after"]


async def test_an_append_that_is_still_under_way_when_it_is_sent_again_is_written_once(
    database: Database, proxy: Proxy, far_writer: Writer, alice: UserId, thread: ThreadId, admin: Connection
) -> None:
    mine = await claim(database, alice, thread)
    async with asyncio.timeout(20):
        await far_writer.append(mine, [thought("before")])
        async with database.for_user(alice).transaction() as connection:
            # Hold the thread, so that the first attempt cannot end before the second has begun.
            await connection.execute("SELECT FROM thread WHERE id = %s FOR UPDATE", [thread])
            proxy.cut_while_asking()
            appending = asyncio.create_task(far_writer.append(mine, [thought("once")]))
            while await waiting_for_locks(admin) < 2:
                pass
        await appending
        await far_writer.append(mine, [thought("after")])
    assert texts(await read(database, alice, thread)) == ["before", "once", "after"]


async def waiting_for_locks(admin: Connection) -> int:
    cursor = await admin.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return int((await cursor.fetchone() or (0,))[0])


async def test_an_append_that_arrives_after_the_run_has_gone_on_does_nothing(
    database: Database, proxy: Proxy, far_writer: Writer, alice: UserId, thread: ThreadId
) -> None:
    mine = await claim(database, alice, thread)
    async with asyncio.timeout(20):
        # Late before anything else of the claim was written, and late after something was.
        for text in ("a", "b"):
            proxy.hold_next_request()
            await far_writer.append(mine, [thought(text)])
            await far_writer.append(mine, [thought(text.upper())])
            await proxy.deliver()
    assert proxy.bitten == 2
    assert texts(await read(database, alice, thread)) == ["a", "A", "b", "B"]


async def test_backends_that_are_killed_all_the_time_leave_each_event_once(
    database: Database, writer: Writer, alice: UserId, admin: Connection
) -> None:
    claims = [await claim(database, alice, await add_thread(database, alice)) for _ in range(5)]
    told: dict[ThreadId, list[Event]] = {mine.thread_id: [] for mine in claims}
    killed: set[int] = set()

    async def work(mine: Claim) -> None:
        while len(killed) < 6:
            told[mine.thread_id] += await writer.append(mine, [thought("said"), thought("and said")])

    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        for mine in claims:
            tasks.create_task(work(mine))
        while len(killed) < 6:
            # The writer's backend, whatever it is doing right now: the only one that is called so.
            cursor = await admin.execute(
                "WITH one AS MATERIALIZED (SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name = 'netra_writer') SELECT pid FROM one WHERE pg_terminate_backend(pid)"
            )
            killed |= {pid for (pid,) in await cursor.fetchall()}
    assert writer.written.retries >= 5  # the last may have been killed when nobody needed it any more
    for mine in claims:
        assert await read(database, alice, mine.thread_id) == told[mine.thread_id]


# A database that stays away --------------------------------------------------------------------------------------------------


async def advance_until_done(clock: ManualClock, task: "asyncio.Task[list[Event]]", step: float) -> int:
    """Let time pass whenever the writer sleeps; return how often it did."""
    for slept in itertools.count():
        sleeping = asyncio.create_task(clock.someone_sleeps())
        await asyncio.wait([task, sleeping], return_when=asyncio.FIRST_COMPLETED)
        if not sleeping.done():
            sleeping.cancel()
            return slept
        clock.advance(step)
    raise AssertionError


async def test_when_the_database_cannot_be_reached_the_appender_is_told_and_may_go_on_later(
    database: Database, proxy: Proxy, remote: Database, alice: UserId, thread: ThreadId
) -> None:
    clock = ManualClock()
    mine = await claim(database, alice, thread)
    async with asyncio.timeout(30), Writer.open(remote, clock, ignore) as writer:
        proxy.refusing = True
        appending = asyncio.create_task(writer.append(mine, [thought("never")]))
        slept = await advance_until_done(clock, appending, module.RETRY_FOR / 5)
        with pytest.raises(LogUnavailable):
            await appending
        assert slept == 5
        assert not mine.lost  # no statement ever left, so nothing is in doubt
        proxy.refusing = False
        await writer.append(mine, [thought("later")])
    assert texts(await read(database, alice, thread)) == ["later"]


async def test_a_claim_of_unknown_outcome_writes_no_more_and_the_next_claim_does(
    database: Database, proxy: Proxy, remote: Database, alice: UserId, thread: ThreadId
) -> None:
    clock = ManualClock()
    mine = await claim(database, alice, thread)
    async with asyncio.timeout(30), Writer.open(remote, clock, ignore) as writer:
        await writer.append(mine, [thought("before")])
        proxy.hold_next_request()
        proxy.refusing = True
        appending = asyncio.create_task(writer.append(mine, [thought("who knows")]))
        await advance_until_done(clock, appending, module.RETRY_FOR)
        with pytest.raises(LogUnavailable):
            await appending
        assert mine.lost
        proxy.refusing = False
        with pytest.raises(LogUnavailable):
            await writer.append(mine, [thought("refused")])
        following = await claim(database, alice, thread)
        await proxy.deliver()  # far too late
        await writer.append(following, [thought("after")])
    assert texts(await read(database, alice, thread)) == ["before", "after"]


async def test_a_full_backlog_makes_appenders_wait_in_the_order_of_their_coming(
    database: Database, proxy: Proxy, far_writer: Writer, alice: UserId, thread: ThreadId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BACKLOG", 10)
    mine = await claim(database, alice, thread)
    async with asyncio.timeout(30):
        await far_writer.append(mine, [thought("first")])
        proxy.pause()
        appending = [asyncio.create_task(far_writer.append(mine, [thought(str(n))])) for n in range(100)]
        for _ in range(300):
            await asyncio.sleep(0)
        assert far_writer._count <= 10
        proxy.resume()
        await asyncio.gather(*appending)
    assert texts(await read(database, alice, thread)) == ["first", *map(str, range(100))]


async def test_large_events_fill_the_backlog_by_their_bytes_and_are_written_all_the_same(
    database: Database, proxy: Proxy, far_writer: Writer, alice: UserId, thread: ThreadId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BACKLOG_BYTES", 30_000)
    monkeypatch.setattr(module, "BATCH_BYTES", 15_000)
    mine = await claim(database, alice, thread)
    large = "x" * 20_000
    async with asyncio.timeout(30):
        await far_writer.append(mine, [thought("first")])
        batches = far_writer.written.batches
        proxy.pause()
        appending = [asyncio.create_task(far_writer.append(mine, [thought(large)])) for _ in range(5)]
        for _ in range(300):
            await asyncio.sleep(0)
        assert far_writer._bytes < 60_000
        proxy.resume()
        await asyncio.gather(*appending)
    assert far_writer.written.batches - batches == 5
    assert texts(await read(database, alice, thread)) == ["first", *[large] * 5]


@pytest.mark.slow
async def test_a_connection_that_fell_silent_is_given_up_and_each_event_written_once(
    database: Database, proxy: Proxy, far_writer: Writer, alice: UserId, thread: ThreadId
) -> None:
    mine = await claim(database, alice, thread)
    async with asyncio.timeout(60):
        await far_writer.append(mine, [thought("before")])
        proxy.silence()
        await far_writer.append(mine, [thought("after")])
    assert proxy.bitten
    assert texts(await read(database, alice, thread)) == ["before", "after"]


# Neighbours ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("agent", ["no\0text", "half \ud800 a pair"], ids=["nul", "surrogate"])
async def test_events_that_the_log_refuses_fail_alone(
    database: Database, writer: Writer, alice: UserId, thread: ThreadId, agent: str
) -> None:
    bob = await add_account(database, "bob@example.com")
    good, bad = await claim(database, bob, await add_thread(database, bob)), await claim(database, alice, thread)
    async with asyncio.timeout(20):
        outcomes = await asyncio.gather(
            writer.append(bad, [msgspec.structs.replace(thought("bad"), agent=agent)]),
            writer.append(good, [thought("good")]),
            return_exceptions=True,
        )
        assert [type(outcome) for outcome in outcomes] == [LogUnavailable, list]
        assert not bad.lost
        await writer.append(bad, [thought("better")])
    assert texts(await read(database, alice, thread)) == ["better"]
    assert texts(await read(database, bob, good.thread_id)) == ["good"]


async def test_an_appender_that_is_cancelled_leaves_its_events_and_harms_nobody(
    database: Database, proxy: Proxy, far_writer: Writer, alice: UserId, thread: ThreadId
) -> None:
    mine = await claim(database, alice, thread)
    async with asyncio.timeout(20):
        await far_writer.append(mine, [thought("first")])
        proxy.pause()
        appending = [asyncio.create_task(far_writer.append(mine, [thought(text)])) for text in ("cancelled", "kept")]
        await asyncio.sleep(0)
        appending[0].cancel()
        await asyncio.wait(appending[:1])
        proxy.resume()
        await appending[1]
    assert appending[0].cancelled()
    assert texts(await read(database, alice, thread)) == ["first", "cancelled", "kept"]


# The end ---------------------------------------------------------------------------------------------------------------------


async def test_what_waits_at_the_end_is_written_and_nothing_is_taken_afterwards(
    database: Database, alice: UserId, thread: ThreadId
) -> None:
    mine = await claim(database, alice, thread)
    async with asyncio.timeout(20):
        async with Writer.open(database, SystemClock(), ignore) as writer:
            appending = [asyncio.create_task(writer.append(mine, [thought(str(n))])) for n in range(2000)]
            await asyncio.sleep(0)
        await asyncio.gather(*appending)
        with pytest.raises(LogUnavailable):
            await writer.append(mine, [thought("too late")])
    assert not writer.running
    assert texts(await read(database, alice, thread)) == [str(n) for n in range(2000)]


async def test_closing_does_not_wait_for_a_database_that_is_away(
    database: Database, proxy: Proxy, remote: Database, alice: UserId, thread: ThreadId
) -> None:
    clock = ManualClock()
    mine = await claim(database, alice, thread)
    async with asyncio.timeout(20):
        async with Writer.open(remote, clock, ignore) as writer:
            proxy.refusing = True
            appending = [asyncio.create_task(writer.append(mine, [thought(str(n))] * module.BATCH)) for n in range(4)]
            await clock.someone_sleeps()
            closing = asyncio.create_task(advance_until_done(clock, appending[-1], module.CLOSE_WITHIN))
        outcomes = await asyncio.gather(*appending, return_exceptions=True)
        await closing
    assert [type(outcome) for outcome in outcomes] == [LogUnavailable] * 4
    assert clock.monotonic() <= 2 * module.CLOSE_WITHIN


async def test_a_writer_that_fails_says_so_at_once_and_leaves_nobody_waiting(
    database: Database, alice: UserId, thread: ThreadId, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(epoch: int, events: list[Event]) -> None:
        raise ZeroDivisionError

    mine = await claim(database, alice, thread)
    async with asyncio.timeout(20):
        with pytest.raises(ZeroDivisionError):
            async with Writer.open(database, SystemClock(), broken) as writer:
                outcomes = await asyncio.gather(
                    *(writer.append(mine, [thought(str(n))] * module.BATCH) for n in range(3)), return_exceptions=True
                )
                assert not writer.running
                assert "append no more" in caplog.text
    # The first is on disk and is told its positions; a reader that cannot take it is no fault of the appender.
    assert [type(outcome) for outcome in outcomes] == [list, LogUnavailable, LogUnavailable]
