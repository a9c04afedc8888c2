"""The panel reads what the process is at the moment of the question."""

import logging
from pathlib import Path

import netra
from netra.clock import SystemClock
from netra.db.database import Database
from netra.gateway.logs import RecentLines
from netra.gateway.panel import ServerPanel
from netra.gateway.tooling import equip
from netra.health.loop import LoopLag
from netra.ids import UserId, new_uuid
from netra.streams.streams import Streams
from netra.tools.gate import ToolCaller
from tests.fixtures.world import Person, World, open_world


def test_a_process_without_instruments_knows_its_versions_and_no_lines() -> None:
    panel = ServerPanel()
    assert set(panel.readings()) == {"versions"}
    assert panel.readings()["versions"]["netra"]
    assert panel.lines_of(UserId(new_uuid())) == ()


async def test_instruments_are_read_when_somebody_asks(database: Database, alice: UserId) -> None:
    panel = ServerPanel(RecentLines())
    async with Streams.open(database, SystemClock()) as streams:
        toolbox = equip(streams, SystemClock(), [], production=False, panel=panel).toolbox
        panel.tools(toolbox)
        panel.process(LoopLag(), database, lambda: 12.3456)
        assert panel.readings()["tool_calls"] == {}
        await toolbox.call(ToolCaller(alice, "http"), "list_agents", {})
    readings = panel.readings()
    assert readings["tool_calls"] == {"list_agents": {"success": 1}}
    assert (readings["uptime_s"], readings["waiting_for_the_database"]) == (12.346, 0)
    assert set(readings["event_loop_lag_ms"]) == {"p50", "p99"}


async def test_a_server_shows_its_sockets_to_a_developer(world: World, ann: Person) -> None:
    await world.give(ann, plan="developer")
    async with ann.socket():
        body = {"tool_name": "debug_panel", "arguments": {}}
        answer = (await ann.call("POST", "/api/tools/execute", 200, json=body)).json()
    assert answer["status"] == "success"
    assert answer["result"]["process"]["open_sockets"] == 1
    assert answer["result"]["process"]["users_connected"] == 1


@netra.agent("chatty")
async def chatty(ctx: netra.Context, input: str) -> None:
    """Log something, in the words of the input."""
    logging.getLogger("chatty").warning(input)


async def test_a_developer_reads_the_lines_of_their_own_runs_and_nobody_elses(database_url: str, tmp_path: Path) -> None:
    async with open_world(database_url, tmp_path, [chatty]) as world:
        people = [await world.sign_up(name) for name in ("ann", "ben")]
        for person in people:
            await world.give(person, plan="developer")
            run = await person.start(await person.thread(), "chatty", f"a line of {person.user_id}")
            assert (await person.ended(run["run_id"]))["state"] == "completed"
        for person in people:
            body = {"tool_name": "system_logs", "arguments": {}}
            (line,) = (await person.call("POST", "/api/tools/execute", 200, json=body)).json()["result"]["lines"]
            assert (line["event"], line["user_id"]) == (f"a line of {person.user_id}", person.user_id)


async def test_in_production_no_line_is_kept(database_url: str, tmp_path: Path) -> None:
    before = logging.getLogger().handlers[:]
    async with open_world(database_url, tmp_path, environment="production"):
        assert logging.getLogger().handlers == before
    async with open_world(database_url, tmp_path):
        assert len(logging.getLogger().handlers) == len(before) + 1
    assert logging.getLogger().handlers == before
