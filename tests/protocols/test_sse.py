from netra.protocols import sse
from netra.protocols.websocket import Reset


def test_an_event_has_its_cursor_its_type_and_its_envelope_on_a_line_each() -> None:
    wire = '{"type":"agent_thinking","data":{"text":"a\\nb ü"}}'.encode()
    assert sse.event("1/42", "agent_thinking", wire) == b"id: 1/42\nevent: agent_thinking\ndata: " + wire + b"\n\n"


def test_a_reset_moves_the_reader_to_where_it_goes_on() -> None:
    frame = Reset(thread_id="t", reason="history_trimmed", epoch=2, head=9)
    assert sse.notice("reset", frame, "2/4") == (
        b'id: 2/4\nevent: reset\ndata: {"type":"reset","thread_id":"t","reason":"history_trimmed","epoch":2,"head":9}\n\n'
    )


def test_a_notice_without_a_cursor_leaves_the_reader_where_it_is() -> None:
    assert not sse.notice("closed", Reset(thread_id="t", reason="r", epoch=1, head=1)).startswith(b"id:")


def test_a_message_of_no_log_has_no_cursor() -> None:
    assert sse.message("loading", b'{"share":0.5}') == b'event: loading\ndata: {"share":0.5}\n\n'


def test_a_heartbeat_is_a_comment() -> None:
    assert sse.HEARTBEAT.startswith(b":")
    assert sse.HEARTBEAT.endswith(b"\n\n")


def test_a_reader_is_told_when_to_come_back() -> None:
    assert sse.retry(1500) == b"retry: 1500\n\n"
