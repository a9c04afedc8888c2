"""Row-level security as the server's own role meets it."""

import asyncio

import pytest
from psycopg.errors import DivisionByZero, InsufficientPrivilege
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError

from netra.db.database import Connection, Database
from netra.db.scope import DatabaseFull, as_system
from netra.db.tables import Account, Thread
from netra.ids import UserId, new_uuid
from tests.db.test_database import was_cancelled


async def add_thread(database: Database, user_id: UserId, title: str) -> None:
    async with database.for_user(user_id).session() as session:
        session.add(Thread(user_id=user_id, id=new_uuid(), title=title))


async def titles(database: Database, user_id: UserId) -> list[str]:
    async with database.for_user(user_id).session() as session:
        return list(await session.scalars(select(Thread.title).where(Thread.kind == "conversation")))


async def test_bob_cannot_read_what_alice_wrote(database: Database, alice: UserId, bob: UserId) -> None:
    await add_thread(database, alice, "my salary")
    assert await titles(database, alice) == ["my salary"]
    assert await titles(database, bob) == []


async def test_without_a_user_the_servers_own_role_sees_no_rows(database: Database, alice: UserId, database_url: str) -> None:
    await add_thread(database, alice, "my salary")
    async with database.for_user(alice).transaction() as connection:
        await connection.execute(
            "INSERT INTO event (user_id, thread_id, seq, type, at, body) VALUES (%s, %s, 1, 'x', now(), '')", [alice, alice]
        )
    async with await database.connect_listener() as raw:
        for table in ("event", "thread", "run", "dataset", "report", "session", "api_key"):
            rows = await (await raw.execute(f"SELECT * FROM {table}")).fetchall()
            assert rows == [], table


async def test_alice_cannot_write_a_row_in_bobs_name(database: Database, alice: UserId, bob: UserId) -> None:
    with pytest.raises(InsufficientPrivilege):
        async with database.for_user(alice).transaction() as connection:
            await connection.execute("INSERT INTO thread (user_id, id) VALUES (%s, %s)", [bob, new_uuid()])


async def test_an_error_of_the_database_does_not_repeat_what_a_statement_was_given(
    database: Database, alice: UserId, bob: UserId
) -> None:
    with pytest.raises(ProgrammingError) as refusal:
        async with database.for_user(alice).session() as session:
            session.add(Thread(user_id=bob, id=new_uuid(), title="my salary"))
    assert isinstance(refusal.value.orig, InsufficientPrivilege)
    assert "my salary" not in str(refusal.value)


async def test_the_user_does_not_stay_on_a_pooled_connection(database: Database, alice: UserId) -> None:
    await add_thread(database, alice, "my salary")
    scope = database.for_user(alice)
    async with scope.transaction() as connection:
        same = connection.info.backend_pid
    seen = set()
    # Borrow without a user until the very connection that alice used comes back.
    while same not in seen:
        async with scope._pool.connection() as connection:
            seen.add(connection.info.backend_pid)
            rows = await (await connection.execute("SELECT title FROM thread")).fetchall()
            assert rows == []


async def test_a_session_rolls_back_when_its_block_raises(database: Database, alice: UserId) -> None:
    with pytest.raises(ZeroDivisionError):
        async with database.for_user(alice).session() as session:
            session.add(Thread(user_id=alice, id=new_uuid(), title="never"))
            await session.flush()
            raise ZeroDivisionError
    assert await titles(database, alice) == []


async def test_a_session_rolls_back_when_its_task_is_cancelled(database: Database, alice: UserId) -> None:
    flushed = asyncio.Event()

    async def write() -> None:
        async with database.for_user(alice).session() as session:
            session.add(Thread(user_id=alice, id=new_uuid(), title="never"))
            await session.flush()
            flushed.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write())
    async with asyncio.timeout(5):
        await flushed.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await titles(database, alice) == []


async def test_the_serving_role_cannot_read_a_password_hash(database: Database, alice: UserId) -> None:
    async with database.for_user(alice).session() as session:
        account = await session.get(Account, alice)
        assert account is not None
        assert account.email == "alice@example.com"
    with pytest.raises(InsufficientPrivilege):
        async with database.for_user(alice).transaction() as connection:
            await connection.execute("SELECT password_hash FROM account")


async def test_the_writer_adds_events_and_can_read_none(database: Database, alice: UserId) -> None:
    async with await database.connect_writer() as connection:
        await connection.execute(
            "INSERT INTO event (user_id, thread_id, seq, type, at, body) VALUES (%s, %s, 1, 'x', now(), '')", [alice, alice]
        )
        await connection.commit()
        with pytest.raises(InsufficientPrivilege):
            await connection.execute("SELECT body FROM event")


async def test_transactions_of_one_user_that_name_the_same_turn_take_turns_and_others_wait_for_none(
    database: Database, alice: UserId, bob: UserId
) -> None:
    ended: list[str] = []

    async def take_turn(name: str, user: UserId) -> None:
        async with database.for_user(user).transaction("accept"):
            ended.append(name)

    async with asyncio.timeout(10):
        async with database.for_user(alice).transaction("accept") as connection:
            second = asyncio.create_task(take_turn("alice again", alice))
            await take_turn("bob", bob)
            async with database.for_user(alice).transaction("something else"), database.for_user(alice).transaction():
                await add_thread(database, alice, "written in between")
            # By now the second one waits in the database, or is about to: it has not had its turn either way.
            assert ended == ["bob"]
            await connection.execute("UPDATE thread SET title = 'written in turn' WHERE kind = 'conversation'")
        await second
    assert ended == ["bob", "alice again"]
    assert await titles(database, alice) == ["written in turn"]


# The system role inside a user's own transaction ------------------------------------------------------------------------------

COUNT = "SELECT count(*) FROM thread"


async def seen(connection: Connection) -> tuple[str, int]:
    """As whom this connection works, and how many threads that one sees."""
    row = await (await connection.execute("SELECT current_user::text")).fetchone()
    count = await (await connection.execute(COUNT)).fetchone()
    assert row is not None and count is not None
    return row[0], count[0]


async def test_as_system_sees_everybodys_rows_for_the_length_of_the_block(
    database: Database, alice: UserId, bob: UserId
) -> None:
    async with database.for_user(alice).transaction() as connection:
        # Often enough for the driver to prepare the statement: a plan made for one role must not serve the other.
        for _ in range(12):
            assert await seen(connection) == ("netra_app", 1)
            async with as_system(connection):
                assert await seen(connection) == ("netra_system", 2)
                async with as_system(connection):
                    assert await seen(connection) == ("netra_system", 2)
                assert await seen(connection) == ("netra_system", 2)
    async with database.system().transaction() as connection:
        async with as_system(connection):
            pass
        assert await seen(connection) == ("netra_system", 2)


async def test_what_is_done_as_system_commits_or_fails_with_the_users_own_work(
    database: Database, alice: UserId, bob: UserId
) -> None:
    for fails in (True, False):
        try:
            async with database.for_user(alice).transaction() as connection:
                await connection.execute("UPDATE thread SET title = 'hers' WHERE user_id = %s", [alice])
                async with as_system(connection):
                    await connection.execute("UPDATE thread SET title = 'his' WHERE user_id = %s", [bob])
                if fails:
                    raise ZeroDivisionError
        except ZeroDivisionError:
            pass
        async with database.system().transaction() as connection:
            rows = await (await connection.execute("SELECT title FROM thread ORDER BY title")).fetchall()
        assert rows == ([("",), ("",)] if fails else [("hers",), ("his",)])


async def test_a_block_that_raises_gives_the_role_back(database: Database, alice: UserId, bob: UserId) -> None:
    async with database.for_user(alice).transaction() as connection:
        with pytest.raises(ZeroDivisionError):
            async with as_system(connection):
                raise ZeroDivisionError
        assert await seen(connection) == ("netra_app", 1)


async def test_a_statement_that_fails_as_system_is_the_error_that_is_raised(database: Database, alice: UserId) -> None:
    with pytest.raises(DivisionByZero):
        async with database.for_user(alice).transaction() as connection, as_system(connection):
            await connection.execute("SELECT 1 / 0")


async def test_wherever_it_is_cancelled_the_system_role_does_not_outlive_its_transaction(
    database_url: str, database: Database, alice: UserId, bob: UserId
) -> None:
    async with asyncio.timeout(60), Database.open(database_url, pool_size=1) as small:

        async def work() -> None:
            async with small.for_user(alice).transaction() as connection:
                await seen(connection)
                async with as_system(connection):
                    await seen(connection)
                    await connection.execute("UPDATE thread SET title = 'changed'")
                await seen(connection)

        cancelled = 0
        while await was_cancelled(work(), cancelled + 1):
            cancelled += 1
            async with small.for_user(bob)._pool.connection() as raw:
                assert await seen(raw) == ("netra_app", 0)
            async with small.for_user(bob).transaction() as connection:
                assert await seen(connection) == ("netra_app", 1)
        assert cancelled > 10
        async with small.for_user(bob)._pool.connection() as raw:
            assert await seen(raw) == ("netra_app", 0)


NO_ROOM = "DO $$ BEGIN RAISE EXCEPTION 'could not extend file \"base/1/2\"' USING ERRCODE = 'disk_full'; END $$"
"""What PostgreSQL says when a table finds no room to grow."""


async def test_a_disk_without_room_is_a_refusal_for_now_that_shows_no_path_and_keeps_nothing(
    database: Database, alice: UserId
) -> None:
    scope = database.for_user(alice)
    with pytest.raises(DatabaseFull) as by_driver:
        async with scope.transaction() as connection:
            await connection.execute(NO_ROOM)
    with pytest.raises(DatabaseFull) as by_session:
        async with scope.session() as session:
            session.add(Thread(user_id=alice, id=new_uuid(), title="too much"))
            await session.flush()
            await session.execute(text(NO_ROOM))
    for refusal in (by_driver.value, by_session.value):
        assert refusal.status == 503
        assert "base/1/2" not in str(refusal)
    assert await titles(database, alice) == []
