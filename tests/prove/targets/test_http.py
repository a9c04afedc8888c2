"""Requests of one user, against a server that answers everything there is to answer."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from netra.prove.answers import Lost, Refused
from netra.prove.targets.http import ServerSent, Visitor, new_client
from tests.prove.targets.served import event_stream, served

STREAM = ["event: a\nid: 7\ndata: one\ndata: more\n\n", ": still here\n\n", "data:two\n\n", "id: 8\n\n"]


async def who(request: Request) -> Response:
    return JSONResponse({"who": request.headers["x-who"]})


async def status(request: Request) -> Response:
    return PlainTextResponse("words of the server", request.path_params["status"])


async def stream(_: Request) -> Response:
    return event_stream(STREAM)


@pytest.fixture
async def visitor() -> AsyncIterator[tuple[Visitor, list[tuple[int, str, str]]]]:
    heard: list[tuple[int, str, str]] = []
    routes = [Route("/who", who), Route("/status/{status:int}", status), Route("/stream", stream)]
    async with served(routes) as url, await asyncio.to_thread(new_client) as http:
        yield Visitor(http, url, 4, {"X-Who": "me"}, lambda *said: heard.append(said)), heard


async def test_every_request_says_who_asks_and_every_answer_is_heard(
    visitor: tuple[Visitor, list[tuple[int, str, str]]],
) -> None:
    asking, heard = visitor
    assert await asking.ask("GET", "/who") == {"who": "me"}
    assert heard == [(4, "GET /who", '{"who":"me"}')]


@pytest.mark.parametrize(("code", "limited"), [(401, False), (404, False), (429, True), (503, True)])
async def test_a_no_is_refused_and_says_whether_it_is_for_now(
    visitor: tuple[Visitor, list[tuple[int, str, str]]], code: int, limited: bool
) -> None:
    with pytest.raises(Refused, match="words of the server") as refusal:
        await visitor[0].ask("GET", f"/status/{code}")
    assert (refusal.value.status, refusal.value.limited) == (code, limited)
    with pytest.raises(Refused):
        async with visitor[0].stream("GET", f"/status/{code}"):
            pass
    assert [text for *_, text in visitor[1]] == ["words of the server"] * 2


async def test_what_nobody_can_know_is_lost(visitor: tuple[Visitor, list[tuple[int, str, str]]]) -> None:
    with pytest.raises(Lost):
        await visitor[0].ask("GET", "/status/500")
    with pytest.raises(Lost, match="no JSON"):
        await visitor[0].ask("GET", "/status/200")
    async with await asyncio.to_thread(new_client) as http:
        with pytest.raises(Lost):
            await Visitor(http, "http://127.0.0.1:1", 1, {}, lambda *_: None).answer("GET", "/")


async def test_events_arrive_as_they_were_sent(visitor: tuple[Visitor, list[tuple[int, str, str]]]) -> None:
    async with visitor[0].stream("GET", "/stream") as events:
        seen = [event async for event in events]
    assert seen == [ServerSent("one\nmore", "a", "7"), ServerSent("two")]
    assert [text for *_, text in visitor[1]] == ["one\nmore", "two"]


async def test_the_same_user_may_ask_over_other_connections(visitor: tuple[Visitor, list[tuple[int, str, str]]]) -> None:
    async with await asyncio.to_thread(new_client) as http:
        assert await visitor[0].over(http).ask("GET", "/who") == {"who": "me"}
