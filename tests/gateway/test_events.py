"""History and streams of server-sent events, byte for byte what a socket shows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from netra.streams import retention
from tests.fixtures.world import PATIENCE, Person, World, eventually, open_world


async def lines(response: httpx.Response) -> AsyncIterator[str]:
    """The lines of a response as EventSource splits them: at line feeds, and not at all that Unicode calls a line end."""
    rest = b""
    async for piece in response.aiter_bytes():
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line.decode()


class Stream:
    """A stream of server-sent events as a browser reads it: blocks of fields."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = lines(response)
        self.blocks: list[dict[str, str]] = []

    async def block(self) -> dict[str, str] | None:
        """The next block; {} for a comment, None at the end."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(PATIENCE):
            async for line in self._lines:
                if not line:
                    self.blocks.append(fields)
                    return fields
                name, _, value = line.partition(": ")
                if name and not line.startswith(":"):
                    fields[name] = value
        return None

    async def until(self, kind: str, count: int = 1) -> dict[str, str]:
        while True:
            block = await self.block()
            assert block is not None, f"the stream ended before {kind}"
            if block.get("event") == kind and [b.get("event") for b in self.blocks].count(kind) >= count:
                return block

    def data(self, kind: str = "agent_thinking") -> list[str]:
        return [block["data"] for block in self.blocks if block.get("event") == kind]

    def ids(self, kind: str = "agent_thinking") -> list[str]:
        return [block["id"] for block in self.blocks if block.get("event") == kind]


@asynccontextmanager
async def following(person: Person, address: str, **options: Any) -> AsyncIterator[Stream]:
    async with person.http.stream("GET", address, **options) as response:
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"].startswith("text/event-stream")
        yield Stream(response)


def stream(person: Person, thread: str, **options: Any) -> AbstractAsyncContextManager[Stream]:
    return following(person, f"/api/threads/{thread}/stream", **options)


TEXTS = ["plain", "ünïcode ☃", 'quotes " and \\', "new\nline\r\n\u2028", "", "x" * 5000]


async def test_a_stream_resumed_at_every_position_is_byte_equal_to_the_history(world: World, ann: Person) -> None:
    thread = await ann.thread()
    async with stream(ann, thread) as live:
        await live.until("subscribed")
        await world.think(ann, thread, *TEXTS)
        await live.until("agent_thinking", len(TEXTS))
    page = await ann.call("GET", f"/api/threads/{thread}/events", 200)
    assert page.text.partition('"events":[')[2] == ",".join(live.data()) + "]}"
    assert live.ids() == [f"1/{seq}" for seq in range(1, len(TEXTS) + 1)]
    for after in range(len(TEXTS)):
        async with stream(ann, thread, headers={"Last-Event-ID": f"1/{after}"}) as resumed:
            await resumed.until("agent_thinking", len(TEXTS) - after)
        assert resumed.data() == live.data()[after:]
        async with stream(ann, thread, params={"after": after, "epoch": 1}) as resumed:
            await resumed.until("agent_thinking", len(TEXTS) - after)
        assert resumed.data() == live.data()[after:]


async def test_history_comes_in_pages_of_any_size(world: World, ann: Person) -> None:
    thread = await ann.thread()
    await world.think(ann, thread, *TEXTS)
    for size in (1, 2, 5, 1000):
        seen: list[int] = []
        while not seen or seen[-1] < len(TEXTS):
            page = await ann.get(f"/api/threads/{thread}/events", params={"after": seen[-1] if seen else 0, "limit": size})
            assert (page["epoch"], page["head"], page["reset"]) == (1, len(TEXTS), None)
            assert 0 < len(page["events"]) <= size
            seen += [event["seq"] for event in page["events"]]
        assert seen == list(range(1, len(TEXTS) + 1))


async def test_large_events_make_a_shorter_page_and_none_is_lost(world: World, ann: Person) -> None:
    thread = await ann.thread()
    await world.think(ann, thread, *["x" * 100_000] * 5)
    first = await ann.get(f"/api/threads/{thread}/events")
    assert 0 < len(first["events"]) < 5
    assert [event["seq"] for event in await ann.history(thread)] == [1, 2, 3, 4, 5]


async def test_a_cut_history_is_told_by_every_reader(world: World, ann: Person) -> None:
    thread = await ann.thread()
    await world.think(ann, thread, *"abcde")
    async with stream(ann, thread) as live:
        await live.until("agent_thinking", 5)
        for key, position in await retention.trim(world.parts.database, world.parts.clock.now() + timedelta(days=1)):
            world.parts.streams.announce_cut(key, position)
        reset = await live.until("reset")
        assert reset["id"] == "2/5"
        await world.think(ann, thread, "f")
        assert (await live.until("agent_thinking", 6))["id"] == "2/6"
    page = await ann.get(f"/api/threads/{thread}/events", params={"after": 3, "epoch": 1})
    assert (page["epoch"], page["tail"], page["reset"]) == (2, 5, "epoch_changed")
    assert [event["seq"] for event in page["events"]] == [6]
    async with stream(ann, thread, headers={"Last-Event-ID": "1/3"}) as resumed:
        assert (await resumed.until("reset"))["id"] == "2/5"
        assert (await resumed.until("agent_thinking"))["id"] == "2/6"


@pytest.mark.parametrize(
    ("params", "reset"),
    [({"after": 9}, "cursor_ahead"), ({"after": 2**62}, "cursor_ahead"), ({"after": 1, "epoch": 9}, "epoch_changed")],
)
async def test_a_cursor_that_does_not_fit_gets_a_reset_and_everything(
    world: World, ann: Person, params: dict[str, int], reset: str
) -> None:
    thread = await ann.thread()
    await world.think(ann, thread, *"abc")
    page = await ann.get(f"/api/threads/{thread}/events", params=params)
    assert page["reset"] == reset
    assert [event["seq"] for event in page["events"]] == [1, 2, 3]
    async with stream(ann, thread, params=params) as resumed:
        assert reset in (await resumed.until("reset"))["data"]
        await resumed.until("agent_thinking", 3)


@pytest.mark.parametrize("cursor", ["garbage", "1", "/", "1/", "/1", "1/-1", "-1/1", "1/1/1", "１/１", "1/" + "9" * 50])
async def test_a_garbage_cursor_is_refused_by_its_field(world: World, ann: Person, cursor: str) -> None:
    thread = await ann.thread()
    answer = await ann.call("GET", f"/api/threads/{thread}/stream", 422, headers=[(b"Last-Event-ID", cursor.encode())])
    assert answer.json()["errors"][0]["field"] == "Last-Event-ID"


@pytest.mark.parametrize(
    "params", [{"after": -1}, {"after": "x"}, {"after": 2**63}, {"epoch": "x"}, {"limit": 0}, {"limit": 1001}]
)
async def test_a_parameter_that_is_wrong_is_refused_by_its_field(world: World, ann: Person, params: dict[str, Any]) -> None:
    thread = await ann.thread()
    answer = await ann.call("GET", f"/api/threads/{thread}/events", 422, params=params)
    assert answer.json()["errors"][0]["field"] == next(iter(params))


async def test_a_server_that_stops_ends_streams_with_the_cursor(database_url: str, tmp_path: Path) -> None:
    async with open_world(database_url, tmp_path) as world:
        ann = await world.sign_up("ann")
        thread = await ann.thread()
        async with stream(ann, thread) as live:
            await world.think(ann, thread, *"ab")
            await live.until("agent_thinking", 2)
            world.server.should_exit = True
            closing = await live.until("closing")
            assert f'"{thread}":"1/2"' in closing["data"]
            assert await live.block() is None


async def test_a_deleted_thread_is_told_to_its_stream(world: World, ann: Person) -> None:
    thread = await ann.thread()
    async with stream(ann, thread) as live:
        await live.until("subscribed")
        await ann.call("DELETE", f"/api/threads/{thread}", 204)
        assert "thread_deleted" in (await live.until("reset"))["data"]


async def test_a_stream_whose_reader_stops_reading_is_let_go_and_resumes(database_url: str, tmp_path: Path) -> None:
    async with open_world(database_url, tmp_path, max_unsent_bytes=524_288, send_deadline=0.3) as world:
        ann = await world.sign_up("ann")
        thread = await ann.thread()
        request = f"GET /api/threads/{thread}/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ann.access_token}\r\n\r\n"
        reader, writer = await asyncio.open_connection(world.host, world.port)
        writer.write(request.encode())
        await reader.readuntil(b"subscribed")
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # a stream's transport reads, too
        count = 0
        async with asyncio.timeout(PATIENCE):
            while world.parts.presence.users:
                await world.think(ann, thread, "x" * 200_000)
                count += 1
        writer.transport.abort()
        async with stream(ann, thread, params={"after": count - 2, "epoch": 1}) as resumed:
            await resumed.until("agent_thinking", 2)
            assert resumed.ids() == [f"1/{count - 1}", f"1/{count}"]


async def test_readers_that_come_and_go_leave_nothing(world: World, ann: Person) -> None:
    thread = await ann.thread()
    await world.think(ann, thread, *TEXTS)
    for _ in range(20):
        async with stream(ann, thread) as live:
            await live.until("subscribed")
    await eventually(lambda: not world.parts.presence.users)
    assert len(world.parts.streams.hub) == 0
