"""One session with a connected MCP server, against real ones that behave and that do not."""

import asyncio
from contextlib import suppress
from typing import Any

import httpx
import pytest

from netra.errors import NetraError
from netra.tools import remote
from netra.tools.remote import (
    Offer,
    RemoteFailed,
    RemoteRefused,
    RemoteTooLarge,
    RemoteToolFailed,
    RemoteUnreachable,
    call,
    follow,
    look,
)
from netra.tools.servers import ConnectedServer
from tests.fixtures.connected import at, mcp_url, program
from tests.fixtures.server import free_port
from tests.fixtures.world import PATIENCE, eventually
from tests.tools.test_transport import alive

__all__ = ["mcp_url"]

SECRET = "s3cret-of-ann"


async def called(server: ConnectedServer, name: str, **arguments: Any) -> Any:
    async with asyncio.timeout(30):
        return await call(server, None, name, arguments, server.filled({"T": SECRET}), [SECRET])


async def test_a_server_says_which_tools_it_has_and_how_it_begins(mcp_url: str) -> None:
    for server, has_handshake in ((at(mcp_url + "/mcp/"), False), (at(mcp_url + "/old/"), True), (program(), False)):
        offer = await look(server)
        assert {"add", "odd name/é"} <= {tool.name for tool in offer.tools}
        assert (offer.server, offer.known is None) == ("a test 1", has_handshake)
        result = await call(server, offer.known, "add", {"a": 1, "b": 2}, {})
        assert result == {"content": [{"type": "text", "text": "3"}], "structuredContent": {"sum": 3}}


async def test_a_program_gets_harmless_variables_and_its_own_in_an_empty_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_SERVER", "hunter2")
    monkeypatch.setenv("NETRA_DATABASE_URL", "postgresql://hunter2")
    server = program(env={"TOKEN": "Bearer {secret:T}", "REGION": "eu"})
    seen = (await called(server, "given"))["structuredContent"]
    assert seen["env"]["TOKEN"] == f"Bearer {SECRET}"[::-1]
    assert seen["env"]["REGION"] == "ue"
    assert "2retnuh" not in str(seen)
    assert seen["folder"] == []
    await eventually(lambda: not alive(seen["pid"]))


async def test_a_secret_that_comes_back_is_masked_in_results_and_in_errors(mcp_url: str) -> None:
    for server in (
        program(env={"TOKEN": "{secret:T}"}),
        at(mcp_url + "/mcp/", headers={"Authorization": "Bearer {secret:T}"}),
    ):
        with pytest.raises(RemoteToolFailed, match=r"no such thing: .*•••") as caught:
            await called(server, "fail")
        assert SECRET not in caught.value.detail
        result = await called(server, "odd name/é", said=[SECRET], **{SECRET: 1})
        assert result["structuredContent"] == {"said": ["•" * len(SECRET)], "•" * len(SECRET): 1}


@pytest.mark.parametrize(
    ("path", "error", "words"),
    [
        ("/guarded/", RemoteRefused, "proof of identity"),
        ("/answer?status=403", RemoteRefused, None),
        ("/answer?status=500", RemoteFailed, "HTTP 500"),
        ("/answer?status=404", RemoteFailed, "HTTP 404"),
        ("/answer", RemoteFailed, "not MCP"),
        ("/answer?type=text/html", RemoteFailed, None),
        ("/answer?type=text/event-stream", RemoteFailed, None),
        ("/answer?size=10000000", RemoteTooLarge, None),
        ("/answer?size=10000000&type=text/event-stream", RemoteTooLarge, None),
        ("/redirect?to=http://localhost:9/mcp", RemoteFailed, "another address"),
        ("/redirect?to=http://169.254.169.254/latest", RemoteFailed, "another address"),
    ],
)
async def test_every_fault_of_a_connection_has_its_code_and_tells_no_secret(
    mcp_url: str, path: str, error: type[NetraError], words: str | None
) -> None:
    server = at(mcp_url + path, headers={"X-Token": "{secret:T}"})
    with pytest.raises(error, match=words) as caught:
        await called(server, "add", a=1, b=2)
    assert SECRET not in caught.value.detail
    assert caught.value.__cause__ is None


async def test_a_redirect_within_the_origin_is_followed(mcp_url: str) -> None:
    assert (await called(at(mcp_url + "/redirect?to=/mcp/"), "add", a=1, b=2))["structuredContent"] == {"sum": 3}


async def test_a_server_that_is_not_there_cannot_be_reached() -> None:
    for server in (at(f"http://127.0.0.1:{free_port()}/mcp"), ConnectedServer(command="no-such-program", permission="basic")):
        with pytest.raises(RemoteUnreachable):
            await called(server, "add")
        with pytest.raises(RemoteUnreachable):
            await look(server)


@pytest.mark.parametrize(
    ("kind", "tool", "error"),
    [
        ("stdio", "crash", RemoteUnreachable),
        ("garbage", "add", RemoteFailed),
        ("endless", "add", RemoteTooLarge),
        ("silent", "add", RemoteUnreachable),
    ],
)
async def test_every_fault_of_a_program_has_its_code(kind: str, tool: str, error: type[NetraError]) -> None:
    with pytest.raises(NetraError) as caught:
        await called(program(kind), tool)
    assert type(caught.value) is error


async def test_an_answer_larger_than_its_bound_is_refused(mcp_url: str) -> None:
    for server in (program(), at(mcp_url + "/mcp/")):
        assert len((await called(server, "huge", n=200_000))["content"][0]["text"]) == 200_000
        with pytest.raises(RemoteTooLarge):
            await called(server, "huge", n=5_000_000)


async def test_a_call_that_is_given_up_ends_on_the_other_side(mcp_url: str, tmp_path: Any) -> None:
    for number, server in enumerate((program(), at(mcp_url + "/mcp/"))):
        note = tmp_path / f"note-{number}"
        known = (await look(server)).known
        calling = asyncio.create_task(call(server, known, "hang", {"file": str(note)}, {}))
        await eventually(lambda note=note: note.exists() and note.read_text() != "")  # type: ignore[misc]
        said = note.read_text()
        calling.cancel()
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(asyncio.CancelledError):
                await calling
        if server.url is None:
            await eventually(lambda said=said: not alive(int(said)))  # type: ignore[misc]
        else:
            await eventually(lambda note=note: note.read_text() == "cancelled")  # type: ignore[misc]


async def test_a_call_that_is_given_up_while_it_fails_is_given_up() -> None:
    # Wherever the cancellation comes; it would be lost where it meets the error of a connection.
    server = at(f"http://127.0.0.1:{free_port()}/")
    for turns in range(60):
        calling = asyncio.create_task(called(server, "add"))
        for _ in range(turns):
            await asyncio.sleep(0)
        if calling.cancel():
            await asyncio.wait([calling])
            assert calling.cancelled(), turns
        else:
            assert isinstance(calling.exception(), RemoteUnreachable)


async def test_a_server_that_hangs_when_it_is_asked_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "LOOK_LIMIT", 0.5)
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(remote.RemoteSilent):
            await look(program("hang"))


@pytest.mark.parametrize("path", ["/mcp/", "/old/"])
async def test_a_list_that_changes_is_handed_on_at_once(mcp_url: str, path: str) -> None:
    offers: list[Offer] = []
    following = asyncio.create_task(follow(at(mcp_url + path), offers.append, 600))
    try:
        await eventually(lambda: bool(offers))
        name = "grown_" + path.strip("/")
        async with asyncio.timeout(PATIENCE), httpx.AsyncClient(base_url=mcp_url) as client:
            # A stream that is just being opened is told nothing of before.
            while len(offers) < 2:
                await client.post(f"/grow/{name}")
                await asyncio.sleep(0.1)
        assert name in {tool.name for tool in offers[-1].tools}
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following


@pytest.mark.slow
async def test_two_users_at_once_meet_in_no_call(mcp_url: str) -> None:
    # Fifty calls side by side, every other one of another user. What arrived is told backwards, for it would be masked.
    marks = {"ann": "mark-of-ann", "ben": "mark-of-ben"}
    server = at(mcp_url + "/mcp/", headers={"Authorization": "Bearer {secret:T}", "X-Fixed": "eu"})
    known = (await look(server)).known

    async def one(server: ConnectedServer, user: str, known: Any) -> None:
        mark = marks[user]
        seen = await call(server, known, "given", {}, server.filled({"T": mark}), [mark])
        arrived = seen["structuredContent"]["headers" if server.url else "env"]
        assert arrived["authorization" if server.url else "TOKEN"] == ("Bearer " + mark)[::-1]
        assert not any(other[::-1] in str(seen) for name, other in marks.items() if name != user)

    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        for number in range(50):
            tasks.create_task(one(server, ("ann", "ben")[number % 2], known))
    local = program(env={"TOKEN": "Bearer {secret:T}"})
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        for number in range(8):
            tasks.create_task(one(local, ("ann", "ben")[number % 2], None))
