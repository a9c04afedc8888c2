"""What an agent sees: its own user's things, and nothing of anybody else."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel

from netra.agents.context import Context
from netra.agents.definition import agent
from netra.db.database import Connection, Database
from netra.errors import NotFound
from netra.events.model import AgentStarted, ReportReady, ToolCompleted, ToolExecuting
from netra.ids import DatasetId, UserId
from netra.runs.failure import StepFailed
from netra.runs.state import State
from tests.agents.surroundings import open_agents


class Sum(BaseModel):
    total: int


async def give(value: Any) -> Any:
    return value


async def test_an_agent_knows_for_whom_and_where_it_works(database: Database, alice: UserId, tmp_path: Path) -> None:
    @agent("who")
    async def who(ctx: Context) -> dict[str, Any]:
        return {
            "user": [str(ctx.user.id), ctx.user.name, ctx.user.plan],
            "run": [str(ctx.run_id), str(ctx.thread_id), ctx.attempt, ctx.cancelled],
        }

    async with database.for_user(alice).transaction() as connection:
        await connection.execute("UPDATE account SET name = 'Alice'")
    async with open_agents(database, tmp_path, [who]) as world, world.worker():
        accepted = await world.start(alice, "who")
        info = await world.finished(alice, accepted)
    assert info.result == {
        "user": [str(alice), "Alice", "free"],
        "run": [str(accepted.run_id), str(accepted.thread_id), 1, False],
    }


async def test_each_users_runs_see_that_users_variables_alone(
    database: Database, alice: UserId, bob: UserId, tmp_path: Path
) -> None:
    @agent("variables")
    async def variables(ctx: Context) -> dict[str, str]:
        with pytest.raises(TypeError):
            ctx.env["MARK"] = "changed"  # type: ignore[index]  # what is refused here
        return dict(ctx.env)

    environment = {alice: {"MARK": "alice"}, bob: {"MARK": "bob", "MORE": "b"}}
    async with open_agents(database, tmp_path, [variables], environment) as world, world.worker():
        for user_id in (alice, bob):
            accepted = await world.start(user_id, "variables")
            assert (await world.finished(user_id, accepted)).result == environment[user_id]


async def test_rows_and_datasets_of_others_are_not_there(
    database: Database, alice: UserId, bob: UserId, tmp_path: Path
) -> None:
    async def upload() -> AsyncIterator[bytes]:
        yield b"timestamp,input_tokens,output_tokens\n2026-01-01T00:00:00Z,1,2\n"

    @agent("pry")
    async def pry(ctx: Context, dataset_id: DatasetId) -> list[Any]:
        async with ctx.db.transaction() as connection:
            ids = [row[0] async for row in await connection.execute("SELECT id FROM account")]
        page = await ctx.datasets.list()
        found = [str(info.id) for info in page.items]
        try:
            async with ctx.datasets.open(dataset_id) as query:
                rows = await query.fetch_one("SELECT count(*) FROM usage")
        except NotFound as error:
            rows = (type(error).__name__,)
        return [[str(user_id) for user_id in ids], found, rows[0]]

    async with open_agents(database, tmp_path, [pry]) as world, world.worker():
        surroundings: Any = world.agents["pry"]
        info = await surroundings.surroundings.datasets.create(bob, "his", upload(), "csv")
        for user_id, expected in (
            (alice, [[str(alice)], [], "NotFound"]),
            (bob, [[str(bob)], [str(info.id)], 1]),
        ):
            accepted = await world.start(user_id, "pry", str(info.id))
            assert (await world.finished(user_id, accepted)).result == expected


async def test_a_step_can_give_back_a_type(database: Database, alice: UserId, tmp_path: Path) -> None:
    @agent("typed")
    async def typed(ctx: Context) -> int:
        made = await ctx.step("sum", give, Sum(total=3), returns=Sum)
        assert isinstance(made, Sum)
        assert await ctx.step("sum", give, Sum(total=4)) == {"total": 4}
        return made.total

    async with open_agents(database, tmp_path, [typed]) as world, world.worker():
        assert (await world.finished(alice, await world.start(alice, "typed"))).result == 3


async def test_a_tool_is_called_exactly_once_and_its_refusal_is_a_failed_step(
    database: Database, alice: UserId, tmp_path: Path
) -> None:
    @agent("tools")
    async def tools(ctx: Context) -> dict[str, Any]:
        made = await ctx.tools.call("create_thread", title="Made by a tool")
        for name, arguments in (("create_thread", {"titel": "x"}), ("no_such_tool", {})):
            with pytest.raises(StepFailed):
                await ctx.tools.call(name, **arguments)
        status = await ctx.tools.call("get_agent_status", run_id=ctx.run_id)
        return {**made, "state": status["state"]}

    async with open_agents(database, tmp_path, [tools]) as world, world.worker():
        accepted = await world.start(alice, "tools")
        result = (await world.finished(alice, accepted)).result
        calls = [e for e in await world.events(alice, accepted) if isinstance(e, ToolExecuting | ToolCompleted)]
    assert (result["title"], result["state"]) == ("Made by a tool", "running")
    async with database.for_user(alice).transaction() as connection:
        cursor = await connection.execute("SELECT title FROM thread WHERE id = %s", [UUID(result["thread_id"])])
        assert await cursor.fetchall() == [("Made by a tool",)]
    assert isinstance(calls[0], ToolExecuting) and calls[0].arguments == {"title": "Made by a tool"}
    refusals = [call.error for call in calls if isinstance(call, ToolCompleted) and not call.ok]
    assert [refusal["code"] for refusal in refusals] == ["invalid_input", "unknown_tool"]
    assert "arguments.titel" in refusals[0]["message"]


async def test_an_effect_is_a_transaction_of_the_user(database: Database, alice: UserId, bob: UserId, tmp_path: Path) -> None:
    @agent("rename")
    async def rename(ctx: Context, other: UserId) -> int:
        async def work(connection: Connection) -> int:
            cursor = await connection.execute("UPDATE account SET name = 'x' WHERE id = ANY(%s)", [[ctx.user.id, other]])
            return cursor.rowcount

        return int(await ctx.effect("rename", work))

    async with open_agents(database, tmp_path, [rename]) as world, world.worker():
        assert (await world.finished(alice, await world.start(alice, "rename", str(bob)))).result == 1


async def test_an_agent_calls_another_with_types_on_both_sides(database: Database, alice: UserId, tmp_path: Path) -> None:
    @agent("add")
    async def add(ctx: Context, numbers: list[int]) -> Sum:
        await ctx.think(f"adding {len(numbers)}")
        return Sum(total=await ctx.step("sum", give, sum(numbers)))

    @agent("boss")
    async def boss(ctx: Context) -> int:
        made = await ctx.call_agent(add, [1, 2])
        assert isinstance(made, Sum)
        with pytest.raises(Exception, match="input"):
            await ctx.call_agent(add, "no list")
        return made.total

    async with open_agents(database, tmp_path, [add, boss]) as world, world.worker():
        accepted = await world.start(alice, "boss")
        assert (await world.finished(alice, accepted)).result == 3
        started = [e for e in await world.events(alice, accepted) if isinstance(e, AgentStarted)]
    assert [event.parent for event in started] == [None, "boss"]


async def test_an_answer_and_a_report_reach_their_user(database: Database, alice: UserId, tmp_path: Path) -> None:
    @agent("polite")
    async def polite(ctx: Context) -> str:
        await ctx.say("One question. ")
        if await ctx.ask("May I write a report?", {"type": "boolean"}):
            await ctx.report("Polite", Sum(total=1))
            return "written"
        return "not written"

    async with open_agents(database, tmp_path, [polite]) as world, world.worker():
        accepted = await world.start(alice, "polite")
        async with world.following(alice, accepted.thread_id) as follower:
            await follower.until_type("input_required")
        await world.runs.answer(alice, accepted.run_id, "ask#1", True)
        info = await world.finished(alice, accepted)
        ready = [e for e in await world.events(alice, accepted) if isinstance(e, ReportReady)]
        assert (await world.types(alice, accepted)).count("message_delta") == 1
    assert (info.state, info.result) == (State.COMPLETED, "written")
    async with database.for_user(alice).transaction() as connection:
        cursor = await connection.execute("SELECT title, body FROM report WHERE id = %s", [UUID(ready[0].report_id)])
        assert await cursor.fetchall() == [("Polite", {"total": 1})]
