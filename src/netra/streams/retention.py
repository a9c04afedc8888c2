"""Cutting away old history, thread by thread, each cut a new epoch.

The journal of a live run is never cut: a restart would do again what the log says was done.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from netra.db.database import Database
from netra.ids import ThreadId, UserId
from netra.streams.cursor import Position
from netra.streams.hub import Key
from netra.streams.log import QUERIES

_NOTHING: Final = UUID(int=0)


async def trim(database: Database, before: datetime) -> list[tuple[Key, Position]]:
    """Cut events older than `before` in every thread; return where each thread that was cut stands now.

    One transaction a thread, so that a long clean-up never holds more than one thread's lock, and a crash half-way leaves
    each thread either cut or whole.
    """
    cut: list[tuple[Key, Position]] = []
    user_id, thread_id = _NOTHING, _NOTHING
    while True:
        async with database.system().transaction() as connection:
            cursor = await connection.execute(
                QUERIES["next_trim"], {"before": before, "user_id": user_id, "thread_id": thread_id}
            )
            row = await cursor.fetchone()
            if row is None:
                return cut
            user_id, thread_id, upto = row
            where = {"user_id": user_id, "thread_id": thread_id, "cut": upto}
            moved = await (await connection.execute(QUERIES["cut_thread"], where)).fetchone()
            if moved is None:
                continue  # a live run stands in the way; its thread is looked at again next time
            await connection.execute(QUERIES["delete_events"], where)
        epoch, head = moved
        cut.append(((UserId(user_id), ThreadId(thread_id)), Position(epoch, upto, head)))
