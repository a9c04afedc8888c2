"""Frames and handshakes of one's own, against a server that speaks the protocol as it is written."""

from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.server import Server, serve

from netra.prove.answers import Lost
from netra.prove.wire import BINARY, RawWire, frame


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async def echo(socket: object) -> None:
        async for message in socket:  # type: ignore[attr-defined]
            await socket.send(message)  # type: ignore[attr-defined]

    async with serve(echo, "127.0.0.1", 0, max_size=100) as server:
        yield server


def url(server: Server) -> str:
    return f"http://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(frame(b"x", masked=False), 1002, id="no mask"),
        pytest.param(frame(b"x", 3), 1002, id="no such opcode"),
        pytest.param(frame(b"\xff\xfe"), 1007, id="no text"),
        pytest.param(frame(b"x" * 101), 1009, id="too long"),
        pytest.param(frame(b"x" * 10, length=1 << 20), 1009, id="says that it is long"),
        pytest.param(frame(b"x" * 10, length=1 << 40), 1009, id="says that it is very long"),
        pytest.param(frame((1000).to_bytes(2, "big"), 8), 1000, id="farewell"),
    ],
)
async def test_a_wrong_frame_is_answered_with_its_code(server: Server, data: bytes, code: int) -> None:
    wire = await RawWire.connect(url(server), "/", {})
    assert wire.status == 101
    wire.send(data)
    assert await wire.closed(5) == code
    wire.end()


async def test_a_right_frame_closes_nothing(server: Server) -> None:
    wire = await RawWire.connect(url(server), "/", {})
    wire.send(frame(b"hello") + frame(b"bytes", BINARY))
    assert await wire.closed(0.2) is None
    assert wire.received == len(b"hello" + b"bytes")
    wire.end()


async def test_nobody_there_is_lost() -> None:
    with pytest.raises(Lost):
        await RawWire.connect("http://127.0.0.1:1", "/", {})
