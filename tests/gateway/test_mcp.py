"""Netra as an MCP server: who may ask, and that everybody is answered alike however they call."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

import netra
from netra.env import for_subprocess
from netra.runs.failure import StepFailed
from tests.fixtures.connected import mcp_url
from tests.fixtures.world import ORIGIN, PATIENCE, UNUSED_TLS, Person, World, open_world
from tests.tools.test_gate import set_plan

__all__ = ["mcp_url"]

LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
PLAIN = {"Accept": "application/json"}


@asynccontextmanager
async def client(world: World, token: str, mode: str = "auto") -> AsyncIterator[Client]:
    """The library's client, signed in."""
    async with asyncio.timeout(PATIENCE):
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=PATIENCE, verify=UNUSED_TLS) as http,
            Client(streamable_http_client(world.url + "/mcp", http_client=http), mode=mode, cache=None) as client,
        ):
            yield client


@netra.agent("caller")
async def caller(ctx: netra.Context, input: str) -> dict[str, Any]:
    """Call a tool and say how that ended."""
    try:
        return {"status": "success", "result": await ctx.tools.call(input)}
    except StepFailed as failed:
        return failed.failure.as_json()


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_of_the_library_lists_and_calls_the_users_tools(world: World, ann: Person, mode: str) -> None:
    async with client(world, ann.access_token, mode) as mcp:
        assert mcp.server_info is not None
        assert mcp.server_info.name == "netra"
        tools = {tool.name: tool for tool in (await mcp.list_tools()).tools}
        assert set(tools) == {"create_thread", "get_agent_status", "get_thread_history", "list_agents"}
        assert tools["create_thread"].input_schema["properties"]["title"]["maxLength"] == 200
        called = await mcp.call_tool("create_thread", {"title": "over MCP"})
        assert not called.is_error
        assert called.structured_content["status"] == "success"
        thread_id = called.structured_content["result"]["thread_id"]
        assert json.loads(called.content[0].text) == called.structured_content["result"]  # type: ignore[union-attr]
    assert (await ann.get(f"/api/threads/{thread_id}"))["title"] == "over MCP"


async def test_an_api_key_opens_the_same_tools(world: World, ann: Person) -> None:
    key = (await ann.call("POST", "/auth/api-keys", 201, json={"name": "editor"})).json()["key"]
    async with client(world, key) as mcp:
        assert len((await mcp.list_tools()).tools) == 4


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer TOKEN"}, {"Authorization": "Basic YTpi"}])
async def test_a_stranger_is_told_to_sign_in(world: World, headers: dict[str, str]) -> None:
    answer = await world.client(**headers).post("/mcp", json=LIST, headers=PLAIN)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_page_of_another_origin_is_refused_and_a_program_sends_none(world: World, ann: Person) -> None:
    for origin, status in (("https://evil.example", 403), ("null", 403), (ORIGIN, 200), (None, 200)):
        headers = PLAIN if origin is None else {**PLAIN, "Origin": origin}
        assert (await ann.http.post("/mcp", json=LIST, headers=headers)).status_code == status, origin


async def test_what_is_not_a_message_is_refused_and_never_an_error_of_ours(world: World, ann: Person) -> None:
    for body, status in (
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b'{"jsonrpc": "2.0", "id": 1}', 400),
        (b"[" * 100_000, 400),
        (b"\xff", 400),
        (b'"' + b"x" * 2_000_000 + b'"', 413),
    ):
        headers = {**PLAIN, "Content-Type": "application/json"}
        answer = await ann.http.post("/mcp", content=body, headers=headers)
        assert answer.status_code == status, (body[:20], answer.text)
    for headers in ({}, {"Content-Type": "text/plain"}):
        answer = await ann.http.post("/mcp", content=b"{}", headers={**PLAIN, **headers})
        assert (answer.status_code, answer.json()["code"]) == (415, "not_sent_as_json")
    assert (await ann.http.get("/mcp")).headers["allow"] == "POST"
    assert (await ann.http.delete("/mcp")).status_code == 405


async def test_an_unknown_tool_and_arguments_that_do_not_fit_are_told_apart(world: World, ann: Person) -> None:
    async with client(world, ann.access_token) as mcp:
        with pytest.raises(MCPError, match="no tool") as unknown:
            await mcp.call_tool("no_such_tool", {})
        assert unknown.value.data == {"code": "unknown_tool"}
        misfit = await mcp.call_tool("create_thread", {"title": 7})
        assert misfit.is_error
        assert misfit.structured_content["error"]["field"] == "arguments.title"


async def test_somebody_who_is_no_longer_allowed_in_is_refused_at_the_next_request(world: World, ann: Person) -> None:
    async with client(world, ann.access_token, "legacy") as mcp:
        await mcp.list_tools()
        await ann.call("POST", "/auth/logout", 204)
        with pytest.raises(MCPError):
            await mcp.list_tools()


async def test_an_exhausted_quota_gives_the_same_answer_over_http_from_an_agent_and_over_mcp(
    database_url: str, tmp_path: Path
) -> None:
    async with open_world(database_url, tmp_path, [caller]) as world:
        await set_plan(world.parts.database, "pro", allowances={"list_agents": 2})
        ann = await world.sign_up("ann")
        await world.give(ann, "pro")
        body = {"tool_name": "list_agents", "arguments": {}}
        for _ in range(2):
            assert (await ann.call("POST", "/api/tools/execute", 200, json=body)).json()["status"] == "success"
        over_http = (await ann.call("POST", "/api/tools/execute", 200, json=body)).json()
        async with client(world, ann.access_token) as mcp:
            called = await mcp.call_tool("list_agents", {})
        over_mcp = called.structured_content
        run = await ann.start(await ann.thread(), "caller", "list_agents")
        from_agent = (await ann.ended(run["run_id"]))["result"]
    assert called.is_error
    assert over_http["status"] == over_mcp["status"] == from_agent["code"] == "rate_limited"
    assert over_http["error"] == over_mcp["error"]
    assert over_http["error"] == {"code": from_agent["code"], "message": from_agent["message"]}
    assert over_http["permission_info"] == over_mcp["permission_info"] == from_agent["permission_info"]
    [limit] = over_http["permission_info"]["rate_limit_status"]
    assert (limit["limit"], limit["used"]) == (2, 2)
    # Told a moment apart, each until the same midnight.
    for answer in (over_mcp, from_agent):
        assert answer["retry_after"] == pytest.approx(over_http["retry_after"], abs=PATIENCE)


async def test_a_tool_that_is_closed_says_what_it_would_need_and_is_not_listed(
    database_url: str, tmp_path: Path, mcp_url: str
) -> None:
    servers = tmp_path / "servers.json"
    servers.write_text(json.dumps({"servers": {"far": {"url": mcp_url + "/mcp/", "permission": "analytics"}}}))
    async with open_world(database_url, tmp_path, [caller], mcp_servers=servers) as world:
        ann = await world.sign_up("ann")
        async with client(world, ann.access_token) as mcp:
            assert "far__add" not in {tool.name for tool in (await mcp.list_tools()).tools}
            closed = await mcp.call_tool("far__add", {"a": 1, "b": 2})
            assert closed.is_error
            assert closed.structured_content["status"] == "permission_denied"
            assert closed.structured_content["permission_info"]["upgrade_path"] == "pro"
            await world.give(ann, "pro")
            assert "far__add" in {tool.name for tool in (await mcp.list_tools()).tools}
            opened = await mcp.call_tool("far__add", {"a": 1, "b": 2})
            assert opened.content[0].text == "3"  # type: ignore[union-attr]
            assert opened.structured_content["result"]["structuredContent"] == {"sum": 3}
        run = await ann.start(await ann.thread(), "caller", "far__fail")
        assert (await ann.ended(run["run_id"]))["result"]["code"] == "remote_tool_failed"
        ready = (await ann.get("/health/ready"))["checks"]["mcp:far"]
        assert ready["state"] == "ok"
        async with world.parts.database.system().transaction() as connection:
            cursor = await connection.execute("SELECT via FROM tool_call WHERE tool LIKE 'far%' ORDER BY at")
            assert await cursor.fetchall() == [("mcp",), ("agent",)]


async def test_a_kept_secret_is_sent_for_its_owner_alone_and_never_shown(
    database_url: str, tmp_path: Path, mcp_url: str
) -> None:
    servers = tmp_path / "servers.json"
    far = {"url": mcp_url + "/mcp/", "permission": "basic", "headers": {"X-Token": "Bearer {secret:FAR_TOKEN}"}}
    servers.write_text(json.dumps({"servers": {"far": far}}))
    async with open_world(database_url, tmp_path, [caller], mcp_servers=servers) as world:
        ann, ben, cat = [await world.sign_up(name) for name in ("ann", "ben", "cat")]
        for person in (ann, ben):
            await person.call("PUT", "/api/secrets/FAR_TOKEN", 204, json={"value": f"kept-by-{person.user_id}"})
        for person, other in ((ann, ben), (ben, ann)):
            thread = await person.thread()
            run = await person.start(thread, "caller", "far__given")
            headers = (await person.ended(run["run_id"]))["result"]["result"]["structuredContent"]["headers"]
            assert headers["x-token"] == f"Bearer kept-by-{person.user_id}"[::-1]
            assert other.user_id[::-1] not in str(headers)
            failing = await person.start(thread, "caller", "far__fail")
            assert "Bearer •••" in (await person.ended(failing["run_id"]))["result"]["message"]
            assert f"kept-by-{person.user_id}" not in str(await person.history(thread))
        body = {"tool_name": "far__given", "arguments": {}}
        missing = (await cat.call("POST", "/api/tools/execute", 200, json=body)).json()
        assert (missing["error"]["code"], missing["error"]["secret"]) == ("secret_missing", "FAR_TOKEN")


async def test_two_people_at_once_reach_each_their_own(world: World, ann: Person, ben: Person) -> None:
    async def one(person: Person, number: int) -> str:
        message = {**LIST, "method": "tools/call", "params": {"name": "create_thread", "arguments": {"title": f"{number}"}}}
        answer = (await person.http.post("/mcp", json=message, headers=PLAIN)).json()
        return str(answer["result"]["structuredContent"]["result"]["thread_id"])

    await set_plan(world.parts.database, "free", allowances={}, threads=None)
    made: dict[str, list[str]] = {"ann": [], "ben": []}

    async def begin(person: Person, name: str, number: int) -> None:
        made[name].append(await one(person, number))

    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        for number in range(20):
            tasks.create_task(begin(*((ann, "ann") if number % 2 else (ben, "ben")), number))
    for person, name in ((ann, "ann"), (ben, "ben")):
        threads = (await person.get("/api/threads", params={"limit": 100}))["threads"]
        assert {thread["id"] for thread in threads} == set(made[name])


def test_a_server_starts_without_loading_what_it_may_never_need() -> None:
    code = "import sys, netra.cli.serve; print({'mcp', 'mcp_types', 'jsonschema'} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=for_subprocess())
    assert said.stdout.strip() == "set()"
