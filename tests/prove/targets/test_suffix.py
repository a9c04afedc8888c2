import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from netra.prove.answers import Refused
from netra.prove.targets.suffix import digest, pages, socket, split, stream

EVENTS = [f'{{"type":"said","seq": {seq},"at":"now", "data":{{"text":"]}}, {seq}"}}}}' for seq in range(1, 8)]


class Server:
    """A thread of seven events, spelt in a way that no library would, over all three ways."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.asked: list[Mapping[str, Any]] = []

    async def raw(self, method: str, path: str, *, params: Mapping[str, Any]) -> tuple[int, str]:
        self.asked.append({"method": method, "path": path, **params})
        after, limit = params.get("after", 0), params.get("limit", 3)
        return self.status, f'{{"epoch":1,"tail":0,"head":7,"reset":null,"events":[{",".join(EVENTS[after:][:limit])}]}}'

    @asynccontextmanager
    async def lines(self, path: str, headers: Mapping[str, str]) -> AsyncIterator[AsyncIterator[str]]:
        self.asked.append({"path": path, **headers})
        yield self._lines()

    async def _lines(self) -> AsyncIterator[str]:
        yield "retry: 700"
        yield 'data: {"type":"subscribed","epoch":1,"head":7}'
        for text in EVENTS[5:]:
            yield f"data: {text}"

    @asynccontextmanager
    async def read(self, threads: Mapping[str, Any]) -> AsyncIterator["Frames"]:
        assert threads == {}
        yield Frames()


class Frames:
    def __init__(self) -> None:
        self.sent: list[str] = []

    async def send(self, frame: Mapping[str, Any]) -> None:
        if frame["after"] == "x":
            self.sent = ['{"type":"error","ref":"resume","code":"invalid"}']
            return
        self.sent = [
            '{"type":"connection_established"}',
            '{"type":"subscribed","thread_id":"t","epoch":2,"head":2}',
            '{"type":"reset","thread_id":"t","epoch":2,"head":2,"reason":"epoch_changed"}',
            '{"type":"agent_thinking","thread_id":"other","seq":1,"at":"now"}',
            '{"type":"agent_thinking","thread_id":"t","seq":1,"at":"now"}',
            '{"type":"agent_thinking","thread_id":"t", "seq":2,"at":"now"}',
        ]

    async def frame(self) -> str:
        return self.sent.pop(0)


def known(*seqs: int) -> list[tuple[int, str]]:
    return [(seq, digest(EVENTS[seq - 1])) for seq in seqs]


def test_a_page_is_split_into_the_very_bytes_of_its_events() -> None:
    assert split(f'{{"events":[{",".join(EVENTS)}]}}') == EVENTS
    assert split('{"events":[]}') == []


async def test_pages_are_read_to_the_end_whatever_their_length() -> None:
    for limit in (1, 2, 7):
        answer = await pages(Server(), "t", {"after": 2, "limit": limit})
        assert answer == {"epoch": 1, "reset": None, "events": known(3, 4, 5, 6, 7)}


async def test_a_refused_page_is_a_refusal() -> None:
    with pytest.raises(Refused):
        await pages(Server(422), "t", {"after": -1})


async def test_a_stream_is_read_up_to_where_the_thread_ended() -> None:
    server = Server()
    assert await stream(server, "t", {"id": "1/5"}) == {"epoch": 1, "reset": None, "events": known(6, 7)}
    assert server.asked[0]["Last-Event-ID"] == "1/5"


async def test_a_socket_tells_of_its_reset_and_of_no_other_thread() -> None:
    answer = await socket(Server(), "t", {"after": 1, "epoch": 1})
    assert (answer["reset"], answer["epoch"], [seq for seq, _ in answer["events"]]) == ("epoch_changed", 2, [1, 2])
    with pytest.raises(Refused):
        await socket(Server(), "t", {"after": "x"})


def test_the_same_words_in_other_bytes_have_another_digest() -> None:
    text = '{"a": 1}'
    assert digest(json.dumps(json.loads(text), separators=(",", ":"))) != digest(text)
