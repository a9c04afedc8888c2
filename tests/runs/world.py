"""A process with runs in it: real database, real log, real queue, and agents that are functions of the test."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from netra.clock import SystemClock
from netra.db.database import Database
from netra.events.codec import Event
from netra.events.model import EventData
from netra.ids import ThreadId, UserId, new_uuid
from netra.runs.context import RunContext
from netra.runs.journal import entry
from netra.runs.payload import as_json
from netra.runs.runs import Accepted, RunInfo, Runs
from netra.runs.worker import Worker
from netra.streams import log
from netra.streams.cursor import Cursor, Position
from netra.streams.streams import Streams

Work = Callable[[RunContext], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Function:
    """An agent that is one function."""

    work: Work

    def accept(self, value: Any) -> Any:
        return as_json(value, "input")

    async def run(self, context: RunContext) -> Any:
        return await self.work(context)


class Follower:
    """A reader of a thread that can wait for what it wants to see."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._changed = asyncio.Event()

    def event(self, event: Event) -> None:
        self.events.append(event)
        self._changed.set()

    def reset(self, thread_id: ThreadId, reason: str, position: Position) -> None:
        raise AssertionError(f"nobody cut this log: {reason}")

    def gone(self, thread_id: ThreadId) -> None:
        """Nothing more comes, and whoever still waits runs out of time."""

    @asynccontextmanager
    async def room(self) -> AsyncIterator[None]:
        yield

    async def until(self, enough: Callable[[list[Event]], bool]) -> list[Event]:
        async with asyncio.timeout(20):
            while not enough(self.events):
                self._changed.clear()
                await self._changed.wait()
        return self.events

    async def until_type(self, kind: str, count: int = 1) -> list[Event]:
        return await self.until(lambda events: sum(event.type == kind for event in events) >= count)


@dataclass(slots=True)
class World:
    """One process. `agents` may be added to at any time before they are used."""

    database: Database
    streams: Streams
    runs: Runs
    agents: dict[str, Function]
    clock: SystemClock = field(default_factory=SystemClock)

    def agent(self, work: Work) -> Work:
        """Decorate a function to be an agent of its own name."""
        self.agents[work.__name__] = Function(work)
        return work

    def worker(self, **options: Any) -> AbstractAsyncContextManager[Worker]:
        return Worker.open(self.streams, self.clock, self.agents, **{"poll": 0.2, "cleanup_deadline": 1.0, **options})

    async def thread(self, user_id: UserId) -> ThreadId:
        thread_id = ThreadId(new_uuid())
        async with self.database.for_user(user_id).transaction() as connection:
            await connection.execute("INSERT INTO thread (user_id, id) VALUES (%s, %s)", [user_id, thread_id])
        return thread_id

    async def start(self, user_id: UserId, agent: str, value: Any = None, **options: Any) -> Accepted:
        """Accept a run, in a new thread unless `thread_id` says otherwise; None lets the acceptance begin one."""
        thread_id = options.pop("thread_id") if "thread_id" in options else await self.thread(user_id)
        return await self.runs.accept(user_id, thread_id, agent, value, **options)

    async def finished(self, user_id: UserId, accepted: Accepted) -> RunInfo:
        """Wait for the end of a run."""
        async with self.following(user_id, accepted.thread_id) as follower:
            await follower.until(
                lambda events: any(e.run_id == accepted.run_id and e.type in ENDS and not e.data.parent for e in events)
            )
        return await self.runs.get(user_id, accepted.run_id)

    async def events(self, user_id: UserId, accepted: Accepted) -> list[EventData]:
        return [entry(event)[1] for event in await self.log(user_id, accepted)]

    async def log(self, user_id: UserId, accepted: Accepted) -> list[Event]:
        return await log.read_run(self.database.for_user(user_id), accepted.thread_id, accepted.run_id)

    async def types(self, user_id: UserId, accepted: Accepted) -> list[str]:
        return [event.type for event in await self.log(user_id, accepted)]

    @asynccontextmanager
    async def following(self, user_id: UserId, thread_id: ThreadId) -> AsyncIterator[Follower]:
        follower = Follower()
        subscription = self.streams.subscription(user_id, thread_id, follower)
        await subscription.start(Cursor())
        subscription.go()
        try:
            yield follower
        finally:
            subscription.close()


ENDS = ("agent_completed", "agent_failed", "agent_cancelled")


@asynccontextmanager
async def open_world(database: Database, **options: Any) -> AsyncIterator[World]:
    clock = SystemClock()
    async with Streams.open(database, clock) as streams:
        agents: dict[str, Function] = {}
        yield World(database, streams, Runs(streams, clock, agents, **options), agents)
