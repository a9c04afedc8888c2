"""The log inside one user's own transaction: append with what changes with it, and read.

This is the path for events that must commit together with rows (a run's acceptance, its end, an answer). The stream of
events that a running agent makes goes through `writer`, which commits many threads' events at once.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from netra.db.database import Connection
from netra.db.scope import UserScope
from netra.db.sql import NamedQueries
from netra.errors import Conflict, NotFound
from netra.events.codec import Draft, Event, place
from netra.ids import RunId, ThreadId, UserId
from netra.streams.cursor import Position

QUERIES: Final = NamedQueries("netra.streams", "log.sql")

PAGE: Final = 500
"""Events a read takes at a time: about 100 KiB, so that a long replay neither starves others nor holds much."""

PAGE_BYTES: Final = 128 * 1024
"""Bytes of data after which a page takes no further event. Without it, 500 large tool results would be more than a reader's
outbox may hold, and the reader could never resume."""


class Fenced(Conflict):
    """Somebody newer holds this run; nothing was written."""

    code = "fenced"


async def append(
    connection: Connection,
    user_id: UserId,
    thread_id: ThreadId,
    drafts: Sequence[Draft],
    *,
    fence: int | None = None,
    release: bool = False,
) -> tuple[int, list[Event]]:
    """Append inside the caller's transaction; return the epoch and the events with their positions.

    The events may be shown only once that transaction has committed. With `release`, these are the last events under the
    present fence. Raises `NotFound` for a thread that this user does not have, `Fenced` when `fence` is given and no longer
    holds.
    """
    epoch, _, events = await _append(connection, user_id, thread_id, drafts, fence, int(release))
    return epoch, events


async def take(
    connection: Connection, user_id: UserId, thread_id: ThreadId, drafts: Sequence[Draft]
) -> tuple[int, int, list[Event]]:
    """Append under a new fence; return epoch, fence and events. Whoever held the thread before writes nothing any more."""
    return await _append(connection, user_id, thread_id, drafts, None, 1)


async def append_to_accounts(connection: Connection, drafts: Mapping[UserId, Draft]) -> list[tuple[int, Event]]:
    """Append an event to the account log of each of these users, inside a transaction of the system role.

    The events are the account's own, of no run and no agent. Returns each with its log's epoch. One round trip, where a user
    at a time would be one each: a change of a plan is for everybody who has it, and they are to hear of it within seconds.
    """
    cursor = await connection.execute(
        QUERIES["append_to_accounts"],
        {
            "user_ids": list(drafts),
            "types": [item.type for item in drafts.values()],
            "ats": [item.at for item in drafts.values()],
            "bodies": [item.body for item in drafts.values()],
        },
    )
    return [
        (epoch, place(UserId(user_id), ThreadId(user_id), head - 1, [drafts[UserId(user_id)]])[0])
        for user_id, epoch, head in await cursor.fetchall()
    ]


async def _append(
    connection: Connection, user_id: UserId, thread_id: ThreadId, drafts: Sequence[Draft], fence: int | None, step: int
) -> tuple[int, int, list[Event]]:
    cursor = await connection.execute(
        QUERIES["append"],
        {
            "user_id": user_id,
            "thread_id": thread_id,
            "n": len(drafts),
            "fence": fence,
            "step": step,
            "run_ids": [item.run_id for item in drafts],
            "types": [item.type for item in drafts],
            "ats": [item.at for item in drafts],
            "agents": [item.agent for item in drafts],
            "bodies": [item.body for item in drafts],
        },
    )
    row = await cursor.fetchone()
    if row is None:
        raise NotFound if fence is None else Fenced
    base, epoch, new_fence = row
    return epoch, new_fence, place(user_id, thread_id, base, drafts)


async def read_position(scope: UserScope, thread_id: ThreadId) -> Position:
    """Say where a thread's log stands. Raises `NotFound`."""
    async with scope.transaction() as connection:
        return await position(connection, scope.user_id, thread_id)


async def position(connection: Connection, user_id: UserId, thread_id: ThreadId) -> Position:
    """Say where a thread's log stands, inside the caller's transaction. Raises `NotFound`."""
    cursor = await connection.execute(QUERIES["read_position"], {"user_id": user_id, "thread_id": thread_id})
    row = await cursor.fetchone()
    if row is None:
        raise NotFound
    return Position(*row)


async def read_page(scope: UserScope, thread_id: ThreadId, after: int, limit: int = PAGE) -> tuple[Position, list[Event]]:
    """Read the next events after position `after`, oldest first, and where the log stood. Raises `NotFound`.

    At most `limit`, and fewer when they are large: a short page does not mean that the log ends there, its head does.
    """
    async with scope.transaction() as connection:
        return await page(connection, scope.user_id, thread_id, after, limit, PAGE_BYTES)


async def page(
    connection: Connection, user_id: UserId, thread_id: ThreadId, after: int, limit: int, size: int
) -> tuple[Position, list[Event]]:
    """Do what `read_page` does inside the caller's transaction; events of at most about `size` bytes in all."""
    cursor = await connection.execute(
        QUERIES["read_page"],
        {"user_id": user_id, "thread_id": thread_id, "after": after, "limit": limit, "bytes": size},
    )
    rows = await cursor.fetchall()
    if not rows:
        raise NotFound
    return Position(*rows[0][:3]), _events(user_id, thread_id, [row[3:] for row in rows if row[3] is not None])


async def read_run(scope: UserScope, thread_id: ThreadId, run_id: RunId, after: int = 0) -> list[Event]:
    """Read every event of one run after position `after`: its journal, oldest first."""
    events: list[Event] = []
    while True:
        async with scope.transaction() as connection:
            cursor = await connection.execute(
                QUERIES["read_run"],
                {"user_id": scope.user_id, "thread_id": thread_id, "run_id": run_id, "after": after, "limit": PAGE},
            )
            page = _events(scope.user_id, thread_id, await cursor.fetchall())
        events += page
        if len(page) < PAGE:
            return events
        after = page[-1].seq


def _events(user_id: UserId, thread_id: ThreadId, rows: Sequence[tuple[Any, ...]]) -> list[Event]:
    """Rows as events. Those that follow one another are placed together, which is what makes a long page cheap."""
    events: list[Event] = []
    first = 0
    for end in range(1, len(rows) + 1):
        if end == len(rows) or rows[end][0] != rows[end - 1][0] + 1:
            drafts = [Draft(kind, bytes(body), at, run_id, agent) for _, run_id, kind, at, agent, body in rows[first:end]]
            events += place(user_id, thread_id, rows[first][0] - 1, drafts)
            first = end
    return events
