"""Developers' tools: the process as it is, one's own runs and lines, and never in production."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from netra.clock import SystemClock
from netra.db.database import Database
from netra.gateway.tooling import equip
from netra.ids import UserId
from netra.streams.streams import Streams
from netra.tools.gate import PermissionDenied, ToolCaller
from netra.tools.toolbox import Toolbox
from tests.tools.conftest import give


class Instruments:
    """A panel of two instruments, and lines of whoever asks."""

    def readings(self) -> Mapping[str, Any]:
        return {"open_sockets": 3}

    def lines_of(self, user_id: UserId) -> Sequence[Mapping[str, Any]]:
        return [{"event": str(user_id), "level": level} for level in ("debug", "info", "warning")]


def tools(streams: Streams, *, production: bool = False) -> Toolbox:
    return equip(streams, SystemClock(), [], production=production, panel=Instruments()).toolbox


async def call(toolbox: Toolbox, user_id: UserId, tool: str, **arguments: Any) -> Any:
    return await toolbox.call(ToolCaller(user_id, "http"), tool, arguments)


async def test_the_panel_shows_the_process_and_ones_own_live_runs(
    streams: Streams, database: Database, alice: UserId, bob: UserId
) -> None:
    toolbox = tools(streams)
    for user_id, state in ((alice, "running"), (alice, "completed"), (bob, "running")):
        await give(database, user_id, "developer")
        thread = (await call(toolbox, user_id, "create_thread"))["thread_id"]
        async with database.system().transaction() as connection:
            await connection.execute(
                """INSERT INTO run (user_id, id, thread_id, agent, state, input, plan, plan_version, accepted_seq)
                   VALUES (%s, gen_random_uuid(), %s, %s, %s, '{}', 'free', 1, 1)""",
                [user_id, thread, f"agent of {user_id}", state],
            )
    answer = await call(toolbox, alice, "debug_panel")
    assert answer["process"]["open_sockets"] == 3
    assert answer["process"]["postgresql"].split(".")[0].isdigit()
    assert [(run["agent"], run["state"]) for run in answer["live_runs"]] == [(f"agent of {alice}", "running")]


async def test_lines_are_the_callers_own_from_a_level_on_the_latest_last(
    streams: Streams, database: Database, alice: UserId
) -> None:
    await give(database, alice, "developer")
    toolbox = tools(streams)
    lines = (await call(toolbox, alice, "system_logs", level="info"))["lines"]
    assert lines == [{"event": str(alice), "level": "info"}, {"event": str(alice), "level": "warning"}]
    assert (await call(toolbox, alice, "system_logs", limit=1))["lines"] == lines[-1:]


async def test_in_production_nobody_opens_them(streams: Streams, database: Database, alice: UserId) -> None:
    await give(database, alice, "developer", "super_admin", "*")
    for tool in ("debug_panel", "system_logs"):
        with pytest.raises(PermissionDenied) as refused:
            await call(tools(streams, production=True), alice, tool)
        assert refused.value.extra["permission_info"]["missing_permissions"] == ["environment"]
