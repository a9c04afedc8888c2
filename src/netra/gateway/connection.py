"""One reader of one user's threads, whatever carries it: a WebSocket or a stream of server-sent events.

Here is what both have in common: the threads it follows, the outbox between them and it, the identity it came with and when
that runs out, and how it ends. A connection ends once, with a code and words, and delivers nothing after that.
"""

import asyncio
import functools
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Final, Protocol

from netra.auth.identity import Identity, Standing
from netra.clock import Clock
from netra.events.codec import Event
from netra.gateway.outbox import Outbox
from netra.gateway.presence import Presence
from netra.ids import ConnectionId, ThreadId, new_uuid
from netra.protocols.websocket import ErrorFrame, Ref, Reset, ServerFrame, Subscribed, TokenExpiring, close_reason
from netra.streams.cursor import Cursor, Position
from netra.streams.streams import Streams
from netra.streams.subscription import Subscription

FAREWELL: Final = 2.0
"""Seconds that a connection's last frames may take. A reader that was too slow before will not be quick now."""


@dataclass(frozen=True, slots=True)
class Closing:
    """How a connection ends: the WebSocket close code, a name for programs, words for people."""

    code: int
    name: str
    words: str


GOING_AWAY: Final = Closing(1001, "going_away", "This server is going away; connect again and resume.")
POLICY: Final = Closing(1008, "policy_violation", "This connection broke the rules.")
TOO_LARGE: Final = Closing(1009, "frame_too_large", "That frame is larger than this server takes.")
INTERNAL: Final = Closing(1011, "internal", "Something went wrong here; connect again and resume.")
EXPIRED: Final = Closing(4401, "token_expired", "The access token has expired.")
ENDED: Final = Closing(4401, "access_ended", "The session, key or account behind this connection has ended.")
SLOW: Final = Closing(4408, "slow_reader", "Too much was left unread; connect again and resume.")
FLOOD: Final = Closing(4429, "too_many_messages", "These are more messages than one user may send; wait a little.")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What every connection is held to: bytes, and seconds."""

    unsent_bytes: int = 1024**2
    send_deadline: float = 10.0
    """How long sending may go without progress."""
    token_grace: float = 10.0
    """How long a connection outlives its access token."""


@dataclass(frozen=True, slots=True)
class Farewell:
    """The end of one connection: its last frame, and the reason for a close frame. Both name the cursors to resume from."""

    closing: Closing
    frame: bytes
    reason: str


class Carrier(Protocol):
    """The way to a connection's reader."""

    @property
    def over_socket(self) -> bool:
        """Whether this is a WebSocket, which are counted; streams of server-sent events are requests."""
        ...

    async def send(self, frame: bytes) -> None:
        """Hand one frame to the transport, waiting while that is full."""

    async def hang_up(self, farewell: "Farewell") -> None:
        """Close; the last words were sent."""

    def abandon(self, farewell: "Farewell") -> None:
        """Let go, without waiting, of a reader who takes nothing any more; say the last words if that needs no waiting."""

    def event(self, event: Event) -> bytes: ...

    def notice(self, frame: ServerFrame, cursor: Cursor | None = None) -> bytes: ...


class Connection:
    """A reader: the sink of its subscriptions, and one of those whom `Presence` looks after."""

    __slots__ = (
        "_bounds",
        "_carrier",
        "_clock",
        "_expiry",
        "_farewell",
        "_outbox",
        "_presence",
        "_streams",
        "_threads",
        "id",
        "identity",
    )

    def __init__(
        self, identity: Identity, carrier: Carrier, streams: Streams, presence: Presence, clock: Clock, bounds: Bounds
    ) -> None:
        self.id = ConnectionId(new_uuid())
        self.identity = identity
        self._farewell: Farewell | None = None
        self._carrier = carrier
        self._streams = streams
        self._presence = presence
        self._clock = clock
        self._bounds = bounds
        self._threads: dict[ThreadId, Subscription] = {}
        self._expiry: asyncio.TimerHandle | None = None
        self._outbox = Outbox(
            carrier.send,
            limit=bounds.unsent_bytes,
            deadline=bounds.send_deadline,
            on_overflow=functools.partial(self.close, SLOW),
            on_stuck=self._stuck,
            on_delivered=presence.delivered,
        )

    def enter(self) -> None:
        """Be counted and looked after from here on, until `leave`. Raises `TooManyConnections` or `GoingAway`."""
        self._presence.enter(self, over_socket=self._carrier.over_socket)
        self._await_expiry()

    async def leave(self, code: int) -> None:
        """Let go of everything. `code` is what the reader left with; what was decided here has precedence."""
        self._let_go()
        await self._outbox.close()
        code = self.closing.code if self.closing else code
        self._presence.leave(self, code if self._carrier.over_socket else None)

    # Threads -------------------------------------------------------------------------------------------------------------

    async def follow(self, thread_id: ThreadId, cursor: Cursor | None) -> Position:
        """Begin to follow a thread after `cursor` (None: from the present); nothing comes before `go`. Raises `NotFound`."""
        self.unfollow(thread_id)
        subscription = self._streams.subscription(self.identity.user_id, thread_id, self)
        position = await subscription.start(cursor)
        if self.closing is not None:
            subscription.close()
        else:
            self._threads[thread_id] = subscription
        return position

    def go(self, thread_id: ThreadId) -> None:
        """Deliver what the reader is owed of a thread, then follow."""
        if (subscription := self._threads.get(thread_id)) is not None:
            subscription.go()

    async def subscribe(self, thread_id: ThreadId, cursor: Cursor | None, ref: Ref | None = None) -> None:
        """Follow a thread, say where it stands, and deliver. Raises `NotFound`."""
        position = await self.follow(thread_id, cursor)
        self.tell(Subscribed(thread_id=str(thread_id), epoch=position.epoch, head=position.head, ref=ref))
        self.go(thread_id)

    def unfollow(self, thread_id: ThreadId) -> None:
        if (subscription := self._threads.pop(thread_id, None)) is not None:
            subscription.close()

    def follows(self, thread_id: ThreadId) -> bool:
        return thread_id in self._threads

    # What its subscriptions say (see `streams.subscription.Sink`) --------------------------------------------------------

    def event(self, event: Event) -> None:
        self._outbox.put(self._carrier.event(event), event)

    def reset(self, thread_id: ThreadId, reason: str, position: Position) -> None:
        self._presence.tally.resets[reason] += 1
        frame = Reset(thread_id=str(thread_id), reason=reason, epoch=position.epoch, head=position.head)
        self._outbox.put(self._carrier.notice(frame, Cursor(position.tail, position.epoch)))

    def gone(self, thread_id: ThreadId) -> None:
        self._threads.pop(thread_id, None)
        self.reset(thread_id, "thread_deleted", Position(0, 0, 0))

    def room(self) -> AbstractAsyncContextManager[None]:
        return self._outbox.room()

    # Its identity --------------------------------------------------------------------------------------------------------

    def renew(self, identity: Identity) -> None:
        """Go on with newer proof of the same user."""
        if identity.user_id != self.identity.user_id:
            raise ValueError("a connection's user never changes")
        self.identity = identity
        self._await_expiry()

    def access_is(self, standing: Standing) -> None:
        """Take note of what the user may do now."""
        if standing != Standing(self.identity.role, self.identity.plan, self.identity.feature_flags):
            self.identity = replace(self.identity, role=standing.role, plan=standing.plan, feature_flags=standing.feature_flags)

    def access_ended(self) -> None:
        self.close(ENDED)

    def _await_expiry(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        if self.identity.expires_at is not None and self.closing is None:
            left = (self.identity.expires_at - self._clock.now()).total_seconds()
            self._expiry = asyncio.get_running_loop().call_later(max(0.0, left), self._expired)

    def _expired(self) -> None:
        grace = self._bounds.token_grace
        self.tell(TokenExpiring(seconds=grace))
        self._expiry = asyncio.get_running_loop().call_later(grace, self.close, EXPIRED)

    # Its end -------------------------------------------------------------------------------------------------------------

    def tell(self, frame: ServerFrame) -> None:
        """Queue a frame that is no event."""
        self._outbox.put(self._carrier.notice(frame))

    def put(self, frame: bytes) -> None:
        """Queue bytes that are in the carrier's own form already."""
        self._outbox.put(frame)

    def going_away(self) -> None:
        self.close(GOING_AWAY, flush=True)

    def close(self, closing: Closing, *, flush: bool = False) -> None:
        """End: deliver nothing more (with `flush`, first what is queued), say why and where to resume, and hang up."""
        if self._farewell is not None:
            return
        farewell = self._take_leave(closing, {} if flush else self._owed())
        hang_up = functools.partial(self._carrier.hang_up, farewell)
        self._outbox.finish(farewell.frame, hang_up, flush=flush, within=FAREWELL)

    @property
    def closing(self) -> Closing | None:
        """How it ends, once that is decided, and decided here."""
        return self._farewell.closing if self._farewell else None

    def _take_leave(self, closing: Closing, owed: dict[str, str]) -> Farewell:
        # A close frame has room for two: conversations first, the account's own log last.
        threads = sorted(self._threads, key=lambda thread: thread == self.identity.user_id)
        cursors = {str(thread): str(self._threads[thread].cursor) for thread in threads} | owed
        frame = ErrorFrame(code=closing.name, message=closing.words, cursors=cursors or None)
        self._farewell = Farewell(closing, self._carrier.notice(frame), close_reason(closing.name, cursors))
        self._let_go()
        return self._farewell

    def _owed(self) -> dict[str, str]:
        """Where to resume the threads of which something was queued that will not be sent."""
        first: dict[ThreadId, int] = {}
        for event in self._outbox.unsent():
            first.setdefault(event.thread_id, event.seq)
        return {
            str(thread): str(Cursor(seq - 1, self._threads[thread].cursor.epoch))
            for thread, seq in first.items()
            if thread in self._threads
        }

    def _let_go(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        for subscription in self._threads.values():
            subscription.close()
        self._threads.clear()

    def _stuck(self) -> None:
        self._carrier.abandon(self._farewell or self._take_leave(SLOW, self._owed()))
