"""Group commit: one task a process takes everything that queued up while the last commit ran.

Appending under load then costs a share of a commit instead of a commit: 256 events in a batch take about 7 microseconds each
where a single one takes half a millisecond. The batch is one SQL statement, so it is written whole or not at all, and it is
written as a role that can add events for everybody and read none.

When the connection dies during a commit, nobody knows whether it happened. The writer then asks the log itself: only the
holder of a fence writes events of its run, so the first event of the batch is either there or it is not.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import psycopg

from netra.clock import Clock
from netra.db.arrays import bytea_array, int4_array, int8_array, text_array, timestamptz_array, uuid_array
from netra.db.database import Connection, Database
from netra.db.scope import DatabaseBusy, DatabaseUnreachable
from netra.errors import Unavailable
from netra.events.codec import Draft, Event, place
from netra.ids import RunId, ThreadId, UserId
from netra.streams import log

BATCH: Final = 512
"""Events in one commit at most: 512 keep it near 4 ms, and larger ones gain nothing more."""

BACKLOG: Final = 8192
"""Events that may wait; beyond that, appending waits. Bounds the writer's memory while the database is away."""

RETRY_FOR: Final = 30.0
"""Seconds to go on trying when the database is away, before the appenders are told."""


class LogUnavailable(Unavailable):
    """The log cannot be written right now; nothing of this was stored."""

    code = "log_unavailable"


@dataclass(slots=True)
class Claim:
    """The right to write one run's events: what a worker gets when it claims a run, and loses when somebody newer does."""

    user_id: UserId
    thread_id: ThreadId
    run_id: RunId
    fence: int
    confirmed: int
    """The last position that is known to hold an event of this run."""


@dataclass(slots=True)
class _Append:
    claim: Claim
    drafts: list[Draft]
    done: asyncio.Future[list[Event]]


@dataclass(slots=True)
class Written:
    """Counts since the start of this process."""

    events: int = 0
    batches: int = 0
    fenced: int = 0
    retries: int = 0


class Writer:
    """The group writer of one process. Open it with `Writer.open`."""

    def __init__(self, database: Database, clock: Clock, on_committed: Callable[[int, list[Event]], None]) -> None:
        self._database = database
        self._clock = clock
        self._on_committed = on_committed
        self._waiting: list[_Append] = []
        self._count = 0
        self._work = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._connection: Connection | None = None
        self._closing = False
        self._closed = False
        self.written = Written()

    @classmethod
    @asynccontextmanager
    async def open(
        cls, database: Database, clock: Clock, on_committed: Callable[[int, list[Event]], None]
    ) -> AsyncIterator["Writer"]:
        """Run the writer for the length of the block; at its end, write what still waits.

        `on_committed(epoch, events)` is called after each commit with one thread's events, in order.
        """
        writer = cls(database, clock, on_committed)
        task = asyncio.create_task(writer._run(), name="log writer")
        try:
            yield writer
        finally:
            writer._closing = True
            writer._work.set()
            await task

    async def append(self, claim: Claim, drafts: Iterable[Draft]) -> list[Event]:
        """Commit events of the claimed run and return them with their positions.

        Appends of one claim keep the order in which they were called. Raises `Fenced` when somebody newer holds the run,
        `LogUnavailable` when the database stayed away; in both cases nothing was written.
        """
        while self._count >= BACKLOG:
            self._room.clear()
            await self._room.wait()
        if self._closed:
            raise LogUnavailable("this process is shutting down.")
        append = _Append(claim, list(drafts), asyncio.get_running_loop().create_future())
        self._waiting.append(append)
        self._count += len(append.drafts)
        self._work.set()
        # A caller that is cancelled leaves its events in the queue: they were handed over, and may be on disk already.
        return await append.done

    async def _run(self) -> None:
        try:
            while True:
                await self._work.wait()
                batch = self._take()
                if batch:
                    await self._commit(batch)
                elif self._closing:
                    return
                else:
                    self._work.clear()
        finally:
            self._closed = True
            self._room.set()
            _fail(self._waiting, LogUnavailable("the log's writer has stopped."), None)
            await self._disconnect()

    def _take(self) -> list[_Append]:
        """Take the longest prefix that fits into one commit (at least one append, however large)."""
        size = 0
        for index, append in enumerate(self._waiting):
            size += len(append.drafts)
            if size > BATCH and index > 0:
                size -= len(append.drafts)
                batch, self._waiting = self._waiting[:index], self._waiting[index:]
                break
        else:
            batch, self._waiting = self._waiting, []
        self._count -= size
        self._room.set()
        return batch

    async def _commit(self, batch: list[_Append]) -> None:
        shares = _share(batch)
        try:
            placed = await self._write_once(shares)
        except (psycopg.Error, DatabaseUnreachable, DatabaseBusy) as error:
            # An outage that outlasted every attempt, or a batch that the database refuses as such. Its appenders are told;
            # the next batch is none of its fault.
            await self._disconnect()
            _fail(batch, LogUnavailable(), error)
            return
        except BaseException as error:
            _fail(batch, LogUnavailable("the log's writer has stopped."), error)
            raise
        self.written.batches += 1
        for nth, share in enumerate(shares):
            self._deliver(share, placed.get(nth))

    async def _write_once(self, shares: list["_Share"]) -> dict[int, tuple[int, int]]:
        """Write the batch exactly once, over as many reconnects as `RETRY_FOR` has room for."""
        deadline = self._clock.monotonic() + RETRY_FOR
        broken = False
        while True:
            try:
                if broken and (settled := await self._settle(shares)):
                    return settled
                return await self._write(shares)
            except (psycopg.OperationalError, DatabaseUnreachable, DatabaseBusy):
                await self._disconnect()
                if self._clock.monotonic() >= deadline:
                    raise
                broken = True
                self.written.retries += 1
                await self._clock.sleep(0.1)

    def _deliver(self, share: "_Share", placed: tuple[int, int] | None) -> None:
        if placed is None:
            self.written.fenced += 1
            for append in share.appends:
                _set_exception(append.done, log.Fenced())
            return
        base, epoch = placed
        claim = share.claim
        events = place(claim.user_id, claim.thread_id, base, share.drafts)
        claim.confirmed = events[-1].seq
        self.written.events += len(events)
        # Readers first: they are many, the appender is one, and it goes on only at the next turn of the loop anyway.
        self._on_committed(epoch, events)
        start = 0
        for append in share.appends:
            if not append.done.done():
                append.done.set_result(events[start : start + len(append.drafts)])
            start += len(append.drafts)

    async def _write(self, shares: list["_Share"]) -> dict[int, tuple[int, int]]:
        """One statement, one transaction. Returns place in the batch → (position before the first event, epoch)."""
        if self._connection is None:
            self._connection = await self._database.connect_writer()
        drafts = [item for share in shares for item in share.drafts]
        cursor = await self._connection.execute(
            log.QUERIES["append_batch"],
            {
                "user_ids": uuid_array([share.claim.user_id for share in shares]),
                "thread_ids": uuid_array([share.claim.thread_id for share in shares]),
                "run_ids": uuid_array([share.claim.run_id for share in shares]),
                "fences": int8_array([share.claim.fence for share in shares]),
                "counts": int4_array([len(share.drafts) for share in shares]),
                "places": int4_array([nth for nth, share in enumerate(shares, start=1) for _ in share.drafts]),
                "nths": int4_array([nth for share in shares for nth in range(1, len(share.drafts) + 1)]),
                "types": text_array([item.type for item in drafts]),
                "ats": timestamptz_array([item.at for item in drafts]),
                "agents": text_array([item.agent for item in drafts]),
                "bodies": bytea_array([item.body for item in drafts]),
            },
            binary=True,
        )
        return {nth - 1: (base, epoch) for nth, base, epoch in await cursor.fetchall()}

    async def _settle(self, shares: list["_Share"]) -> dict[int, tuple[int, int]] | None:
        """After a broken connection: say what the last attempt wrote, or None when it wrote nothing.

        The batch is one statement, so one thread's events settle it for all. A share without events may still be one that
        was fenced, which is why all are asked.
        """
        placed: dict[int, tuple[int, int]] = {}
        for nth, share in enumerate(shares):
            claim = share.claim
            scope = self._database.for_user(claim.user_id)
            events = await log.read_run(scope, claim.thread_id, claim.run_id, claim.confirmed)
            if len(events) >= len(share.drafts):
                where = await log.read_position(scope, claim.thread_id)
                placed[nth] = (events[0].seq - 1, where.epoch)
        return placed or None

    async def _disconnect(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None


@dataclass(slots=True)
class _Share:
    """What a batch holds for one claim: its events go to adjacent positions."""

    claim: Claim
    appends: list[_Append] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)


def _share(batch: list[_Append]) -> list[_Share]:
    shares: dict[int, _Share] = {}
    for append in batch:
        share = shares.setdefault(id(append.claim), _Share(append.claim))
        share.appends.append(append)
        share.drafts += append.drafts
    return list(shares.values())


def _fail(batch: list[_Append], error: LogUnavailable, cause: BaseException | None) -> None:
    error.__cause__ = cause
    for append in batch:
        _set_exception(append.done, error)


def _set_exception(future: asyncio.Future[list[Event]], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
        # The caller may have been cancelled meanwhile; then nobody reads this, and that is no fault to report.
        future.exception()
