"""Runs as a worker takes them, and what is left when one dies."""

from typing import Any

from netra.ids import UserId
from netra.runs.context import RunContext
from netra.runs.state import State
from tests.runs.world import World


async def test_a_run_is_executed_and_ends_with_its_result(world: World, alice: UserId) -> None:
    @world.agent
    async def double(context: RunContext) -> Any:
        await context.think("doubling")
        return context.facts.input * 2

    async with world.worker():
        accepted = await world.start(alice, "double", 21)
        info = await world.finished(alice, accepted)
    assert (info.state, info.result, info.attempt) == (State.COMPLETED, 42, 1)
    assert await world.types(alice, accepted) == ["run_queued", "agent_started", "agent_thinking", "agent_completed"]
