"""Group commit: one task a process takes everything that queued up while the last commit ran.

Appending under load then costs a share of a commit instead of a commit: 256 events in a batch take about 7 microseconds each
where a single one takes half a millisecond. The batch is one SQL statement, so it is written whole or not at all, and it is
written as a role that can add events for everybody and read none.

When the connection dies during a commit, nobody knows whether it happened, or whether it is still about to. So the appends
of a claim are a chain, each with an id and the id of the one before, and the thread keeps the last: sent again, an append
waits for its first self's lock and then tells what that did; arriving late, it finds that the chain has gone on. A claim
whose append stayed unknown to the end writes no more: its run is claimed again, under a new fence.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import msgspec
import psycopg

from netra.clock import Clock
from netra.db.arrays import bytea_array, int4_array, int8_array, text_array, timestamptz_array, uuid_array
from netra.db.database import Connection, Database
from netra.db.scope import DatabaseUnreachable
from netra.errors import Unavailable
from netra.events.codec import Draft, Event, place
from netra.ids import RunId, ThreadId, UserId, new_uuid
from netra.streams import log

logger = logging.getLogger(__name__)

BATCH: Final = 512
"""Events in one commit at most: 512 keep it near 4 ms, and larger ones gain nothing more."""

BATCH_BYTES: Final = 4 * 1024 * 1024
"""Bytes of data after which a batch takes no further append."""

BACKLOG: Final = 8192
"""Events that may wait; beyond that, appending waits. With the next, bounds the writer's memory while the database is away."""

BACKLOG_BYTES: Final = 64 * 1024 * 1024
"""Bytes of data that may wait."""

ANSWER_WITHIN: Final = 5.0
"""Seconds for one attempt. A connection that died in silence never raises, and a second attempt repeats nothing."""

RETRY_FOR: Final = 30.0
"""Seconds to go on trying when the database is away, before the appenders are told."""

RETRY_AFTER: Final = 0.1
"""Seconds between attempts."""

CLOSE_WITHIN: Final = 5.0
"""Seconds of trying that are left once the process shuts down: what it cannot write, the next claim of the run repeats."""


AWAY: Final = (psycopg.OperationalError, DatabaseUnreachable, TimeoutError)
"""What an attempt raises that is worth another one."""

NIL: Final = UUID(int=0)
"""Before the first append of a claim."""


class LogUnavailable(Unavailable):
    """The log cannot be written right now."""

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
    lost: bool = False
    """Whether an append of it stayed of unknown outcome. Nothing more is written under it; claim the run again."""
    last_append: UUID = NIL
    """The end of its chain of appends. So a claim is one object; under a copy, appends would be refused as fenced."""


@dataclass(slots=True)
class _Append:
    claim: Claim
    drafts: list[Draft]
    done: asyncio.Future[list[Event]]
    size: int = field(init=False)

    def __post_init__(self) -> None:
        self.size = sum(len(item.body) for item in self.drafts)


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
        self._waiting: deque[_Append] = deque()
        self._count = 0
        self._bytes = 0
        self._work = asyncio.Event()
        self._room = asyncio.Event()
        self._turn = asyncio.Lock()
        self._connection: Connection | None = None
        self._closing_at: float | None = None
        self._closed = False
        self.written = Written()

    @classmethod
    @asynccontextmanager
    async def open(
        cls, database: Database, clock: Clock, on_committed: Callable[[int, list[Event]], None]
    ) -> AsyncIterator["Writer"]:
        """Run the writer for the length of the block; at its end, write what still waits.

        `on_committed(epoch, events)` is called after each commit with one thread's events, in order. It must not raise.
        """
        writer = cls(database, clock, on_committed)
        task = asyncio.create_task(writer._run(), name="log writer")
        try:
            yield writer
        finally:
            writer._closing_at = clock.monotonic()
            writer._work.set()
            await task

    @property
    def running(self) -> bool:
        """Whether appends are taken: false once the block has ended or the writer has failed."""
        return not self._closed

    async def append(self, claim: Claim, drafts: Iterable[Draft]) -> list[Event]:
        """Commit events of the claimed run and return them with their positions.

        Appends of one claim keep the order in which they were called. Raises `Fenced` when somebody newer holds the run:
        then nothing was written. Raises `LogUnavailable` when the database stayed away: then nothing was written, unless
        `claim.lost` says that nobody knows.
        """
        append = _Append(claim, [_of_run(item, claim.run_id) for item in drafts], asyncio.get_running_loop().create_future())
        if not append.drafts:
            return []
        # One at a time, in the order of their coming, or a newcomer would take the room that somebody has waited for.
        async with self._turn:
            while (self._count >= BACKLOG or self._bytes >= BACKLOG_BYTES) and not self._closed:
                self._room.clear()
                await self._room.wait()
        if self._closed:
            raise LogUnavailable("this process is shutting down.")
        self._waiting.append(append)
        self._count += len(append.drafts)
        self._bytes += append.size
        self._work.set()
        # A caller that is cancelled leaves its events in the queue: they were handed over, and may be on disk already.
        return await append.done

    async def _run(self) -> None:
        try:
            while True:
                await self._work.wait()
                if batch := self._take():
                    await self._commit(batch)
                elif self._closing_at is not None:
                    return
                else:
                    self._work.clear()
        except Exception as error:
            # Whoever opened the writer hears of it when it closes; who reads the logs should hear of it now.
            logger.critical("the log's writer has failed; this process can append no more", exc_info=error)
            raise
        finally:
            self._closed = True
            self._room.set()
            _fail(self._waiting, LogUnavailable("the log's writer has stopped."))
            await self._disconnect()

    def _take(self) -> list[_Append]:
        """Take the longest prefix that fits into one commit (at least one append, however large)."""
        batch: list[_Append] = []
        count = size = 0
        while self._waiting and size < BATCH_BYTES:
            append = self._waiting[0]
            if batch and count + len(append.drafts) > BATCH:
                break
            batch.append(self._waiting.popleft())
            count += len(append.drafts)
            size += append.size
        self._count -= count
        self._bytes -= size
        self._room.set()
        return batch

    async def _commit(self, batch: list[_Append]) -> None:
        shares = _share([append for append in batch if not _refused(append)])
        if not shares:
            return
        try:
            placed = await self._write_once(shares)
        except AWAY as error:
            _fail(batch, LogUnavailable(), error)
        except Exception as error:
            # The database or the driver refuses something in this batch. One writer serves everybody, so it survives that,
            # and writes each run's events alone to see whose fault it is.
            if len(shares) == 1:
                logger.error("the log refuses what a run appended", exc_info=error)
                _fail(batch, LogUnavailable("the log refuses these events."), error)
            else:
                for share in shares:
                    await self._commit(share.appends)
        except BaseException as error:
            _fail(batch, LogUnavailable("the log's writer has stopped."), error)
            raise
        else:
            self.written.batches += 1
            for nth, share in enumerate(shares, start=1):
                self._deliver(share, placed.get(nth))

    async def _write_once(self, shares: list["_Share"]) -> dict[int, tuple[int, int]]:
        """Write the batch exactly once, over as many attempts as there is time for. Raises what the last attempt raised."""
        deadline = self._clock.monotonic() + RETRY_FOR
        in_doubt = False
        try:
            while True:
                try:
                    async with asyncio.timeout(ANSWER_WITHIN):
                        return await self._write(shares)
                except AWAY as error:
                    # A no on a connection that lives is the database's own (a deadlock, a full disk). Of a statement whose
                    # connection broke, or that took too long, nobody knows.
                    broken = self._connection is not None and self._connection.closed
                    in_doubt = in_doubt or broken or isinstance(error, TimeoutError)
                    await self._disconnect()
                    if self._closing_at is not None:
                        deadline = min(deadline, self._closing_at + CLOSE_WITHIN)
                    if self._clock.monotonic() >= deadline:
                        raise
                self.written.retries += 1
                await self._clock.sleep(RETRY_AFTER)
        except BaseException:
            for share in shares:
                share.claim.lost = in_doubt
            raise

    def _deliver(self, share: "_Share", placed: tuple[int, int] | None) -> None:
        if placed is None:
            self.written.fenced += 1
            for append in share.appends:
                _set_exception(append.done, log.Fenced())
            return
        base, epoch = placed
        claim = share.claim
        events = place(claim.user_id, claim.thread_id, base, share.drafts)
        claim.confirmed, claim.last_append = events[-1].seq, share.append_id
        self.written.events += len(events)
        start = 0
        for append in share.appends:
            if not append.done.done():
                append.done.set_result(events[start : start + len(append.drafts)])
            start += len(append.drafts)
        # Before the appender goes on, which is at the next turn of the loop.
        self._on_committed(epoch, events)

    async def _write(self, shares: list["_Share"]) -> dict[int, tuple[int, int]]:
        """One statement, one transaction. Returns place in the batch, from 1 → (position before the first event, epoch)."""
        if self._connection is None:
            self._connection = await self._database.connect_writer()
        drafts = [item for share in shares for item in share.drafts]
        cursor = await self._connection.execute(
            log.QUERIES["append_batch"],
            {
                "append_ids": uuid_array([share.append_id for share in shares]),
                "previous_ids": uuid_array([share.claim.last_append for share in shares]),
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
        return {nth: (base, epoch) for nth, base, epoch in await cursor.fetchall()}

    async def _disconnect(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None


@dataclass(slots=True)
class _Share:
    """What a batch holds for one claim: its events go to adjacent positions."""

    claim: Claim
    append_id: UUID = field(default_factory=new_uuid)
    appends: list[_Append] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)


def _of_run(item: Draft, run_id: RunId) -> Draft:
    """The draft as an event of this run, whatever it said: the log and the live readers are to agree on that."""
    return item if item.run_id is run_id else msgspec.structs.replace(item, run_id=run_id)


def _share(batch: list[_Append]) -> list[_Share]:
    shares: dict[int, _Share] = {}
    for append in batch:
        if (share := shares.get(id(append.claim))) is None:
            share = shares[id(append.claim)] = _Share(append.claim)
        share.appends.append(append)
        share.drafts += append.drafts
    return list(shares.values())


def _refused(append: _Append) -> bool:
    if append.claim.lost:
        _set_exception(
            append.done, LogUnavailable("an earlier part of this run may be missing; the run is to be claimed again.")
        )
    return append.claim.lost


def _fail(batch: Iterable[_Append], error: LogUnavailable, cause: BaseException | None = None) -> None:
    error.__cause__ = cause
    for append in batch:
        _set_exception(append.done, error)


def _set_exception(future: asyncio.Future[list[Event]], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
        # The caller may have been cancelled meanwhile; then nobody reads this, and that is no fault to report.
        future.exception()
