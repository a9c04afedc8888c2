"""The bytes of an event.

The database keeps `data` alone, already encoded; the envelope is joined around it. Live fan-out and a read from the log go
through the same function, so that a resumed reader gets the very bytes that an uninterrupted one got.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

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


class Draft(msgspec.Struct, frozen=True):
    """An event before the log has given it a position."""

    type: str
    body: bytes
    at: datetime
    run_id: RunId | None
    agent: str | None


def draft(data: EventData, at: datetime, *, run_id: RunId | None = None, agent: str | None = None) -> Draft:
    """Encode `data` once, here, for the database and for every reader. `at` has a time zone."""
    if at.tzinfo is not UTC:
        if at.utcoffset() is None:
            raise ValueError("an event's time needs a time zone")
        at = at.astimezone(UTC)
    try:
        body = _encoder.encode(data)
        if agent is not None:
            agent.encode()
    except UnicodeEncodeError:
        # Half a surrogate pair: a stream that counts in UTF-16 was cut inside a character. It is no text, here or anywhere.
        body = json.dumps(msgspec.to_builtins(data), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        agent = agent.encode("utf-8", "replace").decode() if agent is not None else None
    return Draft(data.TYPE, body, at, run_id, agent)


class Event(msgspec.Struct, frozen=True):
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


def place(user_id: UserId, thread_id: ThreadId, base: int, drafts: Sequence[Draft]) -> list[Event]:
    """Give drafts the positions after `base`: the committed events with their bytes.

    Neighbours mostly share their run and agent, so those parts of the envelope are made when they change: this runs for
    every event that the server delivers.
    """
    thread = f'","thread_id":"{thread_id}","run_id":'
    run_id, agent, run_part, agent_part = None, None, "null", b"null"
    events = []
    for seq, item in enumerate(drafts, start=base + 1):
        if item.run_id is not run_id and item.run_id != run_id:
            run_id, run_part = item.run_id, "null" if item.run_id is None else f'"{item.run_id}"'
        if item.agent is not agent and item.agent != agent:
            # The only free text of an envelope. An agent's name is checked when it is registered, but bytes that leave
            # the process are not the place to rely on that.
            agent, agent_part = item.agent, _encoder.encode(item.agent)
        head = f'{{"type":"{item.type}{thread}{run_part},"seq":{seq},"at":"{format_time(item.at)}","agent":'
        wire = b"".join((head.encode(), agent_part, b',"data":', item.body, b"}"))
        events.append(Event(user_id, thread_id, seq, item.type, item.run_id, item.at, wire))
    return events
