"""The one way to call a tool."""

from typing import Any
from uuid import UUID

import pytest

from netra.db.database import Connection, Database
from netra.errors import InvalidInput, NotFound
from netra.ids import UserId, new_uuid
from netra.tools.plans import PERMISSIONS
from netra.tools.toolbox import TOOLS, Arguments, InvalidTool, Tool, Toolbox, UnknownTool


async def nothing(connection: Connection, user_id: UserId, arguments: Arguments) -> None: ...


def tool(name: str, permission: str) -> Tool:
    return Tool(name, "For a test.", permission, Arguments, nothing)


async def call(database: Database, user_id: UserId, name: str, **arguments: Any) -> Any:
    async with database.for_user(user_id).transaction() as connection:
        return await Toolbox(TOOLS).call(connection, user_id, name, arguments)


def test_every_tool_is_held_by_the_permission_that_it_names() -> None:
    toolbox = Toolbox(TOOLS)
    assert set(toolbox) <= {name for permission in PERMISSIONS.values() for name in permission.tools}
    assert all(name in PERMISSIONS[toolbox[name].permission].tools for name in toolbox)


@pytest.mark.parametrize(
    "refused",
    [
        [tool("list_agents", "")],
        [tool("list_agents", "no_such_permission")],
        [tool("list_agents", "analytics")],
        [tool("unheard_of", "basic")],
        [tool("list_agents", "basic"), tool("list_agents", "basic")],
    ],
    ids=["none", "unknown", "another", "unheard of", "twice"],
)
def test_a_tool_without_a_permission_stops_the_start(refused: list[Tool]) -> None:
    with pytest.raises(InvalidTool):
        Toolbox(refused)


async def test_a_thread_that_a_tool_began_is_the_callers(database: Database, alice: UserId, bob: UserId) -> None:
    made = await call(database, alice, "create_thread", title="Mine")
    for user_id, expected in ((alice, [("Mine",)]), (bob, [])):
        async with database.for_user(user_id).transaction() as connection:
            cursor = await connection.execute("SELECT title FROM thread WHERE id = %s", [UUID(made["thread_id"])])
            assert await cursor.fetchall() == expected


async def test_the_status_of_somebody_elses_run_is_that_of_an_unknown_one(
    database: Database, alice: UserId, bob: UserId
) -> None:
    thread_id, run_id = new_uuid(), new_uuid()
    async with database.for_user(bob).transaction() as connection:
        await connection.execute("INSERT INTO thread (user_id, id) VALUES (%s, %s)", [bob, thread_id])
        await connection.execute(
            """
            INSERT INTO run (user_id, id, thread_id, agent, state, input, plan, plan_version, accepted_seq)
            VALUES (%s, %s, %s, 'demo', 'queued', '{}', 'free', 1, 1)
            """,
            [bob, run_id, thread_id],
        )
    status = await call(database, bob, "get_agent_status", run_id=str(run_id))
    assert status == {"run_id": str(run_id), "agent": "demo", "state": "queued", "attempt": 0, "waits_for": None}
    for unknown in (run_id, new_uuid()):
        with pytest.raises(NotFound):
            await call(database, alice, "get_agent_status", run_id=str(unknown))


async def test_a_call_that_does_not_fit_is_refused_with_the_argument(database: Database, alice: UserId) -> None:
    with pytest.raises(UnknownTool):
        await call(database, alice, "no_such_tool")
    for arguments, field in (({"title": 7}, "arguments.title"), ({"titel": "x"}, "arguments.titel")):
        with pytest.raises(InvalidInput) as caught:
            await call(database, alice, "create_thread", **arguments)
        assert caught.value.extra["field"] == field
