"""A thread's log over HTTP: pages of its history, and a stream of server-sent events.

Both take the cursor `(epoch, seq)` that a WebSocket takes and give what it would give: the exact missing suffix, or a reset
with its reason.
"""

import asyncio
import random
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import structlog
from fastapi import APIRouter, Header, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.types import Receive, Scope, Send

from netra.auth.identity import Identity
from netra.errors import InvalidInput, NotFound, Unauthenticated
from netra.events.codec import Event, encode
from netra.gateway.connection import GOING_AWAY, Connection, Farewell
from netra.gateway.dependencies import CurrentUser, OwnOnly, PathId, ThisProcess
from netra.gateway.limits import TooManyConnections
from netra.gateway.parts import Parts
from netra.gateway.problems import problem_responses
from netra.gateway.wire import EXTENSION, HttpWire
from netra.ids import ThreadId
from netra.protocols import sse
from netra.protocols.websocket import ErrorFrame, Reset, ServerFrame, Subscribed, TokenExpiring
from netra.streams import log
from netra.streams.cursor import Cursor, resume

LARGEST_PAGE: Final = 1000

COME_BACK: Final = (500, 3000)
"""Milliseconds, from and to, that a reader is told to wait before it connects again: when a server goes away, all of its
readers come back, and should not do so in one moment."""

router = APIRouter(
    prefix="/api/threads/{thread_id}",
    tags=["events"],
    dependencies=[OwnOnly],
    responses=problem_responses(Unauthenticated, NotFound, InvalidInput),
)

After = Annotated[int, Query(ge=0, le=2**63 - 1, description="You have the events up to this position.")]
Epoch = Annotated[int | None, Query(ge=0, le=2**31 - 1, description="The epoch that position is of, if you know it.")]


class EventView(BaseModel):
    """One line of a log; `data` is as its type says."""

    type: str
    thread_id: UUID
    run_id: UUID | None
    seq: int
    at: datetime
    agent: str | None
    data: dict[str, Any]


class EventPage(BaseModel):
    """The next events of a thread. There are more as long as the last `seq` is below `head`."""

    epoch: int
    tail: int
    head: int
    reset: str | None = Field(description="Why you must forget what you have of this thread; null when you need not.")
    events: list[EventView]


@router.get(
    "/events",
    operation_id="list_events",
    response_class=Response,
    responses={200: {"model": EventPage, "description": "The next events, the oldest first."}},
)
async def list_events(
    thread_id: PathId,
    parts: ThisProcess,
    user: CurrentUser,
    after: After = 0,
    epoch: Epoch = None,
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE, description="Events at most; fewer when they are large.")] = 500,
) -> Response:
    """The events of a thread after a position, oldest first, byte for byte as they were delivered live."""
    scope, place = parts.database.for_user(user.user_id), after
    while True:
        position, events = await log.read_page(scope, ThreadId(thread_id), place, limit)
        decision = resume(position, Cursor(after, epoch))
        if decision.after == place:
            break
        place = decision.after
    head = encode({"epoch": position.epoch, "tail": position.tail, "head": position.head, "reset": decision.reset})
    # The envelopes are JSON already; to decode them in order to encode them again could change a byte.
    body = b"".join((head[:-1], b',"events":[', b",".join(event.wire for event in events), b"]}"))
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})


@router.get(
    "/stream",
    operation_id="stream_events",
    response_class=Response,
    responses={
        200: {
            "description": "`id` is EPOCH/SEQ, `event` the event's type, `data` the event. Beside events of the log: "
            "`subscribed`, `reset`, `token_expiring`, and `closing` before the server ends the stream.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        **problem_responses(TooManyConnections),
    },
)
async def stream_events(
    thread_id: PathId,
    parts: ThisProcess,
    user: CurrentUser,
    after: After = 0,
    epoch: Epoch = None,
    last_event_id: Annotated[str | None, Header(description="EPOCH/SEQ; has precedence over `after`.")] = None,
) -> Response:
    """Follow a thread: what you miss of it, then every event as it happens."""
    cursor = Cursor.parse(last_event_id) if last_event_id else Cursor(after, epoch)
    return EventStream(parts, user, ThreadId(thread_id), cursor)


class EventStream(Response):
    """The answer that lasts. Refusals are ordinary answers, because nothing is sent before the thread was found."""

    media_type = "text/event-stream"

    def __init__(self, parts: Parts, identity: Identity, thread_id: ThreadId, cursor: Cursor) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        # A stream has no length, and one of nought would end it.
        del self.headers["Content-Length"]
        self._parts = parts
        self._identity = identity
        self._thread_id = thread_id
        self._cursor = cursor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        parts = self._parts
        carrier = StreamCarrier(scope, send)
        connection = Connection(self._identity, carrier, parts.streams, parts.presence, parts.clock, parts.limits.bounds)
        structlog.contextvars.bind_contextvars(connection_id=str(connection.id))
        connection.enter()
        try:
            await self._follow(connection, carrier, receive)
        except asyncio.CancelledError:
            if not carrier.abandoned:
                raise
            # We cancelled this ourselves, to leave a reader whose transport takes nothing: an end like any other.
            if (task := asyncio.current_task()) is not None:
                task.uncancel()
        finally:
            await connection.leave(GOING_AWAY.code)

    async def _follow(self, connection: Connection, carrier: "StreamCarrier", receive: Receive) -> None:
        position = await connection.follow(self._thread_id, self._cursor)
        carrier.epoch = position.epoch
        await carrier.asgi({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        connection.put(sse.retry(random.randint(*COME_BACK)))  # noqa: S311 - jitter, no secret
        connection.tell(Subscribed(thread_id=str(self._thread_id), epoch=position.epoch, head=position.head))
        connection.go(self._thread_id)
        while True:
            try:
                async with asyncio.timeout(self._parts.limits.heartbeat_interval):
                    while (await receive())["type"] != "http.disconnect":
                        pass
                return
            except TimeoutError:
                connection.put(sse.HEARTBEAT)


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
