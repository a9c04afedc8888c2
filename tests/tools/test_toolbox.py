"""The one way to call a tool."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest

from netra.db.database import Database
from netra.errors import InvalidInput, NotFound
from netra.ids import UserId
from netra.streams.streams import Streams
from netra.tools.gate import Gate, PermissionDenied, RateLimited, ToolCaller
from netra.tools.tool import Call, InvalidTool, Tool, tool
from netra.tools.toolbox import LARGEST, ResultRefused, Toolbox, ToolTimeout, UnknownTool


def made(name: str, work: Any = None, category: str = "data", permission: str = "basic", **options: Any) -> Tool:
    async def nothing(call: Call) -> None:
        """Do nothing."""

    return tool(name, category=category, permission=permission, **options)(work or nothing)


def box(streams: Streams, *tools: Tool) -> Toolbox:
    return Toolbox(streams, Gate(), tools)


async def rows(database: Database, query: Any) -> Sequence[tuple[Any, ...]]:
    async with database.system().transaction() as connection:
        return await (await connection.execute(query)).fetchall()


@pytest.mark.parametrize(
    "refused",
    [[("a", {"permission": ""})], [("a", {"permission": "flying"})], [("a", {"category": "odd"})], [("a", {}), ("a", {})]],
    ids=["no permission", "unknown permission", "unknown category", "twice"],
)
async def test_a_tool_that_nobody_could_be_allowed_stops_the_start(streams: Streams, refused: Any) -> None:
    with pytest.raises(InvalidTool):
        box(streams, *(made(name, **options) for name, options in refused))


async def test_an_unknown_tool_and_arguments_that_do_not_fit_are_refused_and_not_counted(
    toolbox: Toolbox, database: Database, alice: UserId
) -> None:
    with pytest.raises(UnknownTool):
        await toolbox.call(ToolCaller(alice, "http"), "no_such_tool", {})
    for arguments, field in (({"title": 7}, "arguments.title"), ({"titel": "x"}, "arguments.titel")):
        with pytest.raises(InvalidInput) as caught:
            await toolbox.call(ToolCaller(alice, "http"), "create_thread", arguments)
        assert caught.value.extra["field"] == field
    assert await rows(database, "SELECT * FROM tool_usage") == []


async def test_an_atomic_tool_and_its_count_are_one_transaction(streams: Streams, database: Database, alice: UserId) -> None:
    async def rename_and_fail(call: Call) -> None:
        """Change something, then fail."""
        await call.transaction.connection.execute("UPDATE account SET name = 'changed'")
        raise NotFound

    toolbox = box(streams, made("create_thread", rename_and_fail, atomic=True))
    with pytest.raises(NotFound):
        await toolbox.call(ToolCaller(alice, "http"), "create_thread", {})
    assert await rows(database, "SELECT name FROM account") == [("",)]
    assert await rows(database, "SELECT * FROM tool_usage") == []
    assert toolbox.calls == {("create_thread", "error"): 1}


async def test_a_tool_that_works_elsewhere_is_counted_before_it_begins(
    streams: Streams, database: Database, alice: UserId
) -> None:
    seen: list[Any] = []

    async def look_and_fail(call: Call) -> None:
        """Look at the count, then fail."""
        seen.extend(await rows(database, "SELECT counter, used FROM tool_usage"))
        raise NotFound

    toolbox = box(streams, made("create_thread", look_and_fail))
    with pytest.raises(NotFound):
        await toolbox.call(ToolCaller(alice, "http"), "create_thread", {})
    assert seen == [("tool/create_thread/day", 1)]
    assert await rows(database, "SELECT tool, via, status, ended_at >= at FROM tool_call") == [
        ("create_thread", "http", "error", True)
    ]


async def test_a_tool_that_takes_too_long_is_stopped_where_it_is(streams: Streams, database: Database, alice: UserId) -> None:
    async def hang(call: Call) -> None:
        """Never end."""
        await asyncio.Event().wait()

    async def sleep_in_the_database(call: Call) -> None:
        """Keep the database busy."""
        await call.transaction.connection.execute("UPDATE account SET name = 'changed'")
        await call.transaction.connection.execute("SELECT pg_sleep(60)")

    async def give_up(call: Call) -> None:
        """Fail by a clock of its own."""
        raise TimeoutError

    toolbox = box(
        streams,
        made("hang", hang, time_limit=0.05),
        made("sleep", sleep_in_the_database, atomic=True, time_limit=0.2),
        made("give_up", give_up),
    )
    async with asyncio.timeout(20):
        for name in ("hang", "sleep"):
            with pytest.raises(ToolTimeout):
                await toolbox.call(ToolCaller(alice, "http"), name, {})
        with pytest.raises(TimeoutError):
            await toolbox.call(ToolCaller(alice, "http"), "give_up", {})
    assert await rows(database, "SELECT name FROM account") == [("",)]


async def test_a_cancelled_call_leaves_nothing_and_is_noted_as_failed(
    streams: Streams, database: Database, alice: UserId
) -> None:
    begun = asyncio.Event()

    async def write_and_wait(call: Call) -> None:
        """Change something, then wait."""
        await call.transaction.connection.execute("UPDATE account SET name = 'changed'")
        begun.set()
        await asyncio.Event().wait()

    async def wait(call: Call) -> None:
        """Wait."""
        begun.set()
        await asyncio.Event().wait()

    toolbox = box(streams, made("write", write_and_wait, atomic=True), made("wait", wait))
    for name in ("write", "wait"):
        begun.clear()
        async with asyncio.timeout(20):
            calling = asyncio.ensure_future(toolbox.call(ToolCaller(alice, "http"), name, {}))
            await begun.wait()
            calling.cancel()
            with pytest.raises(asyncio.CancelledError):
                await calling
    assert await rows(database, "SELECT name FROM account") == [("",)]
    assert await rows(database, "SELECT tool, status FROM tool_call") == [("wait", "error")]


@pytest.mark.parametrize(
    "result", [float("nan"), "half \ud800", "x" * LARGEST, object(), 2**70], ids=["nan", "text", "size", "type", "integer"]
)
async def test_a_result_that_no_log_could_hold_is_refused_to_everybody(streams: Streams, alice: UserId, result: Any) -> None:
    async def give_it(call: Call) -> Any:
        """Return what it was made with."""
        return {"value": result}

    with pytest.raises(ResultRefused):
        await box(streams, made("odd", give_it)).call(ToolCaller(alice, "http"), "odd", {})


async def test_two_users_at_once_each_reach_their_own(streams: Streams, database: Database, alice: UserId, bob: UserId) -> None:
    both = asyncio.Barrier(2)

    async def rename(call: Call, to: str) -> str:
        """Rename the caller, while another does the same."""
        await both.wait()
        await call.transaction.connection.execute("UPDATE account SET name = %s", [to])
        return str(call.user_id)

    toolbox = box(streams, made("rename", rename, atomic=True))
    async with asyncio.timeout(20):
        results = await asyncio.gather(
            *(toolbox.call(ToolCaller(user, "http"), "rename", {"to": str(user)}) for user in (alice, bob))
        )
    assert results == [str(alice), str(bob)]
    assert set(await rows(database, "SELECT id::text, name FROM account")) == {(str(u), str(u)) for u in (alice, bob)}


async def test_calls_are_tallied_by_how_they_end(streams: Streams, alice: UserId) -> None:
    async def sometimes(call: Call, refuse: bool) -> None:
        """Refuse, when asked to."""
        if refuse:
            raise NotFound

    toolbox = box(streams, made("create_thread", sometimes, atomic=True), made("closed", permission="analytics"))
    for nth in range(12):
        with suppress(NotFound, RateLimited):
            await toolbox.call(ToolCaller(alice, "http"), "create_thread", {"refuse": nth == 0})
    with suppress(PermissionDenied):
        await toolbox.call(ToolCaller(alice, "http"), "closed", {})
    assert toolbox.calls == {
        ("create_thread", "error"): 1,
        ("create_thread", "success"): 10,
        ("create_thread", "rate_limited"): 1,
        ("closed", "permission_denied"): 1,
    }


async def test_old_calls_and_counters_are_swept(toolbox: Toolbox, database: Database, alice: UserId) -> None:
    await toolbox.call(ToolCaller(alice, "http"), "list_agents", {})
    await toolbox.sweep()
    assert len(await rows(database, "SELECT * FROM tool_call")) == 1
    async with database.system().transaction() as connection:
        await connection.execute("UPDATE tool_call SET at = at - interval '40 days'")
        await connection.execute("UPDATE tool_usage SET starts_at = starts_at - interval '40 days'")
    await toolbox.sweep()
    for table in ("tool_call", "tool_usage"):
        assert await rows(database, f"SELECT * FROM {table}") == []


async def test_tools_of_a_server_are_replaced_all_at_once_or_not_at_all(streams: Streams, alice: UserId) -> None:
    toolbox = box(streams, made("own"))
    toolbox.replace_external("one", [made("one__a", category="external"), made("one__b", category="external")])
    toolbox.replace_external("two", [made("two__a", category="external", permission="analytics")])
    assert set(toolbox) == {"own", "one__a", "one__b", "two__a"}
    assert toolbox.permissions["two__a"] == "analytics"
    for refused in ([made("one__c"), made("own")], [made("two__a")], [made("one__c"), made("one__c")]):
        with pytest.raises(InvalidTool):
            toolbox.replace_external("one", refused)
    assert set(toolbox) == {"own", "one__a", "one__b", "two__a"}
    toolbox.replace_external("one", [made("one__c")])
    assert set(toolbox) == {"own", "one__c", "two__a"}
    toolbox.replace_external("one", [])
    with pytest.raises(UnknownTool):
        await toolbox.call(ToolCaller(alice, "http"), "one__c", {})


async def test_a_call_goes_on_when_its_tool_is_replaced(streams: Streams, alice: UserId) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def wait(call: Call) -> str:
        """Wait."""
        begun.set()
        await go_on.wait()
        return "done"

    toolbox = box(streams)
    toolbox.replace_external("one", [made("one__wait", wait)])
    async with asyncio.timeout(20):
        calling = asyncio.ensure_future(toolbox.call(ToolCaller(alice, "http"), "one__wait", {}))
        await begun.wait()
        toolbox.replace_external("one", [])
        go_on.set()
        assert await calling == "done"
