"""What one reader has yet to be sent: a bounded queue, and a task that exists only while there is something in it.

Whoever puts something in never waits. A reader that lets too much pile up is told so by `on_overflow`, and it is the
connection's business to close with the cursor to resume from. Ten thousand idle readers are ten thousand empty queues, and
no task.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from contextvars import copy_context
from typing import Final

from netra.events.codec import Event

TURN: Final = 64
"""Frames after which a drain lets others run: about half a millisecond of work."""


class Outbox:
    """The unsent frames of one connection, in order.

    `deliver` sends one frame and waits while the reader's buffers are full. `limit` is in bytes; `deadline` is the seconds
    that sending may go without progress before `on_stuck` is called.
    """

    __slots__ = (
        "_bytes",
        "_context",
        "_deadline",
        "_deliver",
        "_drain",
        "_finish",
        "_freed",
        "_limit",
        "_on_delivered",
        "_on_overflow",
        "_on_stuck",
        "_open",
        "_patience",
        "_queue",
        "_turn",
    )

    def __init__(
        self,
        deliver: Callable[[bytes], Awaitable[None]],
        *,
        limit: int,
        deadline: float,
        on_overflow: Callable[[], None],
        on_stuck: Callable[[], None],
        on_delivered: Callable[[Event], None],
    ) -> None:
        self._deliver = deliver
        self._limit = limit
        self._deadline = deadline
        self._on_overflow = on_overflow
        self._on_stuck = on_stuck
        self._on_delivered = on_delivered
        # A list: an empty deque takes 760 bytes, and nearly all of these are empty nearly always.
        self._queue: list[tuple[bytes, Event | None]] = []
        self._bytes = 0
        self._open = True
        self._finish: Callable[[], Awaitable[None]] | None = None
        self._drain: asyncio.Task[None] | None = None
        self._patience: asyncio.Timeout | None = None
        # The task is started by whoever puts something in, often on behalf of somebody else: its log lines are this reader's.
        self._context = copy_context()
        # Made when a reader first catches up: most have nothing to catch up on.
        self._turn: asyncio.Lock | None = None
        self._freed: asyncio.Event | None = None

    def put(self, frame: bytes, event: Event | None = None) -> None:
        """Queue a frame, never waiting. The one that is too much calls `on_overflow`."""
        if not self._open:
            return
        full = len(self._queue) > 0 and self._bytes + len(frame) > self._limit
        self._append(frame, event)
        if full:
            self._on_overflow()

    def finish(self, last: bytes, hang_up: Callable[[], Awaitable[None]], *, flush: bool, within: float) -> None:
        """Take nothing more; send what is queued (or drop it, without `flush`), then `last`; then call `hang_up`.

        All that within so many seconds, or else `on_stuck`.
        """
        if not self._open:
            return
        if not flush:
            # The first may be on its way already: it is sent or not, but never in halves.
            kept = 1 if self._drain is not None else 0
            while len(self._queue) > kept:
                self._bytes -= len(self._queue.pop()[0])
        self._finish = hang_up
        self._deadline = within
        self._append(last, None)
        self._open = False
        if self._patience is not None and not self._patience.expired():
            self._patience.reschedule(asyncio.get_running_loop().time() + within)

    def unsent(self) -> Iterator[Event]:
        """The events that the reader may not have, in order."""
        return (event for _, event in self._queue if event is not None)

    @asynccontextmanager
    async def room(self) -> AsyncIterator[None]:
        """Wait until three quarters of the limit are free, and let nobody else in for as long as the block lasts.

        Only those who catch up ask for room, one after the other, each with a page. A page with the largest event at its end
        takes up to three quarters of the smallest limit there may be, so that a replay alone never closes anybody.
        """
        if self._turn is None or self._freed is None:
            self._turn, self._freed = asyncio.Lock(), asyncio.Event()
        async with self._turn:
            while self._bytes > self._limit // 4:
                self._freed.clear()
                await self._freed.wait()
            yield

    @property
    def size(self) -> int:
        """Bytes that wait."""
        return self._bytes

    async def close(self) -> None:
        """End the task, if there is one. What is unsent stays so."""
        self._open = False
        if self._drain is not None:
            self._drain.cancel()
            await asyncio.wait([self._drain])

    def _append(self, frame: bytes, event: Event | None) -> None:
        self._queue.append((frame, event))
        self._bytes += len(frame)
        if self._drain is None:
            self._drain = asyncio.create_task(self._run(), name="outbox", context=self._context)

    async def _run(self) -> None:
        try:
            await self._send()
        except TimeoutError:
            self._open = False
            self._on_stuck()
            self._queue.clear()
        except (OSError, RuntimeError):
            # The reader has gone. OSError is how ASGI says it; uvicorn says RuntimeError between its own close (a ping that
            # was not answered) and the end of the connection. Whoever receives learns of it, too.
            self._open = False
            self._queue.clear()
        finally:
            self._drain = self._patience = None

    async def _send(self) -> None:
        now = asyncio.get_running_loop().time
        async with asyncio.timeout(self._deadline) as self._patience:
            progress, sent = now(), 0
            while self._queue:
                frame, event = self._queue[0]
                await self._deliver(frame)
                self._queue.pop(0)
                self._bytes -= len(frame)
                if event is not None:
                    self._on_delivered(event)
                if self._freed is not None and self._bytes <= self._limit // 4:
                    self._freed.set()
                # A timer for each frame would cost as much as the frame.
                if self._open and (at := now()) - progress > 1.0:
                    self._patience.reschedule(at + self._deadline)
                    progress = at
                sent += 1
                if sent % TURN == 0:
                    await asyncio.sleep(0)
            if self._finish is not None:
                await self._finish()
