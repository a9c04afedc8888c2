"""The bytes of an event: JSON whatever is said, and the same bytes wherever they are made."""

import json
import math
import uuid
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra.events.codec import Draft, draft, encode, format_time, place
from netra.events.model import EVENT_TYPES, AgentThinking, EventData, MessageDelta, Usage
from netra.ids import RunId, ThreadId, UserId, new_uuid

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)

texts = st.text()
any_text = st.text(st.characters())
numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
anything = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)
times = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001 - the bounds are naive

FIELDS: dict[Any, st.SearchStrategy[Any]] = {
    str: texts,
    str | None: st.none() | texts,
    int: st.integers(0, 2**53),
    bool: st.booleans(),
    float: st.floats(0, 1e12),
    float | None: st.none() | st.floats(0, 1),
    Any: anything,
    list[str]: st.lists(texts, max_size=4),
    Usage: st.builds(
        Usage, input_tokens=st.integers(0, 10**9), output_tokens=st.integers(0, 10**9), cost_usd=st.floats(0, 1e6)
    ),
}


def of_type(struct: type[EventData]) -> st.SearchStrategy[EventData]:
    return st.builds(struct, **{field.name: FIELDS[field.type] for field in msgspec.structs.fields(struct)})


events = st.one_of([of_type(struct) for struct in EVENT_TYPES.values()])
drafts = st.builds(draft, events, times, run_id=st.none() | st.builds(lambda: RunId(new_uuid())), agent=st.none() | texts)


def keys() -> tuple[UserId, ThreadId]:
    return UserId(new_uuid()), ThreadId(new_uuid())


@given(events, times, texts | st.none(), st.integers(1, 2**63 - 1))
def test_what_was_said_is_what_is_read_from_the_wire(data: EventData, at: datetime, agent: str | None, seq: int) -> None:
    user_id, thread_id = keys()
    run_id = RunId(new_uuid())
    [event] = place(user_id, thread_id, seq - 1, [draft(data, at, run_id=run_id, agent=agent)])
    assert event.data == data
    wire = json.loads(event.wire)
    assert list(wire) == ["type", "thread_id", "run_id", "seq", "at", "agent", "data"]
    assert wire["type"] == event.type == data.TYPE
    assert (wire["thread_id"], wire["run_id"], wire["seq"]) == (str(thread_id), str(run_id), seq)
    assert wire["agent"] == agent
    assert datetime.fromisoformat(wire["at"]) == event.at == at


@given(st.lists(drafts, min_size=1, max_size=8), st.integers(0, 10**12))
def test_events_are_the_same_bytes_together_and_one_by_one(items: list[Draft], base: int) -> None:
    user_id, thread_id = keys()
    together = place(user_id, thread_id, base, items)
    alone = [place(user_id, thread_id, base + nth, [item])[0] for nth, item in enumerate(items)]
    assert together == alone
    assert [event.seq for event in together] == list(range(base + 1, base + 1 + len(items)))


@given(any_text, any_text)
def test_any_text_at_all_gives_bytes_that_are_json(text: str, agent: str) -> None:
    [event] = place(*keys(), 0, [draft(MessageDelta(message_id="m", text=text), NOON, agent=agent)])
    wire = json.loads(event.wire.decode("utf-8"))
    halves = any("\ud800" <= character <= "\udfff" for character in text + agent)
    if not halves:
        assert (wire["data"]["text"], wire["agent"]) == (text, agent)
    # Half a surrogate pair, as a stream may cut it, is no Unicode: it becomes a question mark, and what is around it stays.
    assert len(wire["data"]["text"]) == len(text)
    assert len(wire["agent"]) == len(agent)


@pytest.mark.parametrize("agent", ['say "so"', "back\\slash", "new\nline", "\0", "", "null", "</script>", "\N{SNOWMAN}"])
def test_an_agents_name_cannot_break_out_of_the_envelope(agent: str) -> None:
    [event] = place(*keys(), 0, [draft(AgentThinking(text="x"), NOON, agent=agent)])
    assert json.loads(event.wire)["agent"] == agent
    assert json.loads(event.wire)["data"] == {"text": "x"}


def test_without_a_run_or_an_agent_the_envelope_says_null() -> None:
    [event] = place(*keys(), 41, [draft(AgentThinking(text="x"), NOON)])
    wire = json.loads(event.wire)
    assert (wire["run_id"], wire["agent"], wire["seq"]) == (None, None, 42)


def test_the_envelope_looks_exactly_so() -> None:
    thread_id = ThreadId(uuid.UUID("0198c0de-0000-7000-8000-000000000001"))
    run_id = RunId(uuid.UUID("0198c0de-0000-7000-8000-000000000002"))
    item = draft(AgentThinking(text="Hm.", progress=0.5), NOON, run_id=run_id, agent="demo")
    [event] = place(UserId(new_uuid()), thread_id, 6, [item])
    assert event.wire == (
        b'{"type":"agent_thinking","thread_id":"0198c0de-0000-7000-8000-000000000001",'
        b'"run_id":"0198c0de-0000-7000-8000-000000000002","seq":7,"at":"2026-01-31T12:00:00.000000Z",'
        b'"agent":"demo","data":{"text":"Hm.","progress":0.5}}'
    )


def test_nobody_elses_id_is_in_the_bytes() -> None:
    user_id, thread_id = keys()
    [event] = place(user_id, thread_id, 0, [draft(AgentThinking(text="x"), NOON)])
    assert str(user_id).encode() not in event.wire


@given(times)
def test_times_are_rfc_3339_in_utc_with_microseconds(at: datetime) -> None:
    text = format_time(at)
    assert len(text) == 27
    assert text.endswith("Z")
    assert datetime.fromisoformat(text) == at


@given(times, st.integers(-14 * 60, 14 * 60))
def test_a_time_of_another_zone_is_the_same_moment(at: datetime, minutes: int) -> None:
    elsewhere = at.astimezone(timezone(timedelta(minutes=minutes))) if 1 < at.year < 9999 else at
    [event] = place(*keys(), 0, [draft(AgentThinking(text="x"), elsewhere)])
    assert json.loads(event.wire)["at"] == format_time(at)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        draft(AgentThinking(text="x"), datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


def test_what_json_has_no_word_for_is_null() -> None:
    assert json.loads(encode({"nan": math.nan, "more": math.inf})) == {"nan": None, "more": None}


def test_values_of_our_own_world_become_plain_json() -> None:
    made = new_uuid()
    assert json.loads(encode({"id": made, "at": NOON, "bytes": b"\x00"})) == {
        "id": str(made),
        "at": "2026-01-31T12:00:00Z",
        "bytes": "AA==",
    }
