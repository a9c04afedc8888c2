import asyncio
from uuid import UUID

from psycopg import AsyncConnection

from netra.prove.rows import marked_rows

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
