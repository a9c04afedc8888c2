"""One reader of one thread: first the log after its cursor, then what is committed, with no gap and nothing twice.

A subscription is in the hub before it reads, so that nothing can fall between reading and following. While it catches up,
live events are not queued for it: it only remembers that the log has grown, and goes on reading. When a page reaches the end
of the log and nothing was heard of meanwhile, it is live, and from then on events are handed to it. Should one ever be
missing (a lost hint, a commit of another process), it sees the gap in `seq` and reads the log again.

Catching up is a task; being live is not. Ten thousand idle readers are ten thousand small objects.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, Protocol

import psycopg

from netra.db.scope import DatabaseUnreachable, UserScope
from netra.errors import NotFound, Unavailable
from netra.events.codec import Event
from netra.ids import ThreadId
from netra.streams import log
from netra.streams.cursor import Cursor, Position, resume
from netra.streams.hub import Hub, Key

logger = logging.getLogger(__name__)

READ_WITHIN: Final = 10.0
"""Seconds for one page, waiting for a connection included. A connection that died in silence never raises."""


class Sink(Protocol):
    """Where a subscription puts what it has. `event` and the notices never wait; `room` does."""

    def event(self, event: Event) -> None: ...

    def reset(self, thread_id: ThreadId, reason: str, position: Position) -> None: ...

    def gone(self, thread_id: ThreadId) -> None:
        """The thread was deleted; the subscription has ended."""

    def room(self) -> AbstractAsyncContextManager[None]:
        """Wait until a page fits, and keep that room for as long as it is read and put.

        One reader may follow many threads: without keeping the room, all of them would fill the same one.
        """
        ...


class Subscription:
    """A follower of one thread that delivers the exact suffix after a cursor to its sink."""

    def __init__(
        self,
        hub: Hub,
        scope: UserScope,
        thread_id: ThreadId,
        sink: Sink,
        on_replayed: Callable[[int], None],
        reads: asyncio.Semaphore,
    ) -> None:
        self._hub = hub
        self._scope = scope
        self._thread_id = thread_id
        self._sink = sink
        self._on_replayed = on_replayed
        self._reads = reads
        self._key: Key = (scope.user_id, thread_id)
        self._epoch = 0
        self._seq = 0
        """The last position delivered."""
        self._news = False
        """Whether something newer was heard of since the log was last read."""
        self._live = False
        """Whether `go` was called and `close` was not."""
        self._closed = False
        self._catching_up: asyncio.Task[None] | None = None

    @property
    def cursor(self) -> Cursor:
        """What a client that has taken everything up to now would resume from."""
        return Cursor(self._seq, self._epoch)

    async def start(self, cursor: Cursor | None) -> Position:
        """Begin to follow after `cursor` (None: from the present) and return where the log stands.

        Nothing is delivered before `go`, so that the caller can answer the client first. Raises `NotFound`.
        """
        self._hub.add(self._key, self)
        try:
            async with self._reading():
                position = await log.read_position(self._scope, self._thread_id)
        except BaseException:
            self.close()
            raise
        self._decision = resume(position, cursor or Cursor(position.head, position.epoch))
        self._epoch, self._seq = position.epoch, self._decision.after
        self._started_at = position
        return position

    def go(self) -> None:
        """Deliver what the reader is owed, then follow."""
        if self._closed:
            return
        if self._decision.reset is not None:
            self._sink.reset(self._thread_id, self._decision.reset, self._started_at)
        self._live = True
        if self._news or self._seq < self._started_at.head:
            self._catch_up()

    def close(self) -> None:
        """Stop following. The sink hears nothing more."""
        if self._closed:
            return
        self._closed, self._live = True, False
        self._hub.remove(self._key, self)
        if self._catching_up is not None:
            self._catching_up.cancel()

    def offer(self, epoch: int, events: Sequence[Event]) -> None:
        if epoch <= self._epoch and events[-1].seq <= self._seq:
            return
        if not self._live or self._catching_up is not None or epoch != self._epoch or events[0].seq > self._seq + 1:
            self._hear()
            return
        self._deliver(event for event in events if event.seq > self._seq)

    def nudge(self, position: Position | None) -> None:
        # A thread that is said to be gone is read, like one that is said to have grown: what is true stands in the log.
        if position is None or position.epoch > self._epoch or position.head > self._seq:
            self._hear()

    def _hear(self) -> None:
        self._news = True
        if self._live and self._catching_up is None:
            self._catch_up()

    def _deliver(self, events: Iterable[Event]) -> None:
        for event in events:
            if not self._live:
                return  # the sink had enough of it, and closed us
            # In this order: what the sink did not take is read again.
            self._sink.event(event)
            self._seq = event.seq

    def _catch_up(self) -> None:
        self._catching_up = asyncio.create_task(self._read_until_live(), name="catch up")
        self._catching_up.add_done_callback(self._caught_up)

    def _caught_up(self, task: asyncio.Task[None]) -> None:
        self._catching_up = None
        error = None if task.cancelled() else task.exception()
        if not self._live:
            return
        if isinstance(error, NotFound):
            self.close()
            self._sink.gone(self._thread_id)
            return
        if isinstance(error, psycopg.OperationalError | Unavailable):
            # What is missing stays missing only until the next hint or poll.
            logger.warning("a reader waits for the database: %s", type(error).__name__)
        elif error is not None:
            asyncio.get_running_loop().call_exception_handler({"message": "a reader failed", "exception": error, "task": task})
        if self._news:
            # Heard of between the end of the task and this call, when there still seemed to be somebody to read it.
            self._catch_up()

    async def _read_until_live(self) -> None:
        while True:
            async with self._sink.room():
                async with self._reading():
                    position, events = await log.read_page(self._scope, self._thread_id, self._seq)
                if position.epoch != self._epoch:
                    # History was cut under us: what we would send next may no longer follow what the reader has.
                    self._sink.reset(self._thread_id, "epoch_changed", position)
                    self._epoch, self._seq = position.epoch, position.tail
                    continue
                self._deliver(events)
                self._on_replayed(len(events))
                # An empty page ends it even if somebody said that there is more: a hint may be wrong, the log is not.
                if not self._news and (self._seq >= position.head or not events):
                    return

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[None]:
        """Wait for a turn to read, then read within its time. Raises `DatabaseUnreachable`."""
        async with self._reads:
            # What was heard until now was committed before this read and is in it.
            self._news = False
            try:
                async with asyncio.timeout(READ_WITHIN):
                    yield
            except TimeoutError as error:
                raise DatabaseUnreachable from error
