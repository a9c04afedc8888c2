"""The connections of a process: refused, lost, cancelled, used up and handed on, without anybody seeing another's rows."""

import asyncio
import itertools
import os
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator
from contextlib import AbstractAsyncContextManager, ExitStack
from typing import Any, LiteralString

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from netra.db import database as module
from netra.db.database import Connection, Database, DatabaseTooOld
from netra.db.scope import DatabaseBusy, DatabaseUnreachable, Scope, SystemScope
from netra.ids import ThreadId, UserId, new_uuid
from netra.prove.proxy import Proxy
from tests.fixtures.postgres import add_account
from tests.fixtures.world import eventually

Run = Callable[[Scope, str], Coroutine[Any, Any, list[tuple[Any, ...]]]]
"""One statement in a transaction of its own, in one of the two styles."""


async def by_transaction(scope: Scope, statement: str) -> list[tuple[Any, ...]]:
    async with scope.transaction() as connection:
        cursor = await connection.execute(statement)
        return await cursor.fetchall() if cursor.description else []


async def by_session(scope: Scope, statement: str) -> list[tuple[Any, ...]]:
    async with scope.session() as session:
        result = await session.execute(text(statement))
        return [tuple(row) for row in result] if result.returns_rows else []  # type: ignore[attr-defined]


BOTH_STYLES = pytest.mark.parametrize("run", [by_transaction, by_session])


@pytest.fixture
async def admin(owner_url: str) -> AsyncIterator[Connection]:
    async with await psycopg.AsyncConnection.connect(owner_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[Proxy]:
    async with Proxy.open(database_url) as proxy:
        yield proxy


async def add_thread(database: Database, user_id: UserId, title: str) -> None:
    async with database.for_user(user_id).transaction() as connection:
        await connection.execute(
            "INSERT INTO thread (user_id, id, title) VALUES (%s, %s, %s)", [user_id, ThreadId(new_uuid()), title]
        )


TITLES = "SELECT title FROM thread WHERE title <> '' ORDER BY title"


# Opening ---------------------------------------------------------------------------------------------------------------------


async def test_connections_say_in_the_databases_own_list_what_they_are_for(database: Database, admin: Connection) -> None:
    async with await database.connect_writer(), await database.connect_listener():
        await by_transaction(database.system(), "SELECT 1")
        cursor = await admin.execute(
            "SELECT DISTINCT application_name FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name LIKE 'netra%'"
        )
        assert {name for (name,) in await cursor.fetchall()} == {"netra_app", "netra_system", "netra_writer"}


async def test_nothing_is_left_open_at_the_end(database_url: str, admin: Connection) -> None:
    async with Database.open(database_url, pool_size=3) as database:
        await asyncio.gather(*(by_transaction(database.system(), "SELECT pg_sleep(0.01)") for _ in range(3)))
        await by_session(database.for_user(UserId(new_uuid())), "SELECT 1")
    async with asyncio.timeout(10):
        while await backends(admin):
            pass


async def backends(admin: Connection) -> int:
    cursor = await admin.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'netra_%'"
    )
    return int((await cursor.fetchone() or (0,))[0])


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://netra_app:hunter2@127.0.0.1:9/netra",
        "postgresql://netra_app:hunter2@127.0.0.1:none/netra",
        "postgresql://netra_app:hunter2%ZZ@127.0.0.1/netra",
        "postgresql://netra_app:hunter2@127.0.0.1/netra?nonsense=hunter2",
        "hunter2",
        "",
    ],
)
async def test_a_database_that_cannot_be_reached_is_told_without_a_password(url: str) -> None:
    async with asyncio.timeout(10):
        with pytest.raises(DatabaseUnreachable) as refusal:
            async with Database.open(url):
                pass
    told = "".join(traceback.format_exception(refusal.value, chain=True))
    # The source lines of this test are part of the trace; what anybody said about it is not.
    assert "hunter2" not in "".join(line for line in told.splitlines() if not line.startswith("    "))


async def test_a_server_that_is_too_old_is_refused(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MINIMUM_VERSION", 990000)
    with pytest.raises(DatabaseTooOld, match="15 or newer"):
        async with Database.open(database_url):
            pass


async def test_what_the_operators_url_says_wins_except_over_schema(database_url: str, alice: UserId) -> None:
    options = "-c%20statement_timeout%3D4321%20-c%20idle_in_transaction_session_timeout%3D77s%20-c%20search_path%3Dpg_temp"
    async with Database.open(f"{database_url}&keepalives_idle=33&options={options}") as database:
        shown = (
            "SELECT current_setting('statement_timeout'), current_setting('idle_in_transaction_session_timeout'), current_user"
        )
        assert await by_transaction(database.for_user(alice), shown) == [("4321ms", "77s", "netra_app")]
        assert await by_session(database.system(), shown) == [("4321ms", "77s", "netra_system")]
        async with database.for_user(alice).transaction() as connection:
            parameters = connection.info.get_parameters()
            assert (parameters["keepalives_idle"], parameters["tcp_user_timeout"]) == ("33", "10000")


# Connections that are lost ---------------------------------------------------------------------------------------------------


@BOTH_STYLES
async def test_nobody_notices_that_the_server_ended_every_idle_connection(
    database: Database, alice: UserId, admin: Connection, run: Run
) -> None:
    scope = database.for_user(alice)
    async with asyncio.timeout(20):
        for _ in range(3):
            await asyncio.gather(*(run(scope, "SELECT pg_sleep(0.01)") for _ in range(5)))
            await admin.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            for _ in range(10):
                assert await run(scope, "SELECT 1") == [(1,)]


@BOTH_STYLES
async def test_a_connection_that_breaks_in_a_transaction_is_told_as_the_database_being_away(
    proxy: Proxy, database: Database, alice: UserId, run: Run
) -> None:
    async with asyncio.timeout(20), Database.open(proxy.url, pool_size=2) as remote:
        scope = remote.for_user(alice)
        await run(scope, "SELECT 1")
        for fault in (proxy.cut_next_request, proxy.cut_next_reply):
            # A pool opens its connections behind our back, and one that it is opening would take the fault upon itself.
            await eventually(lambda: all(pool.get_stats()["pool_available"] == 2 for pool in (remote._app, remote._system)))
            fault()
            with pytest.raises(DatabaseUnreachable):
                await run(scope, "SELECT 1")
            assert await run(scope, "SELECT 1") == [(1,)]
    assert proxy.bitten == 2


@BOTH_STYLES
async def test_what_the_database_itself_refuses_passes_as_it_is(database: Database, alice: UserId, run: Run) -> None:
    with pytest.raises((psycopg.errors.UndefinedTable, ProgrammingError)):
        await run(database.for_user(alice), "SELECT * FROM nowhere")
    assert await run(database.for_user(alice), "SELECT 1") == [(1,)]


async def test_a_transaction_that_lies_idle_gives_its_locks_back(
    database_url: str, database: Database, alice: UserId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ABANDONED", "-c idle_in_transaction_session_timeout=50ms")
    await add_thread(database, alice, "held")
    async with asyncio.timeout(10), Database.open(database_url) as other:
        with pytest.raises(DatabaseUnreachable):
            async with other.for_user(alice).transaction() as connection:
                await connection.execute("UPDATE thread SET title = 'never'")
                await by_transaction(database.for_user(alice), "UPDATE thread SET title = 'free again'")
                await connection.execute("SELECT 1")
    assert await by_transaction(database.for_user(alice), "SELECT DISTINCT title FROM thread") == [("free again",)]


async def test_a_process_with_a_thousand_sockets_still_has_a_pool(database_url: str, alice: UserId, database: Database) -> None:
    with ExitStack() as stack:
        for _ in range(1100):
            stack.callback(os.close, os.dup(0))
        async with asyncio.timeout(20), Database.open(database_url) as crowded:
            async with crowded.for_user(alice).transaction() as connection:
                assert connection.fileno() > 1024
            assert await by_session(crowded.for_user(alice), "SELECT 1") == [(1,)]


# A pool that is used up ------------------------------------------------------------------------------------------------------


async def test_whoever_follows_the_log_waits_for_no_request(database_url: str, alice: UserId) -> None:
    async with asyncio.timeout(20), Database.open(database_url, pool_size=1, pool_timeout=0.1) as database:
        async with database.for_user(alice).transaction():
            with pytest.raises(DatabaseBusy):
                await by_transaction(database.for_user(alice), "SELECT 1")
            told = await by_transaction(database.for_reader(alice), "SELECT current_setting('netra.user_id')")
        assert told == [(str(alice),)]


@BOTH_STYLES
async def test_a_pool_that_is_used_up_refuses_after_its_time_and_recovers(database_url: str, alice: UserId, run: Run) -> None:
    async with asyncio.timeout(20), Database.open(database_url, pool_size=2, pool_timeout=0.1) as database:
        scope = database.for_user(alice)
        async with scope.transaction(), scope.session():
            with pytest.raises(DatabaseBusy) as refusal:
                await run(scope, "SELECT 1")
            assert refusal.value.retry_after > 0
        assert await run(scope, "SELECT 1") == [(1,)]
        assert database.waiting() == 0


async def test_a_cancellation_that_comes_together_with_the_connection_is_not_lost(database_url: str) -> None:
    async with asyncio.timeout(20), Database.open(database_url, pool_size=1) as database:

        async def work() -> None:
            async with database.system().transaction() as connection:
                await connection.execute("SELECT 1")

        for turns in itertools.count():
            async with database.system().transaction():
                waiting = asyncio.create_task(work())
                while not database.waiting():  # noqa: ASYNC110 - psycopg's pool has no event for it
                    await asyncio.sleep(0)
            for _ in range(turns):
                await asyncio.sleep(0)
            if not waiting.cancel():
                break  # it was done before
            with pytest.raises(asyncio.CancelledError):
                await waiting
        assert turns > 5


@BOTH_STYLES
async def test_a_queue_that_is_too_long_is_refused_at_once(database_url: str, alice: UserId, run: Run) -> None:
    async with asyncio.timeout(20), Database.open(database_url, pool_size=1, pool_timeout=10) as database:
        scope = database.for_user(alice)
        async with scope.transaction():
            waiting = [asyncio.create_task(run(scope, "SELECT 1")) for _ in range(50)]
            while database.waiting() < 50:  # noqa: ASYNC110 - psycopg's pool has no event for it
                await asyncio.sleep(0)
            with pytest.raises(DatabaseBusy):
                await run(scope, "SELECT 1")
        assert await asyncio.gather(*waiting) == [[(1,)]] * 50


async def test_a_connection_that_is_borrowed_often_grows_no_handlers(database_url: str, alice: UserId) -> None:
    async with Database.open(database_url, pool_size=1) as database:
        for _ in range(20):
            await by_session(database.for_user(alice), "SELECT 1")
        async with database.for_user(alice).transaction() as connection:
            assert len(connection._notice_handlers) <= 1


async def test_each_style_finds_a_connection_as_it_needs_it_whatever_the_one_before_did(
    database_url: str, alice: UserId
) -> None:
    async with Database.open(database_url, pool_size=1) as database:
        scope = database.for_user(alice)
        for _ in range(2):
            for run in (by_session, by_transaction):
                with pytest.raises((psycopg.Error, ProgrammingError)):
                    await run(scope, "SELECT 1/0 FROM nowhere")
                assert await was_cancelled(run(scope, "SELECT pg_sleep(10)"), 3)
                async with scope.transaction() as connection:
                    assert connection.autocommit  # so that BEGIN is ours, with the user in the same message
                await by_transaction(database.system(), "SELECT 1")
                assert await database.system().fetch("SELECT 1 AS one", {}) == [{"one": 1}]


# Cancellation ----------------------------------------------------------------------------------------------------------------


class CancelledAt(Awaitable[None]):
    """Awaits work in the task that awaits it, and cancels that task when the work waits for the k-th time."""

    def __init__(self, work: Coroutine[Any, Any, Any], k: int) -> None:
        self.work = work
        self.k = k
        self.waits = 0

    def __await__(self) -> Generator[Any, Any, None]:
        resume, value = self.work.send, None
        while True:
            try:
                waiting = resume(value)
            except StopIteration:
                return
            self.waits += 1
            if self.waits == self.k:
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            try:
                resume, value = self.work.send, (yield waiting)
            except BaseException as error:  # noqa: BLE001 - handed to the work, as the loop would have done
                resume, value = self.work.throw, error


async def was_cancelled(work: Coroutine[Any, Any, Any], k: int) -> bool:
    """Do the work, cancelled when it waits for the k-th time; False: it never waited that often, and is done."""
    try:
        await CancelledAt(work, k)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        assert task is not None
        task.uncancel()
        return True
    return False


READ = "SELECT title, repeat('x', 50000) FROM thread WHERE title <> '' LIMIT 2"
"""An answer that takes a while to come."""


async def write_by_transaction(scope: Scope, user_id: UserId, title: str) -> None:
    async with scope.transaction() as connection:
        await connection.execute(
            "INSERT INTO thread (user_id, id, title) VALUES (%s, %s, %s)", [user_id, new_uuid(), title + " 1"]
        )
        rows = await (await connection.execute(READ)).fetchall()
        assert all(title.startswith("alice") for title, _ in rows)
        await connection.execute(
            "INSERT INTO thread (user_id, id, title) VALUES (%s, %s, %s)", [user_id, new_uuid(), title + " 2"]
        )


async def write_by_session(scope: Scope, user_id: UserId, title: str) -> None:
    async with scope.session() as session:
        statement = text("INSERT INTO thread (user_id, id, title) VALUES (:user, :id, :title)")
        await session.execute(statement, {"user": user_id, "id": new_uuid(), "title": title + " 1"})
        rows = (await session.execute(text(READ))).all()
        assert all(title.startswith("alice") for title, _ in rows)
        await session.execute(statement, {"user": user_id, "id": new_uuid(), "title": title + " 2"})


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("write", [write_by_transaction, write_by_session])
async def test_wherever_a_transaction_is_cancelled_nobody_sees_anothers_rows_and_the_pool_stays_whole(
    proxy: Proxy,
    database: Database,
    alice: UserId,
    bob: UserId,
    write: Callable[[Scope, UserId, str], Coroutine[Any, Any, None]],
    size: int,
) -> None:
    await add_thread(database, bob, "bob's own")
    async with asyncio.timeout(110), Database.open(proxy.url, pool_size=size) as remote:
        hers, his = remote.for_user(alice), remote.for_user(bob)
        await by_session(hers, "SELECT 1")  # what SQLAlchemy asks of a new server once, it should not ask below
        proxy.delay = 0.01
        k = 0
        while True:
            k += 1
            cancelled = await was_cancelled(write(hers, alice, f"alice {k}"), k)
            # As many borrowers at once as the pool has connections: each gets one, and on it only what is theirs.
            seen = await asyncio.gather(*(by_transaction(his, TITLES) for _ in range(size)), by_session(his, TITLES))
            assert seen == [[("bob's own",)]] * (size + 1), f"cancelled at wait {k}"
            [(mine,)] = await by_transaction(hers, f"SELECT count(*) FROM thread WHERE title LIKE 'alice {k} %'")
            assert mine in ({0, 2} if cancelled else {2}), f"half a transaction, cancelled at wait {k}"
            stats = hers._pool.get_stats()
            assert stats["pool_size"] <= size
            if not cancelled:
                break
    assert k > 5


async def by_fetch(scope: SystemScope) -> None:
    await scope.fetch("SELECT 1 AS one", {})


async def by_transaction_of_nobody(scope: SystemScope) -> None:
    async with scope.transaction() as connection:
        await connection.execute("SELECT 1")


async def by_session_of_nobody(scope: SystemScope) -> None:
    async with scope.session() as session:
        await session.execute(text("SELECT 1"))


@pytest.mark.parametrize("ask", [by_fetch, by_transaction_of_nobody, by_session_of_nobody])
async def test_connections_that_fell_silent_cost_one_wait_and_are_all_replaced(
    proxy: Proxy, alice: UserId, ask: Callable[[SystemScope], Coroutine[Any, Any, None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with asyncio.timeout(60), Database.open(proxy.url, pool_size=4) as remote:
        system = remote.system()
        await asyncio.gather(*(ask(system) for _ in range(4)))
        proxy.silence()
        monkeypatch.setattr(module, "ANSWER_WITHIN", 0.5)
        with pytest.raises(DatabaseUnreachable):
            await ask(system)
        # As many as the pool has connections, at once, so that none of the silent ones can hide; and those of users.
        monkeypatch.setattr(module, "ANSWER_WITHIN", 100.0)
        await asyncio.gather(*(ask(system) for _ in range(4)), by_transaction(remote.for_user(alice), "SELECT 1"))


async def test_a_wait_that_is_given_up_on_a_silent_connection_is_told_to_the_others(proxy: Proxy) -> None:
    async with asyncio.timeout(60), Database.open(proxy.url, pool_size=2) as remote:
        system = remote.system()
        await asyncio.gather(by_fetch(system), by_fetch(system))
        proxy.silence()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await by_fetch(system)
        async with asyncio.timeout(5):
            await by_fetch(system)


async def test_wherever_a_fetch_is_cancelled_the_next_one_gets_its_own_answer(proxy: Proxy) -> None:
    async with asyncio.timeout(110), Database.open(proxy.url, pool_size=1) as remote:
        system = remote.system()
        proxy.delay = 0.01
        ask: LiteralString = "SELECT %(mark)s::text AS mark, current_user::text AS who, repeat('x', 50000) AS much"

        async def fetch(mark: str) -> None:
            [row] = await system.fetch(ask, {"mark": mark})
            assert (row["mark"], row["who"]) == (mark, "netra_system")

        for k in itertools.count(1):
            cancelled = await was_cancelled(fetch(f"cancelled {k}"), k)
            for nth in range(3):
                await fetch(f"after {k}, {nth}")
            if not cancelled:
                break
        assert k > 1


async def test_a_storm_of_cancellations_at_any_moment_leaks_nothing(
    proxy: Proxy, database: Database, alice: UserId, bob: UserId
) -> None:
    await add_thread(database, alice, "alice's own")
    await add_thread(database, bob, "bob's own")
    proxy.delay = 0.01
    async with asyncio.timeout(60), Database.open(proxy.url, pool_size=2) as remote:
        owners = {alice: [("alice's own",)], bob: [("bob's own",)]}

        async def ask(nth: int) -> None:
            user, run = (alice, bob)[nth % 2], (by_transaction, by_session)[nth // 2 % 2]
            asking = asyncio.create_task(run(remote.for_user(user), TITLES))
            # Spread over the length of a transaction, so that every part of it is hit.
            asyncio.get_running_loop().call_later(nth % 20 * 0.01, asking.cancel)
            try:
                assert await asking == owners[user]
            except asyncio.CancelledError:
                assert asking.cancelled()

        for start in range(0, 80, 8):
            await asyncio.gather(*(ask(nth) for nth in range(start, start + 8)))
        proxy.delay = 0
        for user, own in owners.items():
            assert await asyncio.gather(*(by_transaction(remote.for_user(user), TITLES) for _ in range(4))) == [own] * 4


# What a borrower leaves behind -----------------------------------------------------------------------------------------------


@BOTH_STYLES
@pytest.mark.parametrize(
    "left",
    [
        "SET netra.user_id = '{alice}'",
        "SET ROLE netra_system",
        "SET ROLE netra_writer",
        "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        "SET row_security = off",
        "SET search_path = pg_temp, public",
        "SET timezone = 'Asia/Tokyo'",
        "CREATE TEMP TABLE thread AS SELECT * FROM public.thread",
        "CREATE TEMP TABLE event AS SELECT * FROM public.event",
        "SELECT pg_advisory_lock(4711)",
        "PREPARE stolen AS SELECT title FROM thread WHERE title <> '' ORDER BY title",
        "DECLARE held CURSOR WITH HOLD FOR SELECT title FROM thread",
        "LISTEN netra_hints",
    ],
)
async def test_what_one_borrower_left_behind_shows_the_next_nothing(
    database_url: str, database: Database, alice: UserId, bob: UserId, run: Run, left: str
) -> None:
    await add_thread(database, alice, "alice's own")
    await add_thread(database, bob, "bob's own")
    async with asyncio.timeout(20), Database.open(database_url, pool_size=1) as small:
        hers, his = small.for_user(alice), small.for_user(bob)
        assert await run(hers, TITLES) == [("alice's own",)]
        await run(hers, left.format(alice=alice))
        assert await run(his, TITLES) == [("bob's own",)]
        assert await run(his, "SELECT count(*) FROM event") == [(0,)]
        assert await run(his, "SELECT current_user, current_setting('timezone')") == [("netra_app", "UTC")]
        if left.startswith("PREPARE"):
            assert await run(his, "EXECUTE stolen") == [("bob's own",)]
        assert await run(hers, TITLES) == [("alice's own",)]


async def test_what_was_left_on_a_connection_of_the_system_role_does_not_change_what_it_is(
    database_url: str, database: Database, alice: UserId
) -> None:
    async with Database.open(database_url, pool_size=1) as small:
        await by_transaction(small.system(), "SET ROLE none")
        assert await small.system().fetch("SELECT current_user::text AS who", {}) == [{"who": "netra_system"}]
        assert await by_transaction(small.system(), "SELECT current_user") == [("netra_system",)]
        assert await by_session(small.system(), "SELECT count(*) FROM account") == [(1,)]


async def test_the_system_sees_everybody_and_a_user_only_themselves(database: Database, alice: UserId) -> None:
    await add_account(database, "bob@example.com")
    assert await by_transaction(database.system(), "SELECT count(*) FROM account") == [(2,)]
    assert await by_transaction(database.for_user(alice), "SELECT id FROM account") == [(alice,)]
    scopes: list[AbstractAsyncContextManager[Any]] = [database.for_user(alice).transaction(), database.system().session()]
    for scope in scopes:
        async with scope as opened:
            assert opened is not None
