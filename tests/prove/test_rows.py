import asyncio
from uuid import UUID

from psycopg import AsyncConnection

from netra.db.database import Database
from netra.ids import UserId
from netra.prove.rows import marked_rows, standings
from netra.runs.context import RunContext
from tests.runs.world import open_world

OWNER = UUID(int=7)
MARK = "mark-" + "a" * 32


async def test_rows_with_marks_are_found_with_their_owner_in_text_and_in_bytes(owner_url: str) -> None:
    async with asyncio.timeout(20), await AsyncConnection.connect(owner_url, autocommit=True) as connection:
        await connection.execute("CREATE TABLE letter (user_id uuid, words text, packed bytea)")
        await connection.execute("CREATE TABLE weather (words text)")
        await connection.execute("INSERT INTO letter VALUES (%s, %s, NULL)", [OWNER, f"Dear {MARK}"])
        await connection.execute("INSERT INTO letter VALUES (%s, 'none', %s)", [OWNER, MARK.encode()])
        await connection.execute("INSERT INTO letter VALUES (%s, 'none', NULL)", [OWNER])
        await connection.execute("INSERT INTO weather VALUES (%s)", [MARK])
    found = await asyncio.to_thread(lambda: list(marked_rows(owner_url)))
    assert [(row.table, row.owner) for row in found] == [("letter", str(OWNER))] * 2
    assert all(MARK in row.text for row in found)


async def test_where_a_run_stands_is_told_with_its_job_and_with_who_holds_its_lock(
    database: Database, owner_url: str, alice: UserId, bob: UserId
) -> None:
    async with open_world(database) as world:

        @world.agent
        async def nobody(context: RunContext) -> None: ...

        free, held = await world.start(alice, "nobody"), await world.start(bob, "nobody")
        async with database.system().transaction() as connection:
            await connection.execute("DELETE FROM procrastinate_jobs WHERE args ->> 'user_id' = %s", [str(bob)])
        async with database.for_user(bob).transaction("runs"):
            found = await asyncio.to_thread(standings, owner_url)
    assert found[str(free.run_id)] == (
        "queued, attempt 0, dispatch 1, its turn, lane 0, job todo of dispatch 1, its lock is free"
    )
    before, lock = found[str(held.run_id)].split(", no job, ")
    assert before == "queued, attempt 0, dispatch 1, its turn, lane 0"
    assert lock.startswith("its lock is held by a session that is idle in transaction, in a transaction of 0 s")
