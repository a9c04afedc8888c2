import json
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra.errors import NotFound, TooManyRequests
from netra.protocols import websocket
from netra.protocols.websocket import (
    Ack,
    Answer,
    BadFrame,
    InvalidFrame,
    NotJson,
    Ping,
    Ref,
    StartAgent,
    Subscribe,
    UnknownFrameType,
    close_reason,
    decode,
    error_frame,
)

THREAD = "0198c0de-0000-7000-8000-000000000001"


def frame(**fields: Any) -> str:
    return json.dumps(fields)


def refused(text: str) -> BadFrame:
    with pytest.raises(BadFrame) as caught:
        decode(text)
    return caught.value


def test_a_subscription_says_where_it_goes_on() -> None:
    assert decode(frame(type="subscribe", thread_id=THREAD, after=7, epoch=2, ref="a")) == Subscribe(
        thread_id=THREAD, after=7, epoch=2, ref="a"
    )


def test_a_run_is_started_with_any_json_as_its_input() -> None:
    decoded = decode(frame(type="start_agent", agent="demo", input={"rounds": [1, 2.5, None, "x"]}))
    assert isinstance(decoded, StartAgent)
    assert decoded.input == {"rounds": [1, 2.5, None, "x"]}
    assert decoded.on_busy == "queue"


@pytest.mark.parametrize("ref", ["x", 7, -1, 0])
def test_a_frame_may_be_marked_with_a_text_or_a_number(ref: Ref) -> None:
    assert decode(frame(type="ping", ref=ref)) == Ping(ref=ref)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "null",
        "[]",
        '"ping"',
        "7",
        "{",
        '{"type":"ping"',
        '{"type":"ping"} {"type":"ping"}',
        "{'type':'ping'}",
        '\ufeff{"type":"ping"}',
        '{"type":"answer","value":NaN}',
        '{"type":"answer","value":"\\ud800"}',
        "[" * 60_000,
        '{"type":"start_agent","agent":"a","input":' + "[" * 20_000,
    ],
    ids=lambda text: f"{text[:40]} ({len(text)})",
)
def test_what_is_no_json_object_is_refused_as_such(text: str) -> None:
    assert isinstance(refused(text), NotJson)


@pytest.mark.parametrize("kind", [None, 7, True, "", "Ping", "ping ", "pïng", "connection_established", "x" * 5000])
def test_an_unknown_type_is_answered_with_the_known_ones(kind: Any) -> None:
    error = refused(frame(type=kind, ref="r1"))
    assert isinstance(error, UnknownFrameType)
    assert "start_agent" in error.detail
    assert error.ref == "r1"
    assert len(error.detail) < 300


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"type": "subscribe"}, "thread_id"),
        ({"type": "subscribe", "thread_id": None}, "thread_id"),
        ({"type": "subscribe", "thread_id": 7}, "thread_id"),
        ({"type": "subscribe", "thread_id": "*"}, "thread_id"),
        ({"type": "subscribe", "thread_id": THREAD + "\n"}, "thread_id"),
        ({"type": "subscribe", "thread_id": THREAD.replace("-", "")}, "thread_id"),
        ({"type": "subscribe", "thread_id": "{" + THREAD[:34] + "}"}, "thread_id"),
        ({"type": "subscribe", "thread_id": "x" * 10_000}, "thread_id"),
        ({"type": "subscribe", "thread_id": THREAD, "after": -1}, "after"),
        ({"type": "subscribe", "thread_id": THREAD, "after": "7"}, "after"),
        ({"type": "subscribe", "thread_id": THREAD, "after": 1.5}, "after"),
        ({"type": "subscribe", "thread_id": THREAD, "after": 2**63}, "after"),
        ({"type": "subscribe", "thread_id": THREAD, "aftr": 7}, "aftr"),
        ({"type": "start_agent", "agent": ""}, "agent"),
        ({"type": "start_agent", "agent": "a" * 201}, "agent"),
        ({"type": "start_agent", "agent": "a", "on_busy": "maybe"}, "on_busy"),
        ({"type": "start_agent", "agent": "a\0"}, "agent"),
        ({"type": "start_agent", "agent": "a", "input": {"b": ["\0"]}}, "input"),
        ({"type": "start_agent", "agent": "a", "input": 10**30}, "input"),
        ({"type": "answer", "run_id": THREAD, "request_id": "q"}, "value"),
        ({"type": "user_message", "thread_id": THREAD, "content": ["hello"]}, "content"),
        ({"type": "authenticate", "token": ""}, "token"),
    ],
)
def test_a_field_that_is_wrong_is_named(fields: dict[str, Any], field: str) -> None:
    error = refused(frame(**fields, ref=5))
    assert isinstance(error, InvalidFrame)
    assert error.field == field
    assert field in error.detail
    assert error.ref == 5
    assert len(error.detail) < 300


@pytest.mark.parametrize("ref", [1.5, True, [], {}, "x" * 200])
def test_a_mark_that_cannot_be_echoed_is_refused_and_not_echoed(ref: Any) -> None:
    error = refused(frame(type="ping", ref=ref))
    assert error.field == "ref"
    assert error.ref is None


@given(st.text(max_size=200))
def test_no_text_does_anything_but_decode_or_be_refused(text: str) -> None:
    with suppress(BadFrame):
        assert msgspec.to_builtins(decode(text))["type"] in text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.sampled_from([*websocket.FRAME_TYPES, "x"]),
    st.dictionaries(
        st.sampled_from(["thread_id", "run_id", "agent", "after", "epoch", "ref", "value", "token", "content"]), JSON
    ),
)
def test_no_json_object_does_anything_but_decode_or_be_refused(kind: str, fields: dict[str, Any]) -> None:
    with suppress(BadFrame):
        assert msgspec.to_builtins(decode(json.dumps({"type": kind, **fields})))["type"] == kind


def test_an_answer_keeps_its_value_as_it_was_said() -> None:
    decoded = decode(frame(type="answer", run_id=THREAD, request_id="ask#1", value={"a": [1, "ü", False]}))
    assert isinstance(decoded, Answer)
    assert decoded.value == {"a": [1, "ü", False]}


def test_an_acknowledgement_leaves_out_what_it_does_not_say() -> None:
    assert json.loads(Ack(ref="r").encode()) == {"type": "ack", "ref": "r"}
    assert json.loads(Ack(run_id=THREAD, seq=3).encode()) == {"type": "ack", "run_id": THREAD, "seq": 3}


def test_the_expiry_notice_says_in_how_many_seconds() -> None:
    assert json.loads(websocket.TokenExpiring(seconds=10.0).encode()) == {"type": "token_expiring", "in": 10.0}


def test_an_error_frame_has_the_words_of_the_error() -> None:
    assert json.loads(error_frame(NotFound(), "r").encode()) == {
        "type": "error",
        "code": "not_found",
        "message": "There is nothing here under that id.",
        "ref": "r",
    }
    assert json.loads(error_frame(TooManyRequests(retry_after=2.5)).encode())["retry_after"] == 2.5
    assert json.loads(error_frame(refused(frame(type="subscribe"))).encode())["field"] == "thread_id"


def test_a_close_reason_holds_as_many_cursors_as_fit() -> None:
    cursors = {THREAD[:-1] + str(nth): f"1/{nth}" for nth in range(9)}
    reason = close_reason("going away; resume", cursors)
    assert reason.startswith(f"going away; resume {THREAD[:-1]}0=1/0 ")
    assert len(reason.encode()) <= websocket.LONGEST_REASON
    assert close_reason("slow", {}) == "slow"
