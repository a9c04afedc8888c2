"""One run's writing hand: its events in order, its streamed text gathered, its appends one at a time.

Thinking and saying do not wait for the disk; they are handed to the pen, which appends whatever has gathered as soon as the
append before it has committed. What must be on disk before the agent goes on (the result of a step, a question) waits by
`settle`. Order is the order of the calls, always.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Final, Self

from netra.errors import Conflict, NetraError
from netra.events.codec import Draft

GATHERED: Final = 16 * 1024
"""Characters of one message after which they are written at once."""

WAITING: Final = 256
"""Events handed over and not yet committed; beyond it, whoever writes waits. Bounds what one eager agent holds in memory."""

Append = Callable[[Sequence[Draft]], Awaitable[object]]


class RunOver(Conflict):
    """This run has ended, or goes on somewhere else; nothing more can be written to it from here."""

    code = "run_over"


class Pen:
    """Writes the events of one run, for the length of an `async with`; at its end, what was handed over is written."""

    def __init__(self, append: Append, rollup: float, on_broken: Callable[[NetraError], None]) -> None:
        """`rollup` is in seconds: how long streamed text is gathered into one event.

        `on_broken` is called once, with the error of the append that failed; from then on every call raises that error.
        """
        self._append = append
        self._rollup = rollup
        self._on_broken = on_broken
        self._drafts: list[Draft] = []
        self._handed = 0
        self._written = 0
        self._text: list[str] = []
        self._size = 0
        self._message: object = None
        self._make: Callable[[str], Draft] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._work = asyncio.Event()
        self._appending = asyncio.Lock()
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self._error: NetraError | None = None
        self._closed = False

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._write_on(), name="pen")
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()
        await self._task

    def write(self, *drafts: Draft) -> None:
        """Hand events over, behind the text that has gathered."""
        self._refuse()
        self._put_text()
        self._hand(*drafts)

    def say(self, message: object, text: str, make: Callable[[str], Draft]) -> None:
        """Gather a piece of a message, known by equality; `make` turns all that has gathered into one event."""
        self._refuse()
        if message != self._message:
            self._put_text()
        self._message, self._make = message, make
        self._text.append(text)
        self._size += len(text)
        if self._size >= GATHERED:
            self._put_text()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._rollup, self._put_text)

    async def room(self) -> None:
        """Wait while `WAITING` events are on their way. Raises what broke the pen."""
        self._refuse()
        await self._until(self._handed - WAITING + 1)

    async def settle(self) -> None:
        """Wait until everything handed over so far is committed. Raises what broke the pen."""
        self._put_text()
        await self._until(self._handed)

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Append nothing meanwhile: what was handed over before is committed, what comes meanwhile waits.

        For whoever writes an event of this run in a transaction of their own. After a broken connection the log's writer
        tells by the run's newest events what it has written, so nobody else may be adding to them at that moment.
        """
        await self.settle()
        async with self._appending:
            self._refuse()
            yield

    def close(self) -> None:
        """Take nothing more. What was handed over is still written."""
        if not self._closed:
            self._put_text()
            self._closed = True
            self._work.set()

    async def _write_on(self) -> None:
        try:
            while not self._closed or self._drafts:
                await self._work.wait()
                self._work.clear()
                while self._drafts:
                    async with self._appending:
                        batch, self._drafts = self._drafts, []
                        await self._append(batch)
                    self._written += len(batch)
                    self._wake()
        except NetraError as error:
            self._error = error
            self._drafts.clear()
            self._wake()
            self._on_broken(error)

    async def _until(self, count: int) -> None:
        """Wait until so many events in all are committed."""
        if self._error is not None:
            raise self._error
        if self._written < count:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append((count, waiter))
            await waiter

    def _wake(self) -> None:
        waiting = []
        for count, waiter in self._waiters:
            if waiter.done():
                continue  # whoever waited was cancelled
            if self._error is not None:
                waiter.set_exception(self._error)
            elif self._written >= count:
                waiter.set_result(None)
            else:
                waiting.append((count, waiter))
        self._waiters = waiting

    def _refuse(self) -> None:
        if self._error is not None:
            raise self._error
        if self._closed:
            raise RunOver

    def _hand(self, *drafts: Draft) -> None:
        self._drafts += drafts
        self._handed += len(drafts)
        self._work.set()

    def _put_text(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._make is not None and self._error is None:
            self._hand(self._make("".join(self._text)))
        self._text, self._size, self._make = [], 0, None
