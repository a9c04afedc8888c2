"""What uvicorn leaves open below ASGI, closed: two protocol classes that `netra serve` hands to uvicorn.

- A client may take for ever over its request line and headers, or send headers without end: here both have a limit.
- A message may come in any number of fragments, each of which is an object: here they are counted.
- A frame goes to the transport through every layer of ASGI: here an event's bytes go there directly.
- A reader that takes nothing any more cannot be told why, because ASGI waits until it takes something: here a close frame is
  put behind what is already in the buffer, and what is not read soon is cut off.

Netra works on any ASGI server without them; the application finds them in `scope["extensions"]["netra.wire"]`.
"""

import asyncio
import re
from typing import Any, ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

EXTENSION: Final = "netra.wire"

HEADER_SECONDS: Final = 10.0
"""How long a request's line and headers may take to arrive."""

HEADER_BYTES: Final = 64 * 1024
"""How long they may be. A token has at most 8 KiB, and browsers send little else."""

HEADERS_END: Final = re.compile(rb"\r?\n\r?\n")

FRAGMENTS: Final = 1024
"""Pieces that one message may come in; a client has no reason for more than one."""

LINGER: Final = 10.0
"""Seconds after the last word in which a slow reader may still read it."""


class HttpWire(HttpToolsProtocol):
    """HTTP/1.1 whose headers arrive in time, and are of a size."""

    _waiting: asyncio.TimerHandle | None = None
    _header_bytes = 0
    _latest = b""
    """The last bytes that were counted: the end of the headers may have come in two pieces."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._arrived()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._waiting is not None:
            # What follows the headers in the same piece is a body, which may be as long as it likes.
            seen = self._latest + data
            end = HEADERS_END.search(seen)
            self._header_bytes += (end.end() if end else len(seen)) - len(self._latest)
            self._latest = seen[-3:]
            if self._header_bytes > HEADER_BYTES:
                self._refuse(431, "Request Header Fields Too Large")
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._waiting is None:
            self._wait()

    def on_headers_complete(self) -> None:
        self._arrived()
        super().on_headers_complete()
        extensions: dict[str, Any] = self.scope.setdefault("extensions", {})
        extensions[EXTENSION] = self

    def handle_websocket_upgrade(self) -> None:
        super().handle_websocket_upgrade()
        # From here on the other protocol has the connection. The parser and this object hold each other, and ten thousand
        # such pairs would wait for a collection.
        self.parser = None  # type: ignore[assignment] # as uvicorn itself does when a connection is lost

    def abort(self) -> None:
        """Cut the connection off, whatever is unsent."""
        self.transport.abort()

    def _wait(self) -> None:
        self._header_bytes, self._latest = 0, b""
        self._waiting = self.loop.call_later(HEADER_SECONDS, self._refuse, 408, "Request Timeout")

    def _arrived(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _refuse(self, status: int, phrase: str) -> None:
        self._arrived()
        if not self.transport.is_closing():
            head = f"HTTP/1.1 {status} {phrase}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            self.transport.write(head.encode("ascii"))
            self.transport.close()


def _text_header(size: int) -> bytes:
    """The header of a whole, unmasked text frame (RFC 6455, section 5.2)."""
    if size < 126:
        return bytes((0x81, size))
    if size < 65_536:
        return b"\x81\x7e" + size.to_bytes(2, "big")
    return b"\x81\x7f" + size.to_bytes(8, "big")


class SocketWire(WebSocketsSansIOProtocol):
    """WebSocket whose messages come in few pieces, and whose slow readers are told why they are let go."""

    TOO_MANY_PIECES: ClassVar = (1009, "too many fragments")

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if self.handshake_initiated and not self.handshake_complete:
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[EXTENSION] = self

    async def send(self, message: Any) -> None:
        await super().send(message)
        if message["type"] == "websocket.accept":
            # The request and the answer to it were kept for the handshake alone: a tenth of what an idle socket takes.
            self.request = self.response = None  # type: ignore[assignment]
            self.scope["headers"] = []
        elif message["type"] == "websocket.http.response.body":
            # uvicorn would log each refusal as an application that forgot to answer.
            self.handshake_complete = True

    async def say(self, text: bytes) -> None:
        """Send one text message, as ASGI's `send` does, waiting while the reader takes nothing.

        On the path of every event. Through ASGI the same bytes are decoded, encoded again, and go through each middleware
        and a state machine that knows nothing of them: twice the time of everything else that delivers an event.
        """
        await self.writable.wait()
        if self.disconnected or self.close_sent or self.transport.is_closing():
            raise ClientDisconnected
        self.transport.write(_text_header(len(text)) + text)

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) >= FRAGMENTS:
            self.frames = []
            self.cut(*self.TOO_MANY_PIECES)
            return
        super().handle_cont(event)

    def cut(self, code: int, reason: str, last: bytes | None = None) -> None:
        """Say `last` and close, without waiting for the reader to take what is in the buffer before it."""
        if self.close_sent or self.transport.is_closing():
            return
        if last is not None:
            self.conn.send_text(last)
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        if self.read_paused:
            # Reading goes on until the reader's own close arrives.
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(LINGER, self.transport.abort)

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        # A reader that is gone without a word never empties the buffer that a polite close waits for.
        self.loop.call_later(1.0, self.transport.abort)
