"""What the tests of the log share: threads, claims, drafts, and a reader that keeps what it was given."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from netra.db.database import Database
from netra.events.codec import Draft, Event, draft
from netra.events.model import AgentThinking
from netra.ids import RunId, ThreadId, UserId, new_uuid
from netra.streams import log
from netra.streams.cursor import Position
from netra.streams.writer import Claim

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def thought(text: str, run_id: RunId | None = None, at: datetime = NOON, agent: str | None = "demo") -> Draft:
    return draft(AgentThinking(text=text), at, run_id=run_id, agent=agent)


def texts(events: list[Event]) -> list[str]:
    return [event.data.text for event in events if isinstance(event.data, AgentThinking)]


async def add_thread(database: Database, user_id: UserId) -> ThreadId:
    thread_id = ThreadId(new_uuid())
    async with database.for_user(user_id).transaction() as connection:
        await connection.execute("INSERT INTO thread (user_id, id) VALUES (%s, %s)", [user_id, thread_id])
    return thread_id


async def claim(database: Database, user_id: UserId, thread_id: ThreadId) -> Claim:
    """Take the thread under a new fence, as a worker does that claims a run."""
    async with database.for_user(user_id).transaction() as connection:
        cursor = await connection.execute(
            "UPDATE thread SET fence = fence + 1 WHERE user_id = %s AND id = %s RETURNING fence, head", [user_id, thread_id]
        )
        row = await cursor.fetchone()
    assert row is not None
    return Claim(user_id, thread_id, RunId(new_uuid()), fence=row[0], confirmed=row[1])


async def append(database: Database, user_id: UserId, thread_id: ThreadId, *said: str, at: datetime = NOON) -> list[Event]:
    """Append in a user's own transaction; nobody is told."""
    async with database.for_user(user_id).transaction() as connection:
        return (await log.append(connection, user_id, thread_id, [thought(text, at=at) for text in said]))[1]


async def read(database: Database, user_id: UserId, thread_id: ThreadId, after: int = 0) -> list[Event]:
    """The log after a position, to its end."""
    events: list[Event] = []
    while True:
        _, page = await log.read_page(database.for_user(user_id), thread_id, after)
        if not page:
            return events
        events += page
        after = page[-1].seq


class Reader:
    """A sink that keeps everything in order, and lets a test wait for more of it."""

    def __init__(self, room: asyncio.Semaphore | None = None) -> None:
        self.events: list[Event] = []
        """Since the last reset."""
        self.resets: list[tuple[str, Position]] = []
        self.is_gone = False
        self._room = room
        self._changed = asyncio.Event()

    def event(self, event: Event) -> None:
        self.events.append(event)
        self._changed.set()

    def reset(self, thread_id: ThreadId, reason: str, position: Position) -> None:
        self.resets.append((reason, position))
        self.events.clear()
        self._changed.set()

    def gone(self, thread_id: ThreadId) -> None:
        self.is_gone = True
        self._changed.set()

    @asynccontextmanager
    async def room(self) -> AsyncIterator[None]:
        if self._room is None:
            yield
        else:
            async with self._room:
                yield

    @property
    def seqs(self) -> list[int]:
        return [event.seq for event in self.events]

    @property
    def wires(self) -> list[bytes]:
        return [event.wire for event in self.events]

    async def until(self, seq: int, within: float = 10) -> None:
        """Return once the event at `seq` has come."""
        async with asyncio.timeout(within):
            while not self.events or self.events[-1].seq < seq:
                await self.change()

    async def change(self) -> None:
        self._changed.clear()
        await self._changed.wait()
