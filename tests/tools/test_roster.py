"""Which tools the connected servers have at present."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx
import pytest

from netra.db.database import Database
from netra.errors import InvalidInput
from netra.gateway.tooling import Tooling
from netra.ids import UserId
from netra.testing.clock import ManualClock
from netra.tools import roster as roster_module
from netra.tools.gate import PermissionDenied, ToolCaller
from netra.tools.remote import RemoteUnreachable
from netra.tools.roster import AT_ONCE, FIRST_PAUSE, LONGEST_NAME, Roster
from netra.tools.servers import ConnectedServer, SecretMissing
from netra.tools.toolbox import Toolbox, ToolTimeout, UnknownTool
from tests.fixtures.connected import at, mcp_url, program, start
from tests.fixtures.server import free_port
from tests.fixtures.world import PATIENCE, eventually
from tests.tools.conftest import give

__all__ = ["mcp_url"]


@contextmanager
def running(port: int) -> Iterator["subprocess.Popen[bytes]"]:
    process = start(port)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@asynccontextmanager
async def kept(toolbox: Toolbox, **servers: ConnectedServer) -> AsyncIterator[Roster]:
    roster = Roster(servers, ManualClock())
    async with roster.kept(toolbox):
        for member in roster.members.values():
            async with asyncio.timeout(PATIENCE):
                await member.asked.wait()
        yield roster


async def test_tools_of_a_server_are_tools_like_any_other(
    mcp_url: str, tooling: Tooling, database: Database, alice: UserId
) -> None:
    toolbox = tooling.toolbox
    async with kept(toolbox, remote=at(mcp_url + "/mcp/", permission="analytics")):
        tool = toolbox["remote__add"]
        assert (tool.category, tool.permission, tool.atomic, tool.description) == ("external", "analytics", False, "To add.")
        assert tool.schema["required"] == ["a", "b"]
        with pytest.raises(InvalidInput) as invalid:
            await toolbox.call(ToolCaller(alice, "http"), "remote__add", {"a": "x", "b": 1})
        assert invalid.value.extra["field"] == "arguments.a"
        with pytest.raises(PermissionDenied):
            await toolbox.call(ToolCaller(alice, "http"), "remote__add", {"a": 1, "b": 2})
        # A change of plan says that it opens them, although they came after the start.
        changed = await tooling.changes.set_plan(alice, "pro")
        assert "remote__add" in changed.gained
        result = await toolbox.call(ToolCaller(alice, "http"), "remote__add", {"a": 1, "b": 2})
        assert result["structuredContent"] == {"sum": 3}
        named = await toolbox.call(ToolCaller(alice, "http"), "remote__call", {"call": "me", "self": "too"})
        assert named["structuredContent"] == {"call": "me", "self": "too"}
        assert "remote__odd_name__" in toolbox


async def test_a_server_that_comes_later_brings_its_tools_and_one_that_went_keeps_them(
    toolbox: Toolbox, alice: UserId, mcp_url: str
) -> None:
    port, clock = free_port(), ManualClock()
    roster = Roster({"late": at(f"http://127.0.0.1:{port}/mcp/"), "there": at(mcp_url + "/mcp/")}, clock)
    async with asyncio.timeout(60), roster.kept(toolbox):
        await roster.members["late"].asked.wait()
        assert isinstance(roster.members["late"].failure, RemoteUnreachable)
        assert "there__add" in toolbox and "late__add" not in toolbox
        with running(port):
            await clock.someone_sleeps()
            clock.advance(FIRST_PAUSE)
            await eventually(lambda: "late__add" in toolbox)
            assert await toolbox.call(ToolCaller(alice, "http"), "late__add", {"a": 1, "b": 2})
        with pytest.raises(RemoteUnreachable):
            await toolbox.call(ToolCaller(alice, "http"), "late__add", {"a": 1, "b": 2})
        assert "late__add" in toolbox


async def test_a_server_that_stays_away_is_asked_less_and_less_often(toolbox: Toolbox) -> None:
    class Patient(ManualClock):
        def __init__(self) -> None:
            super().__init__()
            self.slept: list[float] = []

        async def sleep(self, seconds: float) -> None:
            self.slept.append(seconds)
            await asyncio.sleep(0)

    clock = Patient()
    async with asyncio.timeout(60), Roster({"gone": at(f"http://127.0.0.1:{free_port()}/")}, clock).kept(toolbox):
        await eventually(lambda: len(clock.slept) > 8)
    assert clock.slept[:8] == [1, 2, 4, 8, 16, 32, 60, 60]


async def test_a_changed_list_replaces_the_one_before(mcp_url: str, toolbox: Toolbox) -> None:
    async with kept(toolbox, one=at(mcp_url + "/mcp/")), httpx.AsyncClient(base_url=mcp_url) as client:
        assert "one__fresh" not in toolbox
        async with asyncio.timeout(PATIENCE):
            while "one__fresh" not in toolbox:
                await client.post("/grow/fresh")
                await asyncio.sleep(0.1)


async def test_what_cannot_be_taken_is_left_out_and_said(mcp_url: str, toolbox: Toolbox) -> None:
    only = ("add", "no_such_tool")
    async with kept(toolbox, only=at(mcp_url + "/mcp/", tools=only)) as roster:
        assert roster.members["only"].tools == ("only__add",)
        assert roster.members["only"].left_out == ("it has no tool no_such_tool.",)
    long, twins, broken = "x" * (LONGEST_NAME + 1), ("twin/a", "twin.a"), "broken_schema"
    offered = [(name, {"type": "object"}) for name in (long, *twins)] + [(broken, {"type": "nothing"})]
    [member] = await offering(offered)
    assert member.tools == ("odd__twin_a",)
    assert len(member.left_out) == 3
    assert all(words in " ".join(member.left_out) for words in ("more than 64", "two tools would be called", "JSON Schema"))


async def offering(tools: Sequence[tuple[str, Mapping[str, Any]]]) -> Any:
    """How a server stands that offers these."""
    from netra.tools.remote import Offer, OfferedTool
    from netra.tools.schema import reader_of

    async def look(_: ConnectedServer) -> Offer:
        return Offer(tuple(OfferedTool(name, "", schema) for name, schema in tools), None, "odd")

    roster = Roster({"odd": program()}, ManualClock())
    speech = roster_module.Speech(look, None, None, reader_of)  # type: ignore[arg-type]
    member = roster.members["odd"]
    offer = await look(member.server)
    member.note(offer, *roster._tools(member, offer, speech))
    return [member]


async def test_the_callers_own_secret_is_sent_and_a_missing_one_is_said_by_its_name(
    mcp_url: str, toolbox: Toolbox, alice: UserId, bob: UserId
) -> None:
    secrets = {alice: {"T": "secret-of-alice"}, bob: {"OTHER": "secret-of-bob"}}

    async def secrets_of(user_id: UserId) -> Mapping[str, str]:
        return secrets[user_id]

    headers, discovery = {"Authorization": "Bearer {secret:T}"}, {"headers": {"Authorization": "of the operator"}}
    servers = {"guarded": at(mcp_url + "/guarded/", headers=headers, discovery=discovery)}
    roster = Roster(servers, ManualClock(), secrets_of)
    async with asyncio.timeout(PATIENCE), roster.kept(toolbox):
        await eventually(lambda: "guarded__given" in toolbox)
        seen = await toolbox.call(ToolCaller(alice, "http"), "guarded__given", {})
        assert seen["structuredContent"]["headers"]["authorization"] == "Bearer secret-of-alice"[::-1]
        with pytest.raises(SecretMissing) as missing:
            await toolbox.call(ToolCaller(bob, "http"), "guarded__given", {})
        assert missing.value.extra == {"secret": "T"}


async def test_fifty_interleaved_calls_of_two_users_carry_each_their_own_secret(
    mcp_url: str, toolbox: Toolbox, database: Database, alice: UserId, bob: UserId
) -> None:
    await give(database, alice, "enterprise")
    await give(database, bob, "enterprise")

    async def secrets_of(user_id: UserId) -> Mapping[str, str]:
        await asyncio.sleep(0)
        return {"T": f"mark-{user_id}"}

    servers = {"both": at(mcp_url + "/mcp/", headers={"Authorization": "Bearer {secret:T}"})}

    async def one(user_id: UserId, other: UserId) -> None:
        seen = await toolbox.call(ToolCaller(user_id, "http"), "both__given", {})
        assert seen["structuredContent"]["headers"]["authorization"] == f"Bearer mark-{user_id}"[::-1]
        assert str(other)[::-1] not in str(seen)

    async with asyncio.timeout(60), Roster(servers, ManualClock(), secrets_of).kept(toolbox):
        await eventually(lambda: "both__given" in toolbox)
        async with asyncio.TaskGroup() as tasks:
            for number in range(50):
                tasks.create_task(one(*((alice, bob) if number % 2 else (bob, alice))))


async def test_a_call_that_hangs_ends_with_its_time(mcp_url: str, toolbox: Toolbox, alice: UserId) -> None:
    async with asyncio.timeout(60), kept(toolbox, slow=at(mcp_url + "/mcp/", time_limit=0.5)):
        # More than may run at once: those that wait for a turn have the same limit.
        calls = [toolbox.call(ToolCaller(alice, "http"), "slow__hang", {}) for _ in range(AT_ONCE + 4)]
        ends = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(end) for end in ends} == {ToolTimeout}


async def test_without_servers_nothing_is_loaded_and_nothing_known(toolbox: Toolbox) -> None:
    async with Roster({}, ManualClock()).kept(toolbox):
        with pytest.raises(UnknownTool):
            toolbox["remote__add"]


async def test_every_server_can_be_asked_once_without_a_toolbox(mcp_url: str) -> None:
    roster = Roster({"up": at(mcp_url + "/old/"), "down": at(f"http://127.0.0.1:{free_port()}/")}, ManualClock())
    async with asyncio.timeout(PATIENCE):
        up, down = await roster.ask()
    assert "up__add" in up.tools and up.failure is None
    assert isinstance(down.failure, RemoteUnreachable)
