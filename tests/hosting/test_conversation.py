"""What was said before in a thread: the run's own user's, this agent's, and as much as fits."""

from pathlib import Path
from typing import Any

from netra.agents.context import Context
from netra.agents.definition import agent
from netra.db.database import Database
from netra.hosting.conversation import MOST_CHARACTERS, exchanges
from netra.ids import UserId
from tests.agents.surroundings import open_agents
from tests.hosting.stage import run


@agent("tells")
async def tells(ctx: Context, input: str) -> Any:
    return [[told.asked[:5], len(told.answered)] for told in await exchanges(ctx, "writes")]


@agent("writes")
async def writes(ctx: Context, input: str) -> Any:
    if input == "fail":
        raise KeyError
    return "x" * (MOST_CHARACTERS // 2) if input == "long" else {"is": input}


async def test_completed_runs_of_the_agent_in_the_thread_are_told_and_of_them_the_newest_that_fit(
    database: Database, alice: UserId, bob: UserId, tmp_path: Path
) -> None:
    async with open_agents(database, tmp_path, [tells, writes]) as world, world.worker():
        thread_id = await world.thread(alice)
        for said in ("first", "long", "fail", "short"):
            await run(world, alice, "writes", said, thread_id=thread_id)
        await run(world, alice, "writes", "elsewhere")
        await run(world, bob, "writes", "bobs")
        assert (await run(world, alice, "tells", "x", thread_id=thread_id))[0].result == [
            ["first", 15],
            ["long", MOST_CHARACTERS // 2],
            ["short", 15],
        ]
        await run(world, alice, "writes", "long", thread_id=thread_id)
        told = (await run(world, alice, "tells", "x", thread_id=thread_id))[0].result
        assert told == [["short", 15], ["long", MOST_CHARACTERS // 2]]
        assert (await run(world, bob, "tells", "x"))[0].result == []
