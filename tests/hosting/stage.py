"""What tests of hosted agents do with a run: play it without a database, let it die anywhere, ask what it said and did."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from netra.agents.context import Context, Surroundings
from netra.agents.definition import Agent
from netra.clock import SystemClock
from netra.db.database import Database
from netra.env import Environment
from netra.events.codec import draft
from netra.events.model import (
    AgentThinking,
    EventData,
    InputReceived,
    InputRequired,
    MessageDelta,
    ToolCompleted,
    ToolExecuting,
)
from netra.ids import UserId
from netra.models.calls import CallTally
from netra.runs.context import RunContext
from netra.runs.runs import RunInfo
from netra.streams.writer import LogUnavailable
from netra.vault.vault import Vault
from tests.agents.surroundings import open_agents
from tests.runs.memory import MemoryRun, Parked
from tests.runs.world import World


class Witness:
    """Looks at what is done, from outside of what is hosted."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def saw(self, what: Any) -> None:
        self.seen.append(what)


class Endless:
    """Work that goes on until it is cancelled, and knows whether it was."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.was_cancelled = False

    async def work(self) -> None:
        self.began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise


async def made(host: Callable[..., Agent], *args: Any, **options: Any) -> Agent:
    """What `host` makes, in a thread: it reads source files, as an import does, and an import belongs into no event loop."""
    return await asyncio.to_thread(host, *args, **options)


class Unwritten:
    """A user's rows where there is no database: what is written is nowhere."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["Unwritten"]:
        yield self

    async def execute(self, *_: Any) -> None:
        """Write nothing."""


class Play:
    """One run of an agent without a database, over as many attempts as it takes."""

    def __init__(self, agent: Agent, given: Any, *answers: Any) -> None:
        """`answers` is what its user says to its questions, one after the other."""
        self.memory = MemoryRun()
        self._agent = agent
        self._given = given
        self._answers = iter(answers)

    async def attempt(self, dies_after: int | None = None) -> Any:
        """Execute the agent once. Raises `LogUnavailable` where it dies, `Parked` where it asks."""
        nowhere = SimpleNamespace(for_user=lambda _: Unwritten())
        nothing = cast(Surroundings, SimpleNamespace(database=nowhere, datasets=None, toolbox=None, tally=CallTally()))

        async def work(run: RunContext) -> Any:
            return await self._agent.execute(Context(run, nothing, Environment({})), self._agent.accept(self._given))

        async with asyncio.timeout(60):
            return await self.memory.execute(work, dies_after)

    async def to_its_end(self, dies_after: int | None = None) -> Any:
        """Execute until there is a result, answering what is asked; the first attempt dies after so many appends."""
        while True:
            try:
                return await self.attempt(dies_after)
            except LogUnavailable:
                dies_after = None
            except Parked as parked:
                (request_id,) = parked.args
                self.memory.answers[request_id] = next(self._answers)
                received = InputReceived(request_id=request_id)
                self.memory.drafts.append(draft(received, SystemClock().now(), agent="agent"))
                dies_after = None

    @property
    def events(self) -> list[EventData]:
        return [event for _, event in self.memory.events()]


async def survives_every_death(play: Callable[[], Play], result: Any, most: Callable[[], None]) -> None:
    """Play a run once for each of its appends, after which it dies: its log and result are those of one that never died.

    `most` is called after each, to look at what was done.
    """
    undisturbed = play()
    assert await undisturbed.to_its_end() == result
    most()
    for number in range(len(undisturbed.memory.drafts)):
        one = play()
        assert await one.to_its_end(dies_after=number) == result, number
        assert sorted(map(_known, one.events)) == sorted(map(_known, undisturbed.events)), number
        most()


async def cancel(play: Play, endless: Endless) -> None:
    """Cancel a run while this work of it goes on."""
    playing = asyncio.create_task(play.attempt())
    async with asyncio.timeout(20):
        await endless.began.wait()
    playing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await playing


def _known(event: EventData) -> str:
    """An event, without what differs from run to run: ids made of the run's."""
    match event:
        case MessageDelta():
            return f"said {event.text}"
        case ToolExecuting() | ToolCompleted():
            return f"{event.TYPE} {event.call_id}"
    return repr(event)


@asynccontextmanager
async def on_stage(
    database: Database,
    folder: Path,
    agent: Agent,
    environment: Mapping[UserId, Mapping[str, str]] | None = None,
    vault: Vault | None = None,
) -> AsyncIterator[World]:
    """A process that serves this agent, with a worker."""
    async with open_agents(database, folder, [agent], environment, vault) as world, world.worker():
        yield world


async def run(world: World, user_id: UserId, agent: str, prompt: Any, **options: Any) -> tuple[RunInfo, list[EventData]]:
    """Run an agent to its end; what became of it, and what its log holds."""
    accepted = await world.start(user_id, agent, prompt, **options)
    info = await world.finished(user_id, accepted)
    return info, await world.events(user_id, accepted)


async def both_at_once(world: World, agent: str, alice: UserId, bob: UserId) -> tuple[Any, Any]:
    """Two rounds of a run of each of them, at the same time, in a thread of each; the results of the second."""
    threads = {user_id: await world.thread(user_id) for user_id in (alice, bob)}
    results_: dict[UserId, Any] = {}
    for number in ("1", "2"):
        accepted = {
            user_id: await world.start(user_id, agent, f"mark-{name}-{number}", thread_id=threads[user_id])
            for user_id, name in ((alice, "alice"), (bob, "bob"))
        }
        results_ = {user_id: (await world.finished(user_id, one)).result for user_id, one in accepted.items()}
    return results_[alice], results_[bob]


def said(events: list[EventData]) -> str:
    return "".join(event.text for event in events if isinstance(event, MessageDelta))


def thoughts(events: list[EventData]) -> list[str]:
    return [event.text for event in events if isinstance(event, AgentThinking)]


def called(events: list[EventData]) -> list[str]:
    return [event.tool for event in events if isinstance(event, ToolExecuting)]


def questions(events: list[EventData]) -> list[Any]:
    return [event.question for event in events if isinstance(event, InputRequired)]


def results(events: list[EventData], tool: str) -> list[Any]:
    return [
        event.result if event.ok else event.error for event in events if isinstance(event, ToolCompleted) and event.tool == tool
    ]
