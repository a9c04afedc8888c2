"""What tests of hosted agents do with a run: follow it, stop the worker under it, ask what it said and did."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from netra.agents.definition import Agent
from netra.db.database import Database
from netra.events.model import AgentThinking, EventData, InputRequired, MessageDelta, ToolCompleted, ToolExecuting
from netra.ids import UserId
from netra.runs.runs import Accepted, RunInfo
from tests.agents.surroundings import open_agents
from tests.runs.world import World


class Witness:
    """Looks at what is done, from outside of what is hosted."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def saw(self, what: Any) -> None:
        self.seen.append(what)


async def made(host: Callable[..., Agent], *args: Any, **options: Any) -> Agent:
    """What `host` makes, in a thread: it reads source files, as an import does, and an import belongs into no event loop."""
    return await asyncio.to_thread(host, *args, **options)


@asynccontextmanager
async def on_stage(
    database: Database, folder: Path, agent: Agent, environment: Mapping[UserId, Mapping[str, str]] | None = None
) -> AsyncIterator[World]:
    """A process that serves this agent, with a worker."""
    async with open_agents(database, folder, [agent], environment) as world, world.worker():
        yield world


async def run(world: World, user_id: UserId, agent: str, prompt: Any, **options: Any) -> tuple[RunInfo, list[EventData]]:
    """Run an agent to its end; what became of it, and what its log holds."""
    accepted = await world.start(user_id, agent, prompt, **options)
    info = await world.finished(user_id, accepted)
    return info, await world.events(user_id, accepted)


async def until_asked(world: World, user_id: UserId, accepted: Accepted, count: int = 1) -> list[InputRequired]:
    """Wait until the run has asked its user so often; the questions."""
    async with world.following(user_id, accepted.thread_id) as follower:
        await follower.until_type("input_required", count)
    return [event for event in await world.events(user_id, accepted) if isinstance(event, InputRequired)]


async def stopped_under(world: World, user_id: UserId, agent: str, prompt: Any, at: asyncio.Event) -> Accepted:
    """Start a run, and stop its worker when the run has come to `at`: it goes on with the next worker."""
    async with world.worker(drain_timeout=0.0):
        accepted = await world.start(user_id, agent, prompt)
        async with asyncio.timeout(20):
            await at.wait()
    return accepted


def said(events: list[EventData]) -> str:
    return "".join(event.text for event in events if isinstance(event, MessageDelta))


def thoughts(events: list[EventData]) -> list[str]:
    return [event.text for event in events if isinstance(event, AgentThinking)]


def called(events: list[EventData]) -> list[str]:
    return [event.tool for event in events if isinstance(event, ToolExecuting)]


def results(events: list[EventData], tool: str) -> list[Any]:
    return [
        event.result if event.ok else event.error for event in events if isinstance(event, ToolCompleted) and event.tool == tool
    ]
