"""Everything about logs that one process holds: the writer, the hub, the hints, the poll behind them, and retention."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, LiteralString

import psycopg

from netra.clock import Clock
from netra.db.database import READERS, Connection, Database
from netra.errors import Unavailable
from netra.events.codec import Draft, Event
from netra.ids import RunId, ThreadId, UserId
from netra.streams import log, retention
from netra.streams.background import beside
from netra.streams.cursor import Position
from netra.streams.hints import Hints
from netra.streams.hub import Hub, Key
from netra.streams.subscription import Sink, Subscription
from netra.streams.writer import Claim, Writer

logger = logging.getLogger(__name__)

RETENTION_EVERY: Final = 3600.0
"""Seconds between clean-ups. A clean-up that finds nothing costs one index probe."""

POLL_PAGE: Final = 2000
"""Threads that one poll query asks about."""

POLL_WITHIN: Final = 10.0
"""Seconds for one poll query. A connection that died in silence never raises."""

READS: Final = READERS
"""Readers that read the log at one time. The others wait their turn: when ten thousand come back at once, they must neither be
refused nor keep the other requests from the database."""


@dataclass(slots=True)
class Counts:
    """Since the start of this process."""

    appended: int = 0
    replayed: int = 0


class Transaction:
    """A user's transaction that also appends; what it appended is shown to readers once it has committed."""

    def __init__(self, connection: Connection, user_id: UserId) -> None:
        self.connection = connection
        self.user_id = user_id
        self.appended: list[tuple[int, list[Event]]] = []
        """What readers are shown after the commit: each append with its epoch."""
        self.access_changed: set[UserId] = set()
        """Whose sessions, role or plan every process reads again after the commit."""

    def about(self, user_id: UserId) -> "Transaction":
        """The same transaction, as it appends to another user's threads. Only the system role may (see `db.scope.as_system`).

        What it appends and who is to be looked at again is told with the rest, after the one commit.
        """
        other = Transaction(self.connection, user_id)
        other.appended, other.access_changed = self.appended, self.access_changed
        return other

    async def append(
        self, thread_id: ThreadId, drafts: Sequence[Draft], *, fence: int | None = None, release: bool = False
    ) -> list[Event]:
        """Append to one of the user's threads. Raises `NotFound`, or `Fenced` when `fence` no longer holds.

        With `release`, these are the last events under the present fence.
        """
        epoch, events = await log.append(self.connection, self.user_id, thread_id, drafts, fence=fence, release=release)
        self._keep(epoch, events)
        return events

    async def take(self, thread_id: ThreadId, drafts: Sequence[Draft]) -> tuple[int, list[Event]]:
        """Append under a new fence, and return it: whoever held the thread before writes nothing any more."""
        epoch, fence, events = await log.take(self.connection, self.user_id, thread_id, drafts)
        self._keep(epoch, events)
        return fence, events

    async def append_to_accounts(self, drafts: Mapping[UserId, Draft]) -> None:
        """Append an event to the account log of each of these users. Only the system role may."""
        for epoch, event in await log.append_to_accounts(self.connection, drafts):
            self._keep(epoch, [event])

    def _keep(self, epoch: int, events: list[Event]) -> None:
        if events:
            self.appended.append((epoch, events))


class Streams:
    """The logs as one process sees them. Open it with `Streams.open`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database = database
        self._clock = clock
        self.hub = Hub()
        self.counts = Counts()
        self.lags: deque[float] = deque(maxlen=1024)
        """Seconds from an event's making to its hand-over to readers: one sample for each commit, the latest 1,024."""
        self._on_access: list[Callable[[UserId], None]] = []
        self._on_cancel: list[Callable[[RunId], None]] = []
        self._poll_now = asyncio.Event()
        self._reads = asyncio.Semaphore(READS)
        self.writer: Writer
        self.hints: Hints

    @classmethod
    @asynccontextmanager
    async def open(
        cls, database: Database, clock: Clock, *, poll_interval: float = 2.0, keep: timedelta | None = None
    ) -> AsyncIterator["Streams"]:
        """Run writer, hints, poll and (when `keep` is given) retention for the length of the block.

        `poll_interval` is in seconds: the longest that an event of another process can stay unseen when its hint is lost.
        """
        streams = cls(database, clock)
        work = {"poll": streams._poll(poll_interval)}
        if keep is not None:
            work["retention"] = streams._retain(keep)
        # Closed from the last to the first: what the writer still writes at the end is still hinted at.
        async with AsyncExitStack() as stack:
            streams.hints = await stack.enter_async_context(Hints.open(database, streams))
            streams.writer = await stack.enter_async_context(Writer.open(database, clock, streams._committed))
            await stack.enter_async_context(beside(**work))
            yield streams

    @asynccontextmanager
    async def transaction(self, user_id: UserId, turn: LiteralString | None = None) -> AsyncIterator[Transaction]:
        """A transaction of this user in which rows and events change together; events are shown after the commit.

        For `turn` see `db.scope.Scope.transaction`.
        """
        async with self.database.for_user(user_id).transaction(turn) as connection:
            transaction = Transaction(connection, user_id)
            yield transaction
        self._show(transaction)

    @asynccontextmanager
    async def system_transaction(self, user_id: UserId) -> AsyncIterator[Transaction]:
        """The same by the system role, for what a user may not do to their own rows: change a plan, for example."""
        async with self.database.system().transaction() as connection:
            transaction = Transaction(connection, user_id)
            yield transaction
        self._show(transaction)

    async def append(self, claim: Claim, drafts: Sequence[Draft]) -> list[Event]:
        """Append events of a claimed run through the group writer. Raises `Fenced` or `LogUnavailable`."""
        return await self.writer.append(claim, drafts)

    def subscription(self, user_id: UserId, thread_id: ThreadId, sink: Sink) -> Subscription:
        """A reader of one thread, which the caller starts, lets go, and closes."""
        return Subscription(self.hub, self.database.for_reader(user_id), thread_id, sink, self._replayed, self._reads)

    def on_access_changed(self, hear: Callable[[UserId], None]) -> None:
        """Call `hear` when some process changed a user's sessions, role or plan."""
        self._on_access.append(hear)

    def on_cancel_wanted(self, hear: Callable[[RunId], None]) -> None:
        """Call `hear` when some process asked for a run to be cancelled."""
        self._on_cancel.append(hear)

    def announce_cut(self, key: Key, position: Position | None) -> None:
        """Tell readers everywhere that history was cut (None: that the thread is gone)."""
        self.hub.nudge(key, position)
        if position is not None:
            self.hints.head_moved(*key, position)

    # What hints tell (see `hints.Heard`) --------------------------------------------------------------------------------

    def heads(self, heads: list[tuple[Key, Position]]) -> None:
        for key, position in heads:
            self.hub.nudge(key, position)

    def access_changed(self, user_id: UserId) -> None:
        for hear in self._on_access:
            hear(user_id)

    def cancel_wanted(self, run_id: RunId) -> None:
        for hear in self._on_cancel:
            hear(run_id)

    def reconnected(self) -> None:
        self._poll_now.set()

    # ---------------------------------------------------------------------------------------------------------------------

    def _show(self, transaction: Transaction) -> None:
        for epoch, events in transaction.appended:
            self._committed(epoch, events)
        for user_id in transaction.access_changed:
            self.hints.access_changed(user_id)

    def _committed(self, epoch: int, events: list[Event]) -> None:
        self.counts.appended += len(events)
        self.hub.publish(epoch, events)
        self.lags.append((self._clock.now() - events[0].at).total_seconds())
        last = events[-1]
        self.hints.head_moved(last.user_id, last.thread_id, Position(epoch, 0, last.seq))

    def _replayed(self, count: int) -> None:
        self.counts.replayed += count

    async def _poll(self, interval: float) -> None:
        """Ask the database about every followed thread: what a lost hint should have told."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(interval):
                    await self._poll_now.wait()
            self._poll_now.clear()
            keys = list(self.hub.keys())
            for start in range(0, len(keys), POLL_PAGE):
                page = keys[start : start + POLL_PAGE]
                try:
                    async with asyncio.timeout(POLL_WITHIN):
                        found = await self._positions(page)
                except (psycopg.Error, Unavailable, TimeoutError) as error:
                    logger.warning("the poll for lost hints was skipped: %s", type(error).__name__)
                    break
                for key in page:
                    self.hub.nudge(key, found.get(key))

    async def _positions(self, keys: list[Key]) -> dict[Key, Position]:
        async with self.database.system().transaction() as connection:
            cursor = await connection.execute(
                log.QUERIES["read_positions"], {"user_ids": [u for u, _ in keys], "thread_ids": [t for _, t in keys]}
            )
            return {
                (UserId(user_id), ThreadId(thread_id)): Position(epoch, tail, head)
                async for user_id, thread_id, epoch, tail, head in cursor
            }

    async def _retain(self, keep: timedelta) -> None:
        while True:
            try:
                for key, position in await retention.trim(self.database, self._clock.now() - keep):
                    self.announce_cut(key, position)
            except (psycopg.Error, Unavailable) as error:
                logger.warning("retention waits for the database: %s", type(error).__name__)
            await self._clock.sleep(RETENTION_EVERY)
