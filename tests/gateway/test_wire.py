"""What happens below ASGI: slow and endless headers, readers who vanish."""

import asyncio
from pathlib import Path

import pytest
from websockets.frames import Frame, Opcode

from netra.gateway import wire
from tests.fixtures.world import PATIENCE, World, eventually, open_world


async def say(world: World, *pieces: bytes) -> bytes:
    """Send pieces as they are; return everything that comes until the server closes."""
    reader, writer = await asyncio.open_connection(world.host, world.port)
    for piece in pieces:
        writer.write(piece)
    async with asyncio.timeout(PATIENCE):
        answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize("begun", [b"", b"GET / HT", b"GET /ws HTTP/1.1\r\nHost: x\r\nX-Slow: "])
async def test_headers_that_do_not_come_in_time_are_not_waited_for(
    world: World, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr(wire, "HEADER_SECONDS", 0.1)
    assert (await say(world, begun)).startswith(b"HTTP/1.1 408 ")
    assert (await world.client().get("/health/live")).status_code == 200


async def test_a_second_request_of_a_connection_is_timed_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "HEADER_SECONDS", 0.3)
    request = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = await say(world, request, b"GET /health")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in answer


async def test_headers_without_end_are_refused(world: World) -> None:
    endless = b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"y" * 1000) for n in range(100))
    try:
        answer = await say(world, endless)
    except ConnectionResetError:
        return  # it was closed while we were still sending
    assert answer.startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("cut", [0, 1, 2, 3, 4], ids=lambda cut: f"cut {cut} before the end of the headers")
async def test_a_body_that_comes_with_the_headers_is_not_taken_for_one(world: World, cut: int) -> None:
    # As curl does it: on a fast connection the whole of an upload is there when the server reads for the first time.
    size = 3 * wire.HEADER_BYTES
    head = b"POST /auth/login HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
    head += b"Content-Length: %d\r\n\r\n" % size
    request = head + b" " * size
    reader, writer = await asyncio.open_connection(world.host, world.port)
    border = len(head) - cut if cut else 0
    for piece in (request[:border], request[border:]):
        writer.write(piece)
        for _ in range(20):
            await asyncio.sleep(0)  # the server is in this event loop: it reads the one before the other comes
    async with asyncio.timeout(PATIENCE):
        answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 422 "), answer[:200]


async def test_a_long_token_still_fits(world: World) -> None:
    client = world.client(Authorization="Bearer " + "x" * 8000)
    assert (await client.get("/auth/me")).status_code == 401


@pytest.mark.parametrize("text", [b"nonsense\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/9.9\r\n\r\n"])
async def test_what_is_no_http_is_answered_with_400_and_the_next_is_served(world: World, text: bytes) -> None:
    assert b" 400 " in await say(world, text)
    assert (await world.client().get("/health/live")).status_code == 200


async def test_a_reader_who_vanishes_without_a_word_is_reaped_after_a_ping(database_url: str, tmp_path: Path) -> None:
    async with open_world(database_url, tmp_path, ping_interval=0.1, pong_timeout=0.1) as world:
        ann = await world.sign_up("ann")
        async with ann.socket(close_timeout=0.1) as socket:
            # It is there, but answers nothing: as if the cable had been cut.
            socket.connection.transport.pause_reading()
            await eventually(lambda: not world.parts.presence.sockets)
            assert len(world.parts.streams.hub) == 0


async def test_a_reader_who_answers_pings_stays(database_url: str, tmp_path: Path) -> None:
    async with open_world(database_url, tmp_path, ping_interval=0.05, pong_timeout=5) as world:
        ann = await world.sign_up("ann")
        async with ann.socket() as socket:
            # Many pings later.
            await asyncio.sleep(0.5)
            assert (await socket.ask("ping"))["type"] == "pong"
            assert world.parts.presence.sockets == 1


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_an_events_frame_has_the_bytes_that_the_websocket_library_gives_it(size: int) -> None:
    text = b"x" * size
    assert wire._text_header(size) + text == Frame(Opcode.TEXT, text).serialize(mask=False)
