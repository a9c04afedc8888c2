"""The logs of known tools, as they write them: what is a call, what it used, and what is not taken twice."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import pytest

from netra.datasets.dialects import DIALECTS
from netra.datasets.importer import FORMATS, MAPPED
from netra.errors import InvalidInput
from tests.datasets.test_importer import Outcome, read

Record = Mapping[str, Any]
Writer = Callable[[Sequence[Record]], str]


def as_lines(records: Sequence[Record]) -> str:
    return "\n".join(map(json.dumps, records))


def as_document(records: Sequence[Record]) -> str:
    return json.dumps(records, indent=1)


def as_page(records: Sequence[Record]) -> str:
    return json.dumps({"object": "page", "data": records, "has_more": False})


def as_table(records: Sequence[Record]) -> str:
    """As tools dump their tables: a member that is an object becomes JSON in a cell."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(name for record in records for name in record)))
    writer.writeheader()
    for record in records:
        writer.writerow({name: json.dumps(value) if isinstance(value, dict) else value for name, value in record.items()})
    return text.getvalue()


def taken(outcome: Outcome, *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row[column] for column in columns) for row in outcome.rows]


def counted(outcome: Outcome, words: str) -> int:
    """How many records a note speaks of; 0 without such a note."""
    return sum(int(note.split()[0]) for note in outcome.imported.notes if words in note)


def test_every_dialect_is_a_format_that_can_be_asked_for() -> None:
    assert {*MAPPED, *(dialect.name for dialect in DIALECTS)} == set(FORMATS)


# --- LiteLLM ------------------------------------------------------------------------------------------------------------

SPENT = {
    "request_id": "r1",
    "call_type": "acompletion",
    "spend": 0.015,
    "prompt_tokens": 120,
    "completion_tokens": 30,
    "startTime": "2026-01-01T10:00:00.500Z",
    "endTime": "2026-01-01T10:00:02Z",
    "model": "gpt-4o",
    "user": "default",
    "end_user": "ann",
    "session_id": "s1",
    "status": "success",
    "metadata": {"user_api_key_alias": "bot", "usage_object": {"prompt_tokens_details": {"cached_tokens": 64}}},
}
FAILED = {
    **SPENT,
    "request_id": "r2",
    "end_user": "",
    "spend": 0,
    "prompt_tokens": 0,
    "completion_tokens": 0,
    "status": "failure",
}


@pytest.mark.parametrize("write", [as_lines, as_document, as_table])
def test_litellm(write: Writer) -> None:
    outcome = read(write([SPENT, FAILED, {**SPENT, "spend": 0.02}]))
    assert outcome.imported.format == "litellm"
    assert taken(outcome, "input_tokens", "output_tokens", "cached_input_tokens", "user", "feature", "status", "cost_usd") == [
        (0, 0, 64, "default", "bot", "failed", 0.0),
        (120, 30, 64, "ann", "bot", "ok", 0.02),
    ]
    assert outcome.column("latency_ms") == [1500.0, 1500.0]
    assert counted(outcome, "repeat a call") == 1


# --- Langfuse -----------------------------------------------------------------------------------------------------------

OBSERVED = {
    "id": "o1",
    "traceId": "t1",
    "type": "GENERATION",
    "name": "answer",
    "startTime": "2026-01-01T00:00:00Z",
    "endTime": "2026-01-01T00:00:02Z",
    "model": "gpt-4o",
    "usageDetails": {"input": 90, "input_cached_tokens": 10, "output": 5, "output_reasoning_tokens": 2, "total": 107},
    "costDetails": {"total": 0.002},
    "level": "DEFAULT",
    "statusMessage": "",
}
SPAN = {**OBSERVED, "id": "o2", "type": "SPAN", "usageDetails": {}}
REFUSED = {**OBSERVED, "id": "o3", "level": "ERROR", "statusMessage": "rate limit", "usageDetails": {}}


@pytest.mark.parametrize("write", [as_lines, as_document, as_page, as_table])
def test_langfuse(write: Writer) -> None:
    outcome = read(write([OBSERVED, SPAN, REFUSED]))
    assert outcome.imported.format == "langfuse"
    assert taken(outcome, "input_tokens", "output_tokens", "cached_input_tokens", "session", "feature", "status") == [
        (100, 7, 10, "t1", "answer", "ok"),
        (0, 0, None, "t1", "answer", "rate limit"),
    ]
    assert taken(outcome, "latency_ms", "cost_usd")[0] == (2000.0, 0.002)
    assert counted(outcome, "no calls of a model") == 1


# --- OpenAI -------------------------------------------------------------------------------------------------------------

RESULT = {
    "object": "organization.usage.completions.result",
    "input_tokens": 1000,
    "output_tokens": 200,
    "input_cached_tokens": 300,
    "num_model_requests": 12,
    "model": "gpt-4o",
    "user_id": "u1",
    "project_id": "p1",
}


def test_openai_as_its_interface_answers() -> None:
    costs = {"object": "organization.costs.result", "amount": {"value": 1, "currency": "usd"}}
    buckets = [
        {"object": "bucket", "start_time": 1767225600, "end_time": 1767312000, "results": [RESULT, costs]},
        {"object": "bucket", "start_time": 1767312000, "end_time": 1767398400, "results": []},
    ]
    outcome = read(as_page(buckets))
    assert outcome.imported.format == "openai"
    assert taken(outcome, "at", "input_tokens", "output_tokens", "cached_input_tokens", "requests", "user", "feature") == [
        (datetime(2026, 1, 1), 1000, 200, 300, 12, "u1", "p1")  # noqa: DTZ001 - Parquet's own, in UTC
    ]
    assert counted(outcome, "no calls of a model") == 1
    assert any("stand for 12 requests" in note for note in outcome.imported.notes)


def test_openai_as_its_dashboard_exports() -> None:
    row = {**RESULT, "start_time": 1767225600, "project_name": "Shop", "user_email": "ann@example.com"}
    del row["object"]
    outcome = read(as_table([row]))
    assert outcome.imported.format == "openai"
    assert taken(outcome, "requests", "user", "feature") == [(12, "ann@example.com", "Shop")]


# --- Claude Code --------------------------------------------------------------------------------------------------------


def answered(message: str, output: int, **more: Any) -> Record:
    usage = {
        "input_tokens": 3,
        "cache_creation_input_tokens": 10,
        "cache_read_input_tokens": 100,
        "output_tokens": output,
    }
    body = {"id": message, "model": "claude-sonnet", "role": "assistant", "usage": usage}
    place = {"sessionId": "s1", "uuid": f"{message}-{output}", "requestId": "q1", "cwd": "/srv/shop"}
    return {"type": "assistant", "timestamp": "2026-01-01T00:00:01.123Z", "message": body, **place, **more}


def test_claude_code() -> None:
    asked = {"type": "user", "sessionId": "s1", "uuid": "u0", "timestamp": "2026-01-01T00:00:00Z", "message": {"content": "hi"}}
    synthetic = answered("m3", 0)
    synthetic = {**synthetic, "message": {**synthetic["message"], "model": "<synthetic>"}}
    outcome = read(
        as_lines([asked, answered("m1", 1), answered("m1", 50), answered("m2", 7, isApiErrorMessage=True), synthetic])
    )
    assert outcome.imported.format == "claude_code"
    assert taken(outcome, "input_tokens", "output_tokens", "cached_input_tokens", "feature", "session", "status", "line") == [
        (113, 50, 100, "shop", "s1", "ok", 3),
        (113, 7, 100, "shop", "s1", "failed", 4),
    ]
    assert counted(outcome, "no calls of a model") == 2
    assert counted(outcome, "repeat a call") == 1


# --- BurstGPT -----------------------------------------------------------------------------------------------------------


def test_burstgpt() -> None:
    outcome = read(
        "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
        "5.0,c1,3.5,ChatGPT,472,18,490,Conversation log\n"
        "100000,,1,GPT-4,10,0,10,API log\n"
        "100001,,1,GPT-4,ten,0,10,API log\n"
    )
    assert outcome.imported.format == "burstgpt"
    assert taken(outcome, "at", "input_tokens", "output_tokens", "latency_ms", "session", "feature", "status") == [
        (datetime(1970, 1, 1, 0, 0, 5), 472, 18, 3500.0, "c1", "Conversation log", "ok"),  # noqa: DTZ001 - Parquet's own
        (datetime(1970, 1, 2, 3, 46, 40), 10, 0, 1000.0, None, "API log", "failed"),  # noqa: DTZ001
    ]
    assert [(problem.line, problem.field, problem.value) for problem in outcome.imported.problems] == [
        (4, "input_tokens", "ten")
    ]


# --- OpenTelemetry ------------------------------------------------------------------------------------------------------


def span(number: int, operation: str, error: str | None = None, **facts: Any) -> Record:
    given = {"gen_ai.operation.name": operation, "gen_ai.request.model": "gpt-4o", "user.id": "ann", **facts}
    if error:
        given["error.type"] = error
    return {
        "traceId": "t1",
        "spanId": f"s{number}",
        "startTimeUnixNano": "1767225600000000000",
        "endTimeUnixNano": "1767225601500000000",
        "status": {"code": 2} if error else {},
        "attributes": [
            {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
            for key, value in given.items()
        ],
    }


def used(tokens: int) -> dict[str, Any]:
    return {"gen_ai.usage.input_tokens": tokens, "gen_ai.usage.output_tokens": 7}


def batch(*spans: Record) -> Record:
    service = {"key": "service.name", "value": {"stringValue": "shop"}}
    return {"resource": {"attributes": [service]}, "scopeSpans": [{"spans": list(spans[:1])}, {"spans": list(spans[1:])}]}


EMBEDDED: dict[str, Any] = {"gen_ai.usage.input_tokens": 9}
BATCHES = [
    batch(span(1, "chat", **used(100)), span(2, "invoke_agent", **used(100)), span(3, "execute_tool")),
    batch(span(4, "chat", "timeout"), span(5, "embeddings", **EMBEDDED), span(1, "chat", **used(100))),
]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"resourceSpans": BATCHES}),
        json.dumps({"resourceSpans": BATCHES}, indent=2),
        "\n".join(json.dumps({"resourceSpans": [each]}) for each in BATCHES),
    ],
    ids=["one line", "a document", "a line a batch"],
)
def test_opentelemetry(text: str) -> None:
    outcome = read(text)
    assert outcome.imported.format == "otlp"
    rows = taken(outcome, "input_tokens", "output_tokens", "status", "user", "feature", "latency_ms")
    assert sorted(rows) == [
        (0, 0, "timeout", "ann", "shop", 1500.0),
        (9, 0, "ok", "ann", "shop", 1500.0),
        (100, 7, "ok", "ann", "shop", 1500.0),
    ]
    assert counted(outcome, "no calls of a model") == 2
    assert counted(outcome, "repeat a call") == 1


def test_the_prompt_of_a_span_is_told_however_it_was_instrumented() -> None:
    messages = '[{"role":"user"}]'
    prompts: list[dict[str, Any]] = [
        {"gen_ai.input.messages": messages},
        {"gen_ai.input.messages": messages},
        {"gen_ai.input.messages": messages, "gen_ai.system_instructions": "Be short."},
        {"gen_ai.prompt.2.content": "b", "gen_ai.prompt.10.content": "c"},
        {"gen_ai.prompt.10.content": "c", "gen_ai.prompt.2.content": "b"},
        {"gen_ai.system_instructions": "Be short."},
        {},
    ]
    spans = [span(number, "chat", **used(100), **given) for number, given in enumerate(prompts)]
    found = read(json.dumps({"resourceSpans": [batch(*spans)]})).column("prompt")
    one, again, instructed, old, same, only_instructed, none = found
    assert (one, old) == (again, same)
    assert len({one, instructed, old}) == 3
    assert (only_instructed, none) == (None, None)


def test_what_litellm_writes_for_a_prompt_that_it_does_not_keep_is_none() -> None:
    kept = {"messages": [{"role": "user", "content": "hi"}]}
    texts: list[dict[str, Any]] = [kept, kept, {"messages": {}}, {"messages": [{"content": "redacted-by-litellm"}]}]
    for write in (as_lines, as_document):
        one, again, *none = read(write([{**SPENT, "request_id": f"r{n}", **each} for n, each in enumerate(texts)])).column(
            "prompt"
        )
        assert one == again is not None
        assert none == [None, None]


# --- Which one it is ----------------------------------------------------------------------------------------------------


def test_a_mapping_reads_a_known_log_by_its_columns_alone() -> None:
    outcome = read(as_table([SPENT]), {"user": "user"})
    assert outcome.imported.format == "csv"
    assert taken(outcome, "input_tokens", "user") == [(120, "default")]


def test_a_format_that_the_file_is_not_is_refused() -> None:
    with pytest.raises(InvalidInput, match="not what BurstGPT") as refused:
        read(as_table([SPENT]), file_format="burstgpt")
    assert refused.value.extra["field"] == "format"


def test_a_dialect_takes_no_mapping() -> None:
    with pytest.raises(InvalidInput, match="a mapping is for csv and jsonl"):
        read(as_table([SPENT]), {"user": "user"}, "litellm")
