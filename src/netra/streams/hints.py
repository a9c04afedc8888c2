"""Hints between processes: "this thread has grown", "look at this user's access again", "this run is to be cancelled".

They travel by LISTEN/NOTIFY on one channel, gathered for up to 10 ms and sent after the commit that they speak of. A hint
carries no truth: whoever hears it reads the database. Losing one costs time until the next poll, nothing else.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Final, Protocol, TypeVar

import msgspec
import psycopg

from netra.db.database import Connection, Database
from netra.db.scope import DatabaseUnreachable
from netra.ids import RunId, ThreadId, UserId, new_uuid
from netra.streams.background import beside
from netra.streams.cursor import Position
from netra.streams.hub import Key

logger = logging.getLogger(__name__)

T = TypeVar("T")

CHANNEL: Final = "netra_hints"

GATHER: Final = 0.010
"""Seconds that hints wait for company. Under load one NOTIFY then speaks for hundreds of events."""

PER_NOTIFY: Final = 50
"""Hints in one NOTIFY. Its payload may have 8,000 bytes; the longest hint takes 140."""

RECONNECT: Final = 0.5
"""Seconds between attempts to reach a database that went away."""

LISTEN_FOR: Final = 30.0
"""Seconds of silence after which the connection is asked whether it still lives."""

ANSWER_WITHIN: Final = 5.0
"""Seconds for an answer. A connection that died in silence never raises."""

LAST_WORDS: Final = 1.0
"""Seconds that a closing process takes for saying what it has not said yet."""


class Heard(Protocol):
    """What to do when a hint arrives from another process. None of these may wait."""

    def heads(self, heads: list[tuple[Key, Position]]) -> None: ...

    def access_changed(self, user_id: UserId) -> None: ...

    def cancel_wanted(self, run_id: RunId) -> None: ...

    def reconnected(self) -> None:
        """Hints may have been lost: look at everything once."""


class _Hint(msgspec.Struct, array_like=True):
    """One message: who sent it, and at most `PER_NOTIFY` hints of one kind."""

    sender: str
    heads: list[tuple[UserId, ThreadId, int, int, int]] = []
    access: list[UserId] = []
    cancels: list[RunId] = []


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
        self._said = asyncio.Event()
        self._said.set()
        self.sent = 0
        self.received = 0

    @classmethod
    @asynccontextmanager
    async def open(cls, database: Database, heard: Heard) -> AsyncIterator["Hints"]:
        """Listen and speak for the length of the block; at its end, say what is still unsaid."""
        hints = cls(database, heard)
        async with beside(hints_out=hints._forever(hints._speak), hints_in=hints._forever(hints._listen)):
            try:
                yield hints
            finally:
                with suppress(TimeoutError):
                    async with asyncio.timeout(LAST_WORDS):
                        await hints._said.wait()

    def head_moved(self, user_id: UserId, thread_id: ThreadId, position: Position) -> None:
        """Say that a thread has grown. Only the newest position of each thread is kept."""
        self._heads[user_id, thread_id] = position
        self._say()

    def access_changed(self, user_id: UserId) -> None:
        """Say that this user's sessions, role or plan are to be read again. This process hears it, too."""
        self._heard.access_changed(user_id)
        self._access.add(user_id)
        self._say()

    def cancel_wanted(self, run_id: RunId) -> None:
        """Say that a run is to be cancelled. This process hears it, too."""
        self._heard.cancel_wanted(run_id)
        self._cancels.add(run_id)
        self._say()

    def _say(self) -> None:
        self._said.clear()
        self._pending.set()

    async def _forever(self, work: Callable[[Connection], Awaitable[None]]) -> None:
        """Keep `work` going over reconnects, each time on a connection of its own."""
        while True:
            try:
                async with await self._database.connect_listener() as connection:
                    await work(connection)
            except (psycopg.Error, DatabaseUnreachable, TimeoutError) as error:
                logger.warning("hints are interrupted, polling stands in: %s", type(error).__name__)
                await asyncio.sleep(RECONNECT)

    async def _speak(self, connection: Connection) -> None:
        while True:
            await self._pending.wait()
            await asyncio.sleep(GATHER)
            self._pending.clear()
            heads, access, cancels = self._heads, self._access, self._cancels
            self._heads, self._access, self._cancels = {}, set(), set()
            try:
                for hint in self._messages(heads, access, cancels):
                    async with asyncio.timeout(ANSWER_WITHIN):
                        self.sent += 1
                        await connection.execute("SELECT pg_notify(%s, %s)", [CHANNEL, msgspec.json.encode(hint).decode()])
            except BaseException:
                # Said twice is harmless; unsaid, a revocation would wait for whoever polls for it.
                self._heads = heads | self._heads
                self._access |= access
                self._cancels |= cancels
                self._pending.set()
                raise
            if not self._pending.is_set():
                self._said.set()

    def _messages(self, heads: dict[Key, Position], access: set[UserId], cancels: set[RunId]) -> Iterator[_Hint]:
        for moved in _chunks([(user, thread, *position) for (user, thread), position in heads.items()]):
            yield _Hint(self._sender, heads=moved)
        for changed in _chunks(list(access)):
            yield _Hint(self._sender, access=changed)
        for wanted in _chunks(list(cancels)):
            yield _Hint(self._sender, cancels=wanted)

    async def _listen(self, connection: Connection) -> None:
        await connection.execute(f"LISTEN {CHANNEL}")
        self._heard.reconnected()
        while True:
            async for notification in connection.notifies(timeout=LISTEN_FOR):
                self._hear(notification.payload)
            async with asyncio.timeout(ANSWER_WITHIN):
                await connection.execute("SELECT 1")

    def _hear(self, payload: str) -> None:
        try:
            hint = msgspec.json.decode(payload, type=_Hint)
        except msgspec.MsgspecError:
            # Another version of Netra, or somebody else on our channel: whatever it was to tell, the database knows.
            self._heard.reconnected()
            return
        if hint.sender == self._sender:
            return
        self.received += 1
        self._heard.heads([((user_id, thread_id), Position(*position)) for user_id, thread_id, *position in hint.heads])
        for user_id in hint.access:
            self._heard.access_changed(user_id)
        for run_id in hint.cancels:
            self._heard.cancel_wanted(run_id)


def _chunks(hints: list[T]) -> Iterator[list[T]]:
    for start in range(0, len(hints), PER_NOTIFY):
        yield hints[start : start + PER_NOTIFY]
