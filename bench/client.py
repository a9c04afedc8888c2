"""A WebSocket client that costs next to nothing, so that two cores measure the server and not its test.

It speaks just enough of RFC 6455: server frames are unmasked and whole, and what it sends is short.
"""

import asyncio
import base64
import json
import os
import struct
from collections.abc import Callable
from typing import Any, Final, cast

OPCODE_TEXT: Final = 1
OPCODE_CLOSE: Final = 8
OPCODE_PING: Final = 9
OPCODE_PONG: Final = 10


class RawSocket(asyncio.Protocol):
    """One connection. Every text frame goes to `on_text` as bytes, straight from the socket's callback."""

    def __init__(self, on_text: Callable[[bytes], None], host: str, path: str, headers: dict[str, str]) -> None:
        self._on_text = on_text
        self._buffer = bytearray()
        self._upgraded = asyncio.get_running_loop().create_future()
        self.closed: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade"]
        lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._handshake = "\r\n".join([*lines, "", ""]).encode()

    @classmethod
    async def connect(
        cls, port: int, on_text: Callable[[bytes], None], *, path: str = "/ws", token: str | None = None
    ) -> "RawSocket":
        """Connect to the server on this machine and wait for the upgrade."""
        headers = {"Origin": f"http://127.0.0.1:{port}"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        _, socket = await asyncio.get_running_loop().create_connection(
            lambda: cls(on_text, f"127.0.0.1:{port}", path, headers), "127.0.0.1", port
        )
        await socket._upgraded
        return socket

    def send(self, frame: dict[str, Any]) -> None:
        self._send_raw(OPCODE_TEXT, json.dumps(frame).encode())

    def close(self) -> None:
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio's.
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transports do not derive from asyncio's
        self._transport.write(self._handshake)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._upgraded.done():
            self._upgraded.set_exception(ConnectionError("the server closed during the handshake"))
        if not self.closed.done():
            self.closed.set_result(1006)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._upgraded.done():
            head, blank, rest = bytes(self._buffer).partition(b"\r\n\r\n")
            if not blank:
                return
            status = head.split(b"\r\n", 1)[0]
            if b" 101 " not in status:
                self._upgraded.set_exception(ConnectionError(status.decode()))
                return
            self._upgraded.set_result(None)
            self._buffer = bytearray(rest)
        self._parse()

    def _parse(self) -> None:
        buffer, start, end = self._buffer, 0, len(self._buffer)
        while end - start >= 2:
            length, header = buffer[start + 1] & 0x7F, 2
            if length >= 126:
                header = 4 if length == 126 else 10
                if end - start < header:
                    break
                length = int.from_bytes(buffer[start + 2 : start + header], "big")
            if end - start < header + length:
                break
            payload = bytes(buffer[start + header : start + header + length])
            opcode = buffer[start] & 0x0F
            start += header + length
            if opcode == OPCODE_TEXT:
                self._on_text(payload)
            elif opcode == OPCODE_PING:
                self._send_raw(OPCODE_PONG, payload)
            elif opcode == OPCODE_CLOSE and not self.closed.done():
                self.closed.set_result(int.from_bytes(payload[:2], "big"))
        del buffer[:start]

    def _send_raw(self, opcode: int, payload: bytes) -> None:
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[at & 3] for at, byte in enumerate(payload))
        size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack("!H", len(payload))
        self._transport.write(bytes([0x80 | opcode]) + size + mask + masked)
