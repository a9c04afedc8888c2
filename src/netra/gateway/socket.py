"""`/ws`: a WebSocket from the handshake to the close.

A plain ASGI endpoint, because ten thousand open sockets each pay for every layer between them and the server. Order of the
handshake: where the request comes from, who it says it is, and only then the upgrade; refusals before the upgrade are HTTP
answers. A socket that brings no proof of identity has ten seconds to say who it is in its first frame.
"""

import asyncio
from typing import Final
from uuid import UUID

import structlog
from starlette.types import Message, Receive, Scope, Send

from netra.auth.identity import Identity
from netra.errors import NetraError, NotFound, Unauthenticated
from netra.events.codec import Event, format_time
from netra.gateway import dialogue, problems
from netra.gateway.connection import FLOOD, GOING_AWAY, INTERNAL, POLICY, TOO_LARGE, Closing, Connection, Farewell
from netra.gateway.handshake import check_origin, choose_subprotocol, read_credential
from netra.gateway.limits import TooManyConnections, TooManyMessages
from netra.gateway.parts import Parts
from netra.gateway.presence import GoingAway
from netra.gateway.wire import EXTENSION, SocketWire
from netra.ids import ThreadId
from netra.protocols.websocket import (
    Authenticate,
    BadFrame,
    BinaryFrame,
    ConnectionConfig,
    ConnectionEstablished,
    Frame,
    FrameTooLarge,
    ServerFrame,
    decode,
    error_frame,
)
from netra.streams.cursor import Cursor

BAD_IN_A_ROW: Final = 5
"""Frames that make no sense after which a socket is closed: one is a mistake, five are a program that speaks otherwise."""

NO_CODE: Final = 1005
"""What WebSocket calls a close without a code."""

REFUSED: Final = Closing(4401, "unauthenticated", "That is no valid proof of identity.")
SILENT: Final = Closing(1008, "authenticate_first", "The socket did not say in time who it is.")
CROWD: Final = Closing(4429, "too_many_connections", "As many open connections as one user may have; close one first.")
UNAVAILABLE: Final = Closing(1011, "unavailable", "Netra cannot reach something it needs; connect again and resume.")

_log = structlog.get_logger(__name__)


class IntroduceYourself(Unauthenticated):
    """Say first who you are: send an `authenticate` frame with a token."""

    code = "authenticate_first"


async def answer_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one WebSocket, as an ASGI application. The parts are those of `scope["app"]`."""
    parts: Parts = scope["app"].state.parts
    request_id = problems.name_request(scope)
    await receive()  # websocket.connect, which says nothing that the scope does not
    try:
        identity = await _identify(parts, scope)
    except NetraError as error:
        await problems.deny(scope, send, error)
        return
    except Exception:  # noqa: BLE001
        # A boundary: whatever went wrong, the client gets an answer, and the words stay in the log.
        _log.exception("a socket could not be opened")
        await problems.deny(scope, send, NetraError())
        return
    headers = [(b"x-request-id", request_id.encode())]
    await send({"type": "websocket.accept", "subprotocol": choose_subprotocol(scope["subprotocols"]), "headers": headers})
    if identity is None:
        identity = await _introduction(parts, receive, send)
    if identity is not None:
        await _serve(parts, identity, SocketCarrier(scope, send), receive)


async def _identify(parts: Parts, scope: Scope) -> Identity | None:
    """Say who opens this socket, None when that is still to come. Raises a `NetraError` for a request to refuse."""
    parts.presence.refuse_when_leaving()
    check_origin(scope["headers"], parts.allowed_origins)
    credential = read_credential(scope)
    if credential is None:
        return None
    if credential.kind == "ticket":
        return await parts.sign_in.identities.redeem(credential.secret)
    return await parts.sign_in.identities.authenticate(credential.secret)


async def _introduction(parts: Parts, receive: Receive, send: Send) -> Identity | None:
    """Wait for the first frame to say who this is; None when it did not, and the socket is closed."""
    try:
        async with asyncio.timeout(parts.limits.authenticate_timeout):
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return None
            frame = _read(message, parts.limits.max_message_size)
            if not isinstance(frame, Authenticate):
                raise IntroduceYourself
            return await parts.sign_in.identities.authenticate(frame.token)
    except (TimeoutError, IntroduceYourself):
        await _turn_away(send, SILENT, IntroduceYourself())
    except BadFrame as error:
        await _turn_away(send, POLICY, error)
    except NetraError as error:
        await _turn_away(send, REFUSED if isinstance(error, Unauthenticated) else UNAVAILABLE, error)
    return None


async def _turn_away(send: Send, closing: Closing, error: NetraError) -> None:
    """Close a socket that never became a connection."""
    ref = error.ref if isinstance(error, BadFrame) else None
    await send({"type": "websocket.send", "text": error_frame(error, ref).encode().decode()})
    await send({"type": "websocket.close", "code": closing.code, "reason": closing.name})


async def _serve(parts: Parts, identity: Identity, carrier: "SocketCarrier", receive: Receive) -> None:
    """Hold the connection until one side ends it."""
    connection = Connection(identity, carrier, parts.streams, parts.presence, parts.clock, parts.limits.bounds)
    structlog.contextvars.bind_contextvars(connection_id=str(connection.id), user_id=str(identity.user_id))
    try:
        connection.enter()
    except (TooManyConnections, GoingAway) as error:
        await _turn_away(carrier.asgi, CROWD if isinstance(error, TooManyConnections) else GOING_AWAY, error)
        return
    code = INTERNAL.code
    try:
        code = await _converse(parts, connection, receive)
    except asyncio.CancelledError:
        if not carrier.abandoned:
            raise
        # We cancelled this ourselves, to leave a reader whose transport takes nothing: an end like any other.
        if (task := asyncio.current_task()) is not None:
            task.uncancel()
    finally:
        await connection.leave(code)


async def _converse(parts: Parts, connection: Connection, receive: Receive) -> int:
    """Greet the reader, then take what it says until one side closes; return the code of that."""
    bad = 0
    try:
        _greet(parts, connection)
        # What happens to the account itself has a log of its own, under the user's id; every socket follows it from now on.
        account = ThreadId(connection.identity.user_id)
        await connection.follow(account, None)
        connection.go(account)
        while (message := await receive())["type"] != "websocket.disconnect":
            if connection.closing is None:
                bad = await _hear(parts, connection, message, bad)
        return message.get("code") or NO_CODE
    except NetraError as error:
        _log.warning("a socket could not be served", error=error.code)
        connection.tell(error_frame(error))
        connection.close(UNAVAILABLE, flush=True)
    except Exception:  # noqa: BLE001
        # A boundary: one socket's fault must not look like a broken network to its client, nor reach another socket.
        _log.exception("a socket failed")
        connection.close(INTERNAL)
    while (await receive())["type"] != "websocket.disconnect":
        pass
    return INTERNAL.code


def _greet(parts: Parts, connection: Connection) -> None:
    limits = parts.limits
    connection.tell(
        ConnectionEstablished(
            connection_id=str(connection.id),
            user_id=str(connection.identity.user_id),
            server_time=format_time(parts.clock.now()),
            config=ConnectionConfig(heartbeat_interval=limits.heartbeat_interval, max_message_size=limits.max_message_size),
        )
    )


async def _hear(parts: Parts, connection: Connection, message: Message, bad: int) -> int:
    """Take one message; return how many bad ones there have been in a row."""
    try:
        parts.presence.heard(connection.identity.user_id)
        frame = _read(message, parts.limits.max_message_size)
    except TooManyMessages:
        connection.close(FLOOD)
        return bad
    except FrameTooLarge:
        connection.close(TOO_LARGE)
        return bad
    except BadFrame as error:
        _log.info("a frame was refused", error=error.code, field=error.field)
        connection.tell(error_frame(error, error.ref))
        if bad + 1 == BAD_IN_A_ROW:
            connection.close(POLICY, flush=True)
        return bad + 1
    try:
        await dialogue.act(parts, connection, frame)
    except NetraError as error:
        if isinstance(error, NotFound):
            named = (getattr(frame, name, None) for name in ("thread_id", "run_id"))
            parts.trespass.suspect("socket", [UUID(text) for text in named if text is not None])
        connection.tell(error_frame(error, frame.ref))
    return 0


def _read(message: Message, largest: int) -> Frame:
    """The frame of a message. Raises `BadFrame`."""
    text = message.get("text")
    if text is None:
        raise BinaryFrame
    # The server below counts bytes and is nearer to them; this holds where Netra runs on somebody else's.
    if len(text) > largest:
        raise FrameTooLarge
    return decode(text)


class SocketCarrier:
    """Carries a connection's frames as WebSocket text."""

    __slots__ = ("_task", "_wire", "abandoned", "asgi")

    over_socket = True

    def __init__(self, scope: Scope, send: Send) -> None:
        self.asgi = send
        self.abandoned = False
        """Whether the task that serves this socket was cancelled from here."""
        self._wire: SocketWire | None = scope.get("extensions", {}).get(EXTENSION)
        self._task = asyncio.current_task()

    async def send(self, frame: bytes) -> None:
        if self._wire is not None:
            await self._wire.say(frame)
        else:
            await self.asgi({"type": "websocket.send", "text": frame.decode()})

    async def hang_up(self, farewell: Farewell) -> None:
        await self.asgi({"type": "websocket.close", "code": farewell.closing.code, "reason": farewell.reason})

    def abandon(self, farewell: Farewell) -> None:
        if self._wire is not None:
            self._wire.cut(farewell.closing.code, farewell.reason, farewell.frame)
        elif self._task is not None:
            self.abandoned = True
            self._task.cancel()

    def event(self, event: Event) -> bytes:
        return event.wire

    def notice(self, frame: ServerFrame, cursor: Cursor | None = None) -> bytes:  # noqa: ARG002 - a reset frame says it all
        return frame.encode()
