import asyncio
from collections.abc import AsyncIterator

import pytest

from netra.clock import SystemClock
from netra.db.database import Database
from netra.gateway.tooling import end_plans, equip
from netra.ids import UserId
from netra.streams.background import beside
from netra.streams.streams import Streams
from netra.tools.tool import Call, InvalidTool, tool


@pytest.fixture
async def streams(database: Database) -> AsyncIterator[Streams]:
    async with Streams.open(database, SystemClock()) as streams:
        yield streams


async def test_a_change_names_every_tool_that_the_server_has(streams: Streams, alice: UserId) -> None:
    tooling = equip(streams, SystemClock(), [], production=False)
    names = set(tooling.toolbox)
    assert {"create_thread", "get_thread_history", "list_agents", "get_agent_status"} <= names
    changed = await tooling.changes.set_plan(alice, "pro")
    assert set(changed.gained) <= names


async def test_a_change_names_tools_that_came_after_the_start(streams: Streams, alice: UserId) -> None:
    @tool("far__away", category="external", permission="analytics")
    async def far_away(call: Call) -> None:
        """Be somewhere else."""

    tooling = equip(streams, SystemClock(), [], production=False)
    tooling.toolbox.replace_external("far", [far_away])
    assert "far__away" in (await tooling.changes.set_plan(alice, "pro")).gained
    tooling.toolbox.replace_external("far", [])
    assert "far__away" not in (await tooling.changes.set_plan(alice, "free")).lost


async def test_a_tool_of_a_name_that_is_taken_stops_the_start(streams: Streams) -> None:
    tooling = equip(streams, SystemClock(), [], production=False)
    with pytest.raises(InvalidTool):
        equip(streams, SystemClock(), [], production=False, more=[tooling.toolbox["create_thread"]])


async def test_plans_end_by_themselves(streams: Streams, database: Database, alice: UserId) -> None:
    tooling = equip(streams, SystemClock(), [], production=False)
    async with database.system().transaction() as connection:
        await connection.execute("UPDATE account SET plan = 'pro', plan_expires_at = now() - interval '1 second'")
    ended = asyncio.Event()
    streams.on_access_changed(lambda _: ended.set())
    async with asyncio.timeout(20), beside(plans=end_plans(tooling.changes, SystemClock())):
        await ended.wait()
    async with database.system().transaction() as connection:
        assert await (await connection.execute("SELECT plan FROM account")).fetchone() == ("free",)
