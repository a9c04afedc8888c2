"""One reader of one thread: first the log after its cursor, then what is committed, with no gap and nothing twice.

A subscription is in the hub before it reads, so that nothing can fall between reading and following. While it catches up,
live events are not queued for it: it only remembers that the log has grown, and goes on reading. When a page reaches the
newest position it knows of, it is live, and from then on events are handed to it. Should one ever be missing (a lost hint, a
commit of another process), it sees the gap in `seq` and reads the log again.

Catching up is a task; being live is not. Ten thousand idle readers are ten thousand small objects.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from netra.db.scope import UserScope
from netra.errors import NotFound
from netra.events.codec import Event
from netra.ids import ThreadId
from netra.streams import log
from netra.streams.cursor import Cursor, Position, resume
from netra.streams.hub import Hub, Key


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

    def __init__(self, hub: Hub, scope: UserScope, thread_id: ThreadId, sink: Sink, on_replayed: Callable[[int], None]) -> None:
        self._hub = hub
        self._scope = scope
        self._thread_id = thread_id
        self._sink = sink
        self._on_replayed = on_replayed
        self._key: Key = (scope.user_id, thread_id)
        self._epoch = 0
        self._seq = 0
        """The last position delivered."""
        self._known = 0
        """The newest position heard of."""
        self._epoch_changed = False
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
            position = await log.read_position(self._scope, self._thread_id)
        except BaseException:
            self.close()
            raise
        self._epoch = position.epoch
        self._known = max(self._known, position.head)
        self._decision = resume(position, cursor or Cursor(position.head, position.epoch))
        self._seq = self._decision.after
        self._started_at = position
        return position

    def go(self) -> None:
        """Deliver what the reader is owed, then follow."""
        if self._decision.reset is not None:
            self._sink.reset(self._thread_id, self._decision.reset, self._started_at)
        self._live = True
        if self._known > self._seq or self._epoch_changed:
            self._catch_up()

    def close(self) -> None:
        """Stop following. The sink hears nothing more."""
        self._hub.remove(self._key, self)
        self._live = False
        if self._catching_up is not None:
            self._catching_up.cancel()

    _live = False
    """Whether `go` was called and `close` was not."""

    def offer(self, epoch: int, events: Sequence[Event]) -> None:
        last = events[-1].seq
        self._known = max(self._known, last)
        if epoch != self._epoch:
            self._epoch_changed = True
        if not self._live or self._catching_up is not None:
            return
        if self._epoch_changed or events[0].seq > self._seq + 1:
            self._catch_up()
            return
        for event in events:
            if event.seq > self._seq:
                self._seq = event.seq
                self._sink.event(event)

    def nudge(self, position: Position | None) -> None:
        if position is None:
            was_live = self._live
            self.close()
            if was_live:
                self._sink.gone(self._thread_id)
            return
        self._known = max(self._known, position.head)
        self._epoch_changed = self._epoch_changed or position.epoch > self._epoch > 0
        if self._live and self._catching_up is None and (self._epoch_changed or self._known > self._seq):
            self._catch_up()

    def _catch_up(self) -> None:
        self._catching_up = asyncio.create_task(self._read_until_live(), name="catch up")
        self._catching_up.add_done_callback(self._caught_up)

    def _caught_up(self, task: asyncio.Task[None]) -> None:
        self._catching_up = None
        if task.cancelled():
            return
        if isinstance(error := task.exception(), NotFound):
            self.nudge(None)
        elif error is not None and self._live:
            # The database was away. What is missing stays missing only until the next hint or poll nudges again.
            self._on_error(error)
        elif self._live and (self._epoch_changed or self._known > self._seq):
            # Something was committed between the last page and this call, when there still was a task to leave it to.
            self._catch_up()

    def _on_error(self, error: BaseException) -> None:
        asyncio.get_running_loop().call_exception_handler({"message": "a reader could not read its log", "exception": error})

    async def _read_until_live(self) -> None:
        while self._live:
            async with self._sink.room():
                position, events = await log.read_page(self._scope, self._thread_id, self._seq)
                self._known = max(self._known, position.head)
                if position.epoch != self._epoch:
                    # History was cut under us: what we would send next may no longer follow what the reader has.
                    self._epoch, self._epoch_changed, self._seq = position.epoch, False, position.tail
                    self._sink.reset(self._thread_id, "epoch_changed", position)
                    continue
                self._epoch_changed = False
                for event in events:
                    self._seq = event.seq
                    self._sink.event(event)
                self._on_replayed(len(events))
                if self._seq >= self._known:
                    return
