"""Answers that last: streams of server-sent events, whatever they tell.

Each is a connection like a WebSocket: it counts towards its user's, ends with its session or its token, and a reader who takes
nothing is let go.
"""

import asyncio
import random
from typing import Final

import structlog
from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

from netra.auth.identity import Identity
from netra.events.codec import Event
from netra.gateway.connection import GOING_AWAY, Connection, Farewell
from netra.gateway.parts import Parts
from netra.gateway.wire import EXTENSION, HttpWire
from netra.protocols import sse
from netra.protocols.websocket import ErrorFrame, Reset, ServerFrame, TokenExpiring
from netra.streams.cursor import Cursor

COME_BACK: Final = (500, 3000)
"""Milliseconds, from and to, that a reader is told to wait before it connects again: when a server goes away, all of its
readers come back, and should not do so in one moment."""


class StreamCarrier:
    """Carries a connection's frames as server-sent events."""

    __slots__ = ("_task", "_wire", "abandoned", "asgi", "epoch")

    over_socket = False

    def __init__(self, scope: Scope, send: Send) -> None:
        self.asgi = send
        self.abandoned = False
        """Whether the task that serves this stream was cancelled from here."""
        self.epoch = 0
        """The epoch of what is sent now; events do not carry it, and their ids do."""
        self._wire: HttpWire | None = scope.get("extensions", {}).get(EXTENSION)
        self._task = asyncio.current_task()

    async def send(self, frame: bytes) -> None:
        await self.asgi({"type": "http.response.body", "body": frame, "more_body": True})

    async def hang_up(self, farewell: Farewell) -> None:  # noqa: ARG002 - its frame was sent, and a stream has no close code
        await self.asgi({"type": "http.response.body", "body": b"", "more_body": False})

    def abandon(self, farewell: Farewell) -> None:  # noqa: ARG002 - nothing more can be said
        if self._wire is not None:
            self._wire.abort()
        elif self._task is not None:
            self.abandoned = True
            self._task.cancel()

    def event(self, event: Event) -> bytes:
        return sse.event(f"{self.epoch}/{event.seq}", event.type, event.wire)

    def notice(self, frame: ServerFrame, cursor: Cursor | None = None) -> bytes:
        match frame:
            case Reset():
                self.epoch = frame.epoch
                return sse.notice("reset", frame, str(cursor))
            case ErrorFrame():
                # Not `error`: that is what a browser's EventSource calls its own failures.
                return sse.notice("closing", frame)
            case TokenExpiring():
                return sse.notice("token_expiring", frame)
        return sse.notice("subscribed", frame)


class LastingAnswer(Response):
    """A stream of one user. Its refusals are ordinary answers: until it has begun, nothing is sent."""

    media_type = "text/event-stream"

    def __init__(self, parts: Parts, identity: Identity) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        # A stream has no length, and one of nought would end it.
        del self.headers["Content-Length"]
        self.parts = parts
        self.identity = identity

    async def prepare(self, connection: Connection, carrier: StreamCarrier) -> None:
        """Whatever may be refused."""

    async def tell(self, connection: Connection) -> None:
        """Say what there is to say, until cancelled or done: the stream goes on until its reader leaves."""
        raise NotImplementedError

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        parts = self.parts
        carrier = StreamCarrier(scope, send)
        connection = Connection(self.identity, carrier, parts.streams, parts.presence, parts.clock, parts.limits.bounds)
        structlog.contextvars.bind_contextvars(connection_id=str(connection.id))
        connection.enter()
        try:
            await self.prepare(connection, carrier)
            await carrier.asgi({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            connection.put(sse.retry(random.randint(*COME_BACK)))  # noqa: S311 - jitter, no secret
            async with asyncio.TaskGroup() as group:
                telling = group.create_task(self.tell(connection))
                await self._wait_for_the_end(connection, receive)
                telling.cancel()
        except asyncio.CancelledError:
            if not carrier.abandoned:
                raise
            # We cancelled this ourselves, to leave a reader whose transport takes nothing: an end like any other.
            if (task := asyncio.current_task()) is not None:
                task.uncancel()
        finally:
            await connection.leave(GOING_AWAY.code)

    async def _wait_for_the_end(self, connection: Connection, receive: Receive) -> None:
        while True:
            try:
                async with asyncio.timeout(self.parts.limits.heartbeat_interval):
                    while (await receive())["type"] != "http.disconnect":
                        pass
                return
            except TimeoutError:
                connection.put(sse.HEARTBEAT)
