"""The events are those of the public contract, field by field."""

import msgspec
import pytest

from netra.events.model import EVENT_TYPES, TERMINAL_TYPES, AgentCompleted, EventData, ToolCompleted, Usage

# docs: the table of events. A name with a question mark may be missing from the data.
CONTRACT = {
    "run_queued": "position",
    "agent_started": "input plan plan_version?",
    "agent_thinking": "text step? progress? within?",
    "message_delta": "message_id text within?",
    "tool_executing": "call_id tool arguments",
    "tool_completed": "call_id tool ok result? error? duration_ms",
    "input_required": "request_id question schema",
    "input_received": "request_id",
    "report_ready": "report_id title",
    "agent_completed": "result usage duration_ms",
    "agent_failed": "code message",
    "agent_cancelled": "by",
    "plan_changed": "old new gained lost",
}


def test_every_type_of_the_contract_exists_and_no_other() -> None:
    assert EVENT_TYPES.keys() == CONTRACT.keys()


@pytest.mark.parametrize("name", sorted(CONTRACT))
def test_a_type_has_exactly_the_fields_of_the_contract(name: str) -> None:
    fields = {field.name: field.required for field in msgspec.structs.fields(EVENT_TYPES[name])}
    assert fields.pop("parent") is False  # whoever called the one who speaks: every event may carry it
    assert fields == {field.rstrip("?"): not field.endswith("?") for field in CONTRACT[name].split()}


def test_a_run_ends_with_one_of_three() -> None:
    assert {"agent_completed", "agent_failed", "agent_cancelled"} == TERMINAL_TYPES


def test_the_usage_of_a_run_is_always_said_in_full() -> None:
    assert msgspec.to_builtins(Usage()) == {"input_tokens": 0, "output_tokens": 0, "cost_usd": 0.0}
    done = AgentCompleted(result=None, usage=Usage(input_tokens=3), duration_ms=1.5)
    assert msgspec.to_builtins(done) == {
        "result": None,
        "usage": {"input_tokens": 3, "output_tokens": 0, "cost_usd": 0.0},
        "duration_ms": 1.5,
    }


def test_what_is_not_said_takes_no_room_on_the_wire() -> None:
    completed = ToolCompleted(call_id="search#1", tool="search", ok=True, result=[], duration_ms=2)
    assert msgspec.to_builtins(completed) == {
        "call_id": "search#1",
        "tool": "search",
        "ok": True,
        "result": [],
        "duration_ms": 2,
    }


def test_an_event_cannot_be_changed_once_it_has_happened() -> None:
    for struct in EVENT_TYPES.values():
        assert issubclass(struct, EventData)
        assert struct.__struct_config__.frozen
