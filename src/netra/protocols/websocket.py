"""The frames of `/ws`: what a client may say, what the server says, and how each becomes text. No I/O.

Every frame is one JSON object in one text message, told apart by `type`. Decoding is strict: a field that is unknown, missing
or of the wrong type is an error that names it, because a misspelt `after` that is ignored would replay a whole history.
Events (spec, section 5) go out as the log has them and are not built here.
"""

import re
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from netra.errors import NetraError
from netra.protocols.value import objection

VERSION: Final = "netra.v1"
"""The subprotocol that the server selects."""

VERSION_SYNONYM: Final = "jwt-auth"
"""What clients of the older backend offer instead."""

CARRIER: Final = "jwt."
"""A subprotocol `jwt.<base64url(token)>` carries a browser's access token, and is never selected."""

LONGEST_REASON: Final = 123
"""Bytes that a close frame has for its reason (RFC 6455, section 5.5)."""

Ref = str | int
"""What a client marks a frame with, echoed in the reply."""

Id = Annotated[str, Meta(min_length=36, max_length=36, pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Token = Annotated[str, Meta(min_length=1, max_length=8192)]
Content = Annotated[str, Meta(min_length=1)]
Position = Annotated[int, Meta(ge=0, le=2**63 - 1)]


# What a client says --------------------------------------------------------------------------------------------------------


class ClientFrame(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", forbid_unknown_fields=True):
    """What every client frame may carry."""

    ref: Annotated[str, Meta(max_length=128)] | Annotated[int, Meta(ge=-(2**53), le=2**53)] | None = None


class Authenticate(ClientFrame, tag="authenticate", frozen=True, kw_only=True):
    """The first frame of a socket that did not say who it is while it connected."""

    token: Token


class Subscribe(ClientFrame, tag="subscribe", frozen=True, kw_only=True):
    """Follow a thread: from the present, or after a position of `epoch` (when known) that the client already has."""

    thread_id: Id
    after: Position | None = None
    epoch: Position | None = None


class Unsubscribe(ClientFrame, tag="unsubscribe", frozen=True, kw_only=True):
    """Follow a thread no longer."""

    thread_id: Id


class StartAgent(ClientFrame, tag="start_agent", frozen=True, kw_only=True):
    """Start a run, in `thread_id` or in a new thread, which this socket then follows."""

    agent: Name
    input: Any = None
    thread_id: Id | None = None
    idempotency_key: Name | None = None
    on_busy: Literal["queue", "reject", "interrupt"] = "queue"


class UserMessage(ClientFrame, tag="user_message", frozen=True, kw_only=True):
    """Say something in a thread: the answer to its open question, else the input of a new run of its latest agent."""

    thread_id: Id
    content: Content


class StopAgent(ClientFrame, tag="stop_agent", frozen=True, kw_only=True):
    """Cancel a run."""

    run_id: Id


class Answer(ClientFrame, tag="answer", frozen=True, kw_only=True):
    """Answer the question that a run waits for."""

    run_id: Id
    request_id: Name
    value: Any


class RefreshToken(ClientFrame, tag="refresh_token", frozen=True, kw_only=True):
    """Go on with a newer access token of the same user."""

    token: Token


class Ping(ClientFrame, tag="ping", frozen=True, kw_only=True):
    """Is somebody there?"""


Frame = Authenticate | Subscribe | Unsubscribe | StartAgent | UserMessage | StopAgent | Answer | RefreshToken | Ping
FRAME_TYPES: Final = tuple(sorted(str(kind.__struct_config__.tag) for kind in Frame.__args__))


class BadFrame(NetraError):
    """The frame is not one that this server understands."""

    code, status = "bad_frame", 400

    def __init__(self, detail: str = "", *, field: str | None = None, ref: Ref | None = None) -> None:
        super().__init__(detail, **({"field": field} if field else {}))
        self.field = field
        self.ref = ref


class BinaryFrame(BadFrame):
    """Frames are text; this one was binary."""

    code = "binary_frame"


class NotJson(BadFrame):
    """The frame is not a JSON object."""

    code = "not_json"


class UnknownFrameType(BadFrame):
    """There is no frame of that type."""

    code = "unknown_frame_type"


class FrameTooLarge(BadFrame):
    """The frame is larger than this server takes."""

    code, status = "frame_too_large", 413


class InvalidFrame(BadFrame):
    """A field of the frame is missing, unknown or of the wrong kind."""

    code = "invalid_frame"


class _Loose(msgspec.Struct):
    """As much of a frame as is needed to answer one that is wrong."""

    type: Any = None
    ref: Any = None


_frames: Final[msgspec.json.Decoder[Frame]] = msgspec.json.Decoder(Frame)
_loose: Final = msgspec.json.Decoder(_Loose)
# How msgspec's messages name the field: a path at the end, or the name that is missing or unknown.
_PATH = re.compile(r" - at `\$\.(?P<path>[^`]+)`$")
_NAMED = re.compile(r"(?:required|unknown) field `(?P<name>[^`]{1,100})`")


def decode(text: str) -> Frame:
    """Read one frame. Raises a `BadFrame` that names the field, and has the frame's `ref` where that can be read."""
    try:
        frame = _frames.decode(text)
    except msgspec.ValidationError as error:
        raise _judge(text, str(error)) from None
    except (msgspec.DecodeError, UnicodeEncodeError):
        raise NotJson from None
    except RecursionError:
        raise NotJson("The frame is nested too deep.") from None
    for field in frame.__struct_fields__:
        if (words := objection(getattr(frame, field))) is not None:
            raise InvalidFrame(f"{field} {words}.", field=field, ref=None if field == "ref" else frame.ref)
    return frame


def _judge(text: str, complaint: str) -> BadFrame:
    """Say in words what is wrong with JSON that is no frame."""
    try:
        loose = _loose.decode(text)
    except msgspec.DecodeError:
        return NotJson()
    ref = loose.ref if isinstance(loose.ref, str | int) and not isinstance(loose.ref, bool) else None
    if isinstance(ref, str) and len(ref) > 128:
        ref = None
    if loose.type not in FRAME_TYPES:
        return UnknownFrameType(f"type must be one of {', '.join(FRAME_TYPES)}.", field="type", ref=ref)
    if (named := _NAMED.search(complaint)) is not None:
        field = named["name"]
        words = "is missing" if "required" in complaint else "is not a field of this frame"
    else:
        path = _PATH.search(complaint)
        field = path["path"] if path else "type"
        words = "must be a UUID in its form of 36 characters" if "regex" in complaint else _said(complaint)
    return InvalidFrame(f"{field} {words}.", field=field, ref=ref)


def _said(complaint: str) -> str:
    """The part of msgspec's message that says what was expected: Expected `int` >= 0 → must be int >= 0."""
    said = _PATH.sub("", complaint)[:120].replace("`", "")
    return said.replace("Expected ", "must be ", 1) if said.startswith("Expected ") else f"is wrong: {said}"


# What the server says ------------------------------------------------------------------------------------------------------


class ServerFrame(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True):
    """A frame of the server that is no event of a log."""

    def encode(self) -> bytes:
        return _encoder.encode(self)


class ConnectionConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What a client needs to know: seconds between pings, bytes that a frame may have."""

    heartbeat_interval: float
    max_message_size: int


class ConnectionEstablished(ServerFrame, tag="connection_established", frozen=True, kw_only=True):
    """The socket has an owner and can be used."""

    connection_id: str
    user_id: str
    server_time: str
    config: ConnectionConfig


class Subscribed(ServerFrame, tag="subscribed", frozen=True, kw_only=True):
    """The thread is followed; events up to `head` that the client is owed come next."""

    thread_id: str
    epoch: int
    head: int
    ref: Ref | None = None


class Reset(ServerFrame, tag="reset", frozen=True, kw_only=True):
    """Forget what you have of this thread: what follows is everything that there still is."""

    thread_id: str
    reason: str
    epoch: int
    head: int


class Ack(ServerFrame, tag="ack", frozen=True, kw_only=True):
    """Done. A started run is named, with the position of its `run_queued`."""

    ref: Ref | None = None
    run_id: str | None = None
    thread_id: str | None = None
    state: str | None = None
    seq: int | None = None


class ErrorFrame(ServerFrame, tag="error", frozen=True, kw_only=True):
    """Not done, and why. The last one before a close has `cursors`: thread → EPOCH/SEQ to resume from."""

    code: str
    message: str
    field: str | None = None
    ref: Ref | None = None
    retry_after: float | None = None
    cursors: dict[str, str] | None = None


class TokenExpiring(ServerFrame, tag="token_expiring", frozen=True, kw_only=True):
    """The access token has expired; the socket closes `seconds` from now unless `refresh_token` comes."""

    seconds: float = msgspec.field(name="in")


class Pong(ServerFrame, tag="pong", frozen=True, kw_only=True):
    """Somebody is here."""

    ref: Ref | None = None


_encoder: Final = msgspec.json.Encoder(decimal_format="number")


def error_frame(error: NetraError, ref: Ref | None = None) -> ErrorFrame:
    """The frame that tells a client of an error, with the words of the error itself."""
    return ErrorFrame(
        code=error.code,
        message=error.detail,
        field=error.extra.get("field"),
        ref=ref,
        retry_after=getattr(error, "retry_after", None),
    )


def close_reason(words: str, cursors: dict[str, str]) -> str:
    """What a close frame has room to say: `words`, then as many `THREAD=EPOCH/SEQ` as fit into 123 bytes."""
    reason = words
    for thread_id, cursor in cursors.items():
        longer = f"{reason} {thread_id}={cursor}"
        if len(longer.encode()) > LONGEST_REASON:
            break
        reason = longer
    return reason
