"""Servers whose runs can be joined: a run goes on by itself, and its events are asked for by its id, from a cursor on.

A thread has no stream of its own there, so its log is what its runs told, one run after the other in the order in which this
user's requests were accepted. A reader goes through them as they happen; the log reads all of them again from their beginnings;
both have to come to the same. How a run ended is taken from what the server keeps of it, not from the end of a stream.
"""

import asyncio
import copy
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from netra.prove.answers import Lost, Refused
from netra.prove.targets import Log, ReceivedEvent, Work
from netra.prove.targets.http import HttpPerson, Visitor, new_client

EPOCH: Final = 1
"""Of every thread: its runs stay."""
ENDS: Final = frozenset({"agent_completed", "agent_failed", "agent_cancelled"})
AHEAD: Final = 64
"""Events that a reader may have received before anybody takes them."""


class RunCursor(NamedTuple):
    """Where a reader is in a thread."""

    epoch: int = EPOCH
    seq: int = 0
    place: int = 0
    """Runs of the thread that have been read to their end."""
    after: str = ""
    """The server's own cursor within the next one; "": its beginning."""


@dataclass(frozen=True, slots=True)
class RunStep:
    """One event of a run."""

    after: str
    """The server's cursor behind it."""
    type: str
    text: str


class AcceptedRuns:
    """Runs of one user that a server has accepted, by thread, in order."""

    def __init__(self) -> None:
        self.by_thread: dict[str, list[str]] = {}
        self.news = asyncio.Condition()

    async def add(self, thread: str, run: str) -> None:
        self.by_thread.setdefault(thread, []).append(run)
        async with self.news:
            self.news.notify_all()

    async def at(self, thread: str, place: int) -> str:
        """The run at this place, once there is one."""
        async with self.news:
            await self.news.wait_for(lambda: len(self.by_thread.get(thread, ())) > place)
        return self.by_thread[thread][place]

    def thread_of(self, run: str) -> str:
        """Raises `KeyError`."""
        return next(thread for thread, runs in self.by_thread.items() if run in runs)


class JoiningPerson(HttpPerson, ABC):
    """A user of such a server."""

    def __init__(self, number: int, mark: str, user_id: str, token: str, visitor: Visitor) -> None:
        super().__init__(number, mark, user_id, token, visitor)
        self.accepted = AcceptedRuns()
        self._told: dict[str, list[RunStep]] = {}
        """What runs that are over have told when they were read again."""
        self._telling = asyncio.Lock()

    @abstractmethod
    async def ask_for_run(self, thread: str, work: Work) -> str:
        """Returns its id. Raises `Refused` or `Lost`."""

    @abstractmethod
    async def ended(self, thread: str) -> Mapping[str, str]:
        """What the server keeps of a thread's runs that are over: by run, how it ended, as one of `ENDS`.

        Raises `Refused` or `Lost`.
        """

    @abstractmethod
    def join(self, thread: str, run: str, after: str) -> AsyncIterator[RunStep]:
        """Events of a run from a cursor on, the last of them one of `ENDS`. Raises `Refused` or `Lost`."""

    def twin(self) -> Any:
        return copy.copy(self)

    @asynccontextmanager
    async def apart(self) -> AsyncIterator[Any]:
        async with await asyncio.to_thread(new_client) as http:
            other = copy.copy(self)
            other.visitor = self.visitor.over(http)
            yield other

    async def start_run(self, thread: str, work: Work, key: str | None) -> str:  # noqa: ARG002 - no target of these has keys
        run = await self.ask_for_run(thread, work)
        await self.accepted.add(thread, run)
        return run

    async def log(self, thread: str) -> Log:
        """All runs that have ended, up to the first that has not, each as it was read from its beginning.

        That is done once for each: what is over does not change, and a flood of readings would be one of streams.
        """
        over = await self.ended(thread)
        events: list[ReceivedEvent] = []
        for run in self.accepted.by_thread.get(thread, ()):
            if run not in over:
                break
            async with self._telling:
                if run not in self._told:
                    self._told[run] = [step async for step in self.join(thread, run, "")]
            for step in self._told[run]:
                events.append(ReceivedEvent(thread, EPOCH, len(events) + 1, step.type, run, step.text))
        return Log(thread, EPOCH, tuple(events))

    @asynccontextmanager
    async def read(self, threads: Mapping[str, RunCursor | None]) -> AsyncIterator["JoiningReader"]:
        reader = JoiningReader(self, threads)
        pumps = [asyncio.create_task(reader.pump(thread)) for thread in threads]
        try:
            yield reader
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)


class JoiningReader:
    """Joins one run after the other, in every thread that it follows."""

    def __init__(self, person: JoiningPerson, threads: Mapping[str, RunCursor | None]) -> None:
        self._person = person
        self._cursors = {thread: cursor or RunCursor() for thread, cursor in threads.items()}
        self._received: asyncio.Queue[tuple[RunCursor, ReceivedEvent] | Lost] = asyncio.Queue(AHEAD)
        self._reading = asyncio.Event()
        self._reading.set()
        self._dropped = False

    @property
    def cursor(self) -> dict[str, RunCursor]:
        """Of each thread: where the last event was that somebody took."""
        return dict(self._cursors)

    async def pump(self, thread: str) -> None:
        """Receive what happens in a thread, until somebody cancels this or the connection is gone."""
        try:
            await self._receive(thread, self._cursors[thread])
        except (Lost, Refused) as error:
            await self._received.put(error if isinstance(error, Lost) else Lost(f"refused: {error}"))

    async def _receive(self, thread: str, cursor: RunCursor) -> None:
        while True:
            run = await self._person.accepted.at(thread, cursor.place)
            place = cursor.place
            async for step in self._person.join(thread, run, cursor.after):
                await self._reading.wait()
                seq = cursor.seq + 1
                over = step.type in ENDS
                cursor = RunCursor(EPOCH, seq, place + over, "" if over else step.after)
                await self._received.put((cursor, ReceivedEvent(thread, EPOCH, seq, step.type, run, step.text)))
            if cursor.place == place:
                raise Lost("the stream of a run ended before the run did")

    async def next(self, within: float) -> ReceivedEvent | None:
        if self._dropped:
            raise Lost("dropped")
        try:
            async with asyncio.timeout(within):
                received = await self._received.get()
        except TimeoutError:
            return None
        if isinstance(received, Lost):
            raise received
        cursor, event = received
        self._cursors[event.thread] = cursor
        return event

    def drop(self) -> None:
        self._dropped = True

    def pause(self) -> None:
        self._reading.clear()

    def proceed(self) -> None:
        self._reading.set()
