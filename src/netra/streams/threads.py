"""Beginning a conversation: the one place where a thread comes into being, within what its user's plan has room for.

HTTP, sockets that start an agent without a thread, and the tool of that name all come here, so none of them is a way around
the limit. The limit is read and held in the transaction that adds the thread; simultaneous beginnings take turns.
"""

from typing import Final

from netra.db.database import Connection
from netra.db.sql import NamedQueries
from netra.errors import Forbidden
from netra.ids import ThreadId, UserId

QUERIES: Final = NamedQueries("netra.streams", "threads.sql")


class TooManyThreads(Forbidden):
    """Your plan has no room for another thread; delete one, or take a larger plan."""

    code = "too_many_threads"


async def begin(connection: Connection, user_id: UserId, thread_id: ThreadId, title: str) -> None:
    """Add a thread of this user, inside the caller's transaction. Raises `TooManyThreads`."""
    parameters = {"user_id": user_id, "thread_id": thread_id, "title": title}
    await connection.execute(QUERIES["take_turn"], parameters)
    cursor = await connection.execute(QUERIES["begin"], parameters)
    limit, begun = await cursor.fetchone() or (None, False)
    if not begun:
        raise TooManyThreads(f"Your plan has room for {limit} threads; delete one, or take a larger plan.", limit=limit)
