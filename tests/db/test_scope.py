"""Row-level security as the server's own role meets it."""

import asyncio

import pytest
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import select

from netra.db.database import Database
from netra.db.tables import Account, Thread
from netra.ids import UserId, new_uuid


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
