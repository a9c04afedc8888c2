import asyncio

import pytest

from netra.db.database import Database
from netra.ids import ThreadId, UserId, new_uuid
from netra.streams.threads import TooManyThreads, begin


async def try_to_begin(database: Database, user_id: UserId) -> bool:
    try:
        async with database.for_user(user_id).transaction() as connection:
            await begin(connection, user_id, ThreadId(new_uuid()), "one more")
    except TooManyThreads:
        return False
    return True


async def test_twenty_beginnings_at_once_are_as_many_as_there_is_room_for(
    database: Database, alice: UserId, bob: UserId
) -> None:
    async with asyncio.timeout(30):
        begun = await asyncio.gather(*(try_to_begin(database, alice) for _ in range(20)))
    assert sum(begun) == 5
    assert await try_to_begin(database, bob)


async def test_a_thread_that_was_deleted_makes_room(database: Database, alice: UserId) -> None:
    while await try_to_begin(database, alice):
        pass
    async with database.for_user(alice).transaction() as connection:
        await connection.execute(
            "DELETE FROM thread WHERE id = (SELECT max(id::text)::uuid FROM thread WHERE kind = 'conversation')"
        )
    assert await try_to_begin(database, alice)
    assert not await try_to_begin(database, alice)


async def test_a_plan_that_ran_out_leaves_what_is_there_and_takes_nothing_more(database: Database, alice: UserId) -> None:
    async with database.system().transaction() as connection:
        await connection.execute("UPDATE account SET plan = 'enterprise'")
    for _ in range(8):
        assert await try_to_begin(database, alice)
    async with database.system().transaction() as connection:
        await connection.execute("UPDATE account SET plan_expires_at = now()")
    with pytest.raises(TooManyThreads, match="room for 5 threads"):
        async with database.for_user(alice).transaction() as connection:
            await begin(connection, alice, ThreadId(new_uuid()), "")
    async with database.for_user(alice).transaction() as connection:
        cursor = await connection.execute("SELECT count(*) FROM thread WHERE kind = 'conversation'")
        assert await cursor.fetchone() == (8,)
