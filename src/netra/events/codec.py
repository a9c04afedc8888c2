"""The bytes of an event.

The database keeps `data` alone, already encoded; the envelope is joined around it. Live fan-out and a read from the log go
through the same function, so that a resumed reader gets the very bytes that an uninterrupted one got.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from netra.events.model import EVENT_TYPES, EventData
from netra.ids import RunId, ThreadId, UserId

_encoder = msgspec.json.Encoder(decimal_format="number", uuid_format="canonical")


def encode(value: Any) -> bytes:
    """JSON bytes of a struct, a container or a plain value."""
    return _encoder.encode(value)


def format_time(at: datetime) -> str:
    """RFC 3339 in UTC with microseconds, `2026-01-31T12:00:00.000000Z`. `at` must be in UTC already."""
    return at.isoformat(timespec="microseconds")[:26] + "Z"


@dataclass(frozen=True, slots=True)
class Draft:
    """An event before the log has given it a position."""

    type: str
    body: bytes
    at: datetime
    run_id: RunId | None
    agent: str | None


def draft(data: EventData, at: datetime, *, run_id: RunId | None = None, agent: str | None = None) -> Draft:
    """Encode `data` once, here, for the database and for every reader."""
    return Draft(data.TYPE, _encoder.encode(data), at, run_id, agent)


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a log, as committed. `wire` is its envelope, JSON."""

    user_id: UserId
    thread_id: ThreadId
    seq: int
    type: str
    run_id: RunId | None
    at: datetime
    wire: bytes

    @property
    def data(self) -> EventData:
        """The struct of this event, decoded anew."""
        return msgspec.json.decode(msgspec.json.decode(self.wire, type=_Envelope).data, type=EVENT_TYPES[self.type])


class _Envelope(msgspec.Struct):
    data: msgspec.Raw


def place(user_id: UserId, thread_id: ThreadId, seq: int, item: Draft) -> Event:
    """Give a draft its position: the committed event with its bytes."""
    return Event(user_id, thread_id, seq, item.type, item.run_id, item.at, envelope(thread_id, seq, item))


def envelope(thread_id: UUID, seq: int, item: Draft) -> bytes:
    """Join the envelope around the encoded data."""
    # Only `agent` is free text. An agent's name is checked when it is registered, but bytes that leave the process are
    # not the place to rely on that.
    agent = b"null" if item.agent is None else _encoder.encode(item.agent)
    run_id = f'"{item.run_id}"' if item.run_id is not None else "null"
    head = (
        f'{{"type":"{item.type}","thread_id":"{thread_id}","run_id":{run_id},"seq":{seq},"at":"{format_time(item.at)}","agent":'
    )
    return b"".join((head.encode(), agent, b',"data":', item.body, b"}"))
