"""A WebSocket of which every byte is ours: handshakes and frames that no library would send (RFC 6455)."""

import asyncio
import base64
import os
import struct
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from netra.prove.answers import Lost

ANSWER_WITHIN: Final = 10.0
"""Seconds for the answer to a handshake."""
TEXT: Final = 1
BINARY: Final = 2
CLOSE: Final = 8
WITHOUT_A_WORD: Final = 1006
"""What a connection is said to be closed with that was simply ended."""


class RawWire:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, status: int) -> None:
        self.status = status
        self.received = 0
        """Bytes of all frames that were read."""
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, url: str, path: str, headers: Mapping[str, str]) -> "RawWire":
        """Send a handshake with these headers, whatever they say. Raises `Lost`."""
        parts = urlsplit(url)
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
                key = base64.b64encode(os.urandom(16)).decode()
                lines = [f"GET {path} HTTP/1.1", f"Host: {parts.netloc}", "Connection: Upgrade", "Upgrade: websocket"]
                lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"]
                lines += [f"{name}: {value}" for name, value in headers.items()]
                writer.write("\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape"))
                head = await reader.readuntil(b"\r\n\r\n")
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            raise Lost(type(error).__name__) from error
        return cls(reader, writer, int(head.split(b" ", 2)[1]))

    def send(self, data: bytes) -> None:
        """Bytes as they are, with no frame around them."""
        self._writer.write(data)

    async def closed(self, within: float) -> int | None:
        """The code that the server closes with (1006: none); None while it does not, for so many seconds."""
        try:
            async with asyncio.timeout(within):
                while True:
                    opcode, payload = await self._frame()
                    if opcode == CLOSE:
                        return int.from_bytes(payload[:2], "big") if len(payload) >= 2 else WITHOUT_A_WORD
        except TimeoutError:
            return None
        except (OSError, asyncio.IncompleteReadError):
            return WITHOUT_A_WORD

    async def _frame(self) -> tuple[int, bytes]:
        first, second = await self._reader.readexactly(2)
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", await self._reader.readexactly(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", await self._reader.readexactly(8))
        payload = await self._reader.readexactly(length)
        self.received += length
        return first & 0x0F, payload

    def end(self) -> None:
        self._writer.transport.abort()


def frame(payload: bytes, opcode: int = TEXT, *, final: bool = True, masked: bool = True, length: int | None = None) -> bytes:
    """A frame, right or wrong: `length` is what it says of itself, whatever follows."""
    said = len(payload) if length is None else length
    first = (0x80 if final else 0) | opcode
    mask_bit = 0x80 if masked else 0
    if said < 126:
        head = bytes([first, mask_bit | said])
    elif said < 65536:
        head = bytes([first, mask_bit | 126]) + struct.pack("!H", said)
    else:
        head = bytes([first, mask_bit | 127]) + struct.pack("!Q", said)
    if not masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + bytes(byte ^ mask[place & 3] for place, byte in enumerate(payload))
