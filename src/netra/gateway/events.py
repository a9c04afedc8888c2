"""A thread's log over HTTP: pages of its history, and a stream of server-sent events.

Both take the cursor `(epoch, seq)` that a WebSocket takes and give what it would give: the exact missing suffix, or a reset
with its reason.
"""

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Header, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from netra.auth.identity import Identity
from netra.errors import InvalidInput, NotFound, Unauthenticated
from netra.events.codec import encode
from netra.gateway.connection import Connection
from netra.gateway.dependencies import CurrentUser, OwnOnly, PathId, ThisProcess
from netra.gateway.lasting import LastingAnswer, StreamCarrier
from netra.gateway.limits import TooManyConnections
from netra.gateway.parts import Parts
from netra.gateway.problems import problem_responses
from netra.ids import ThreadId
from netra.protocols.websocket import Subscribed
from netra.streams import log
from netra.streams.cursor import Cursor, Position, resume

LARGEST_PAGE: Final = 1000

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


class EventStream(LastingAnswer):
    """Follows one thread."""

    def __init__(self, parts: Parts, identity: Identity, thread_id: ThreadId, cursor: Cursor) -> None:
        super().__init__(parts, identity)
        self._thread_id = thread_id
        self._cursor = cursor
        self._position: Position | None = None

    async def prepare(self, connection: Connection, carrier: StreamCarrier) -> None:
        self._position = await connection.follow(self._thread_id, self._cursor)
        carrier.epoch = self._position.epoch

    async def tell(self, connection: Connection) -> None:
        position = self._position
        assert position is not None, "a thread is told of after it was found"
        connection.tell(Subscribed(thread_id=str(self._thread_id), epoch=position.epoch, head=position.head))
        connection.go(self._thread_id)
