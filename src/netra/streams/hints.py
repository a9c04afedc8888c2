"""Hints between processes: "this thread has grown", "look at this user's access again", "this run is to be cancelled".

They travel by LISTEN/NOTIFY on one channel, gathered for up to 10 ms and sent after the commit that they speak of. A hint
carries no truth: whoever hears it reads the database. Losing one costs time until the next poll, nothing else.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, Protocol
from uuid import UUID

import msgspec
import psycopg

from netra.db.database import Connection, Database
from netra.db.scope import DatabaseUnreachable
from netra.ids import RunId, ThreadId, UserId, new_uuid
from netra.streams.cursor import Position
from netra.streams.hub import Key

logger = logging.getLogger(__name__)

CHANNEL: Final = "netra_hints"

GATHER: Final = 0.010
"""Seconds that hints wait for company. Under load one NOTIFY then speaks for hundreds of events."""

PER_NOTIFY: Final = 60
"""Hints in one NOTIFY; its payload may have 8,000 bytes and a hint takes about 100."""

RECONNECT: Final = 0.5
"""Seconds between attempts to reach a database that went away."""


class Heard(Protocol):
    """What to do when a hint arrives from another process. None of these may wait."""

    def heads(self, heads: list[tuple[Key, Position]]) -> None: ...

    def access_changed(self, user_id: UserId) -> None: ...

    def cancel_wanted(self, run_id: RunId) -> None: ...

    def reconnected(self) -> None:
        """Hints may have been lost: look at everything once."""


class _Hint(msgspec.Struct, array_like=True):
    """One message: who sent it, and up to `PER_NOTIFY` hints."""

    sender: str
    heads: list[tuple[UUID, UUID, int, int, int]] = []
    access: list[UUID] = []
    cancels: list[UUID] = []


class Hints:
    """The ears and the voice of one process. Open it with `Hints.open`."""

    def __init__(self, database: Database, heard: Heard) -> None:
        self._database = database
        self._heard = heard
        self._sender = str(new_uuid())
        self._heads: dict[Key, Position] = {}
        self._access: set[UserId] = set()
        self._cancels: set[RunId] = set()
        self._pending = asyncio.Event()
        self.sent = 0
        self.received = 0

    @classmethod
    @asynccontextmanager
    async def open(cls, database: Database, heard: Heard) -> AsyncIterator["Hints"]:
        hints = cls(database, heard)
        tasks = [
            asyncio.create_task(hints._forever(hints._speak), name="hints out"),
            asyncio.create_task(hints._forever(hints._listen), name="hints in"),
        ]
        try:
            yield hints
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def head_moved(self, user_id: UserId, thread_id: ThreadId, position: Position) -> None:
        """Say that a thread has grown. Only the newest position of each thread is kept."""
        self._heads[user_id, thread_id] = position
        self._pending.set()

    def access_changed(self, user_id: UserId) -> None:
        """Say that this user's sessions, role or plan are to be read again. This process hears it, too."""
        self._heard.access_changed(user_id)
        self._access.add(user_id)
        self._pending.set()

    def cancel_wanted(self, run_id: RunId) -> None:
        """Say that a run is to be cancelled. This process hears it, too."""
        self._heard.cancel_wanted(run_id)
        self._cancels.add(run_id)
        self._pending.set()

    async def _forever(self, work: Callable[[Connection], "asyncio.Future[None] | object"]) -> None:
        """Keep `work` going over reconnects, each time on a connection of its own."""
        while True:
            try:
                async with await self._database.connect_listener() as connection:
                    await work(connection)  # type: ignore[misc]  # both callers are coroutines
            except (psycopg.OperationalError, DatabaseUnreachable) as error:
                logger.warning("hints are interrupted, polling stands in: %s", type(error).__name__)
                await asyncio.sleep(RECONNECT)

    async def _speak(self, connection: Connection) -> None:
        while True:
            await self._pending.wait()
            await asyncio.sleep(GATHER)
            self._pending.clear()
            for hint in self._gather():
                await connection.execute("SELECT pg_notify(%s, %s)", [CHANNEL, msgspec.json.encode(hint).decode()])
                self.sent += 1

    def _gather(self) -> list[_Hint]:
        heads = [(user, thread, p.epoch, p.tail, p.head) for (user, thread), p in self._heads.items()]
        access, cancels = list(self._access), list(self._cancels)
        self._heads.clear()
        self._access.clear()
        self._cancels.clear()
        count = max(len(heads), len(access), len(cancels))
        return [
            _Hint(self._sender, *(kind[at : at + PER_NOTIFY] for kind in (heads, access, cancels)))  # type: ignore[arg-type]
            for at in range(0, count, PER_NOTIFY)
        ]

    async def _listen(self, connection: Connection) -> None:
        await connection.execute(f"LISTEN {CHANNEL}")
        self._heard.reconnected()
        while True:
            # A time limit, because a connection that died in silence never raises: the query afterwards does.
            async for notification in connection.notifies(timeout=30):
                self._hear(notification.payload)
            await connection.execute("SELECT 1")

    def _hear(self, payload: str) -> None:
        hint = msgspec.json.decode(payload, type=_Hint)
        if hint.sender == self._sender:
            return
        self.received += 1
        self._heard.heads([((UserId(u), ThreadId(t)), Position(epoch, tail, head)) for u, t, epoch, tail, head in hint.heads])
        for user_id in hint.access:
            self._heard.access_changed(UserId(user_id))
        for run_id in hint.cancels:
            self._heard.cancel_wanted(RunId(run_id))
