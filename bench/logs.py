"""Usage logs of any length in every format that a dataset may come in: invented, and the same every time.

    python -m bench.logs FORMAT ROWS FILE

What is imitated is what makes an import work: ids that are all different where the format has ids, hundreds of users and
sessions, texts of the length that the tools write, and one row in a thousand that cannot be used.
"""

import argparse
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final

BEGIN: Final = datetime(2026, 5, 4, tzinfo=UTC)
MODELS: Final = ("gpt-4o", "gpt-4o-mini", "claude-sonnet-4-5", "gemini-2.5-flash")
BAD_EVERY: Final = 1000
"""One row in so many has tokens that are no number."""
SPANS_A_LINE: Final = 8
"""What an exporter of OpenTelemetry gathers before it writes a line."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a model."""

    number: int

    @property
    def at(self) -> datetime:
        return BEGIN + timedelta(milliseconds=400 * self.number)

    @property
    def ended(self) -> datetime:
        return self.at + timedelta(milliseconds=self.latency_ms)

    @property
    def input_tokens(self) -> int | str:
        return "many" if self.number % BAD_EVERY == BAD_EVERY - 1 else 200 + self.number * 7919 % 15_000

    @property
    def output_tokens(self) -> int:
        return 1 + self.number * 104_729 % 1_200

    @property
    def latency_ms(self) -> int:
        return 150 + self.output_tokens * 12

    @property
    def model(self) -> str:
        return MODELS[self.number * 31 % 4]

    @property
    def user(self) -> str:
        return f"user-{self.number * 37 % 400}"

    @property
    def feature(self) -> str:
        return f"feature-{self.number * 11 % 20}"

    @property
    def session(self) -> str:
        return f"session-{self.number // 12}"

    @property
    def id(self) -> str:
        """As random as the ids that tools give: neighbours have nothing in common."""
        return f"{self.number * 0x9E3779B97F4A7C15 % 2**64:016x}"


def _instant(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _csv(calls: Iterable[Call]) -> Iterator[str]:
    yield "timestamp,model,user_id,feature,prompt_tokens,completion_tokens,latency_ms\n"
    for c in calls:
        at = _instant(c.at)
        yield f"{at},{c.model},{c.user},{c.feature},{c.input_tokens},{c.output_tokens},{c.latency_ms}\n"


def _azure(calls: Iterable[Call]) -> Iterator[str]:
    yield "TIMESTAMP,ContextTokens,GeneratedTokens\n"
    for c in calls:
        yield f"{c.at:%Y-%m-%d %H:%M:%S.%f}0,{c.input_tokens},{c.output_tokens}\n"


def _burstgpt(calls: Iterable[Call]) -> Iterator[str]:
    yield "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
    for c in calls:
        seconds, took = 0.4 * c.number, c.latency_ms / 1000
        yield f"{seconds:.1f},{c.session},{took},ChatGPT,{c.input_tokens},{c.output_tokens},0,Conversation log\n"


def _openai(calls: Iterable[Call]) -> Iterator[str]:
    yield "start_time,end_time,num_model_requests,input_tokens,output_tokens,input_cached_tokens,model,project_id,user_email\n"
    for c in calls:
        begins = int(c.at.timestamp()) // 60 * 60
        tokens = f"{c.input_tokens},{c.output_tokens},{c.number % 200}"
        yield f"{begins},{begins + 60},{1 + c.number % 9},{tokens},{c.model},proj-{c.feature},{c.user}@example.com\n"


def _lines(record: Callable[[Call], Mapping[str, Any]]) -> Callable[[Iterable[Call]], Iterator[str]]:
    return lambda calls: (json.dumps(record(call)) + "\n" for call in calls)


def _document(record: Callable[[Call], Mapping[str, Any]]) -> Callable[[Iterable[Call]], Iterator[str]]:
    """One array over the whole file."""

    def write(calls: Iterable[Call]) -> Iterator[str]:
        records = (json.dumps(record(call)) for call in calls)
        return chain(["[", next(records)], (",\n" + text for text in records), ["]\n"])

    return write


def _object(c: Call) -> Mapping[str, Any]:
    return {
        "created_at": _instant(c.at),
        "model": c.model,
        "usage": {"prompt_tokens": c.input_tokens, "completion_tokens": c.output_tokens},
        "metadata": {"user_id": c.user, "feature": c.feature},
        "duration_ms": c.latency_ms,
    }


def _litellm(c: Call) -> Mapping[str, Any]:
    return {
        "request_id": f"chatcmpl-{c.id}",
        "call_type": "acompletion",
        "api_key": "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b",
        "spend": round(c.output_tokens * 1.5e-5, 8),
        "total_tokens": 1000,
        "prompt_tokens": c.input_tokens,
        "completion_tokens": c.output_tokens,
        "startTime": _instant(c.at),
        "endTime": _instant(c.ended),
        "model": c.model,
        "model_group": c.model,
        "user": "default_user_id",
        "end_user": c.user,
        "session_id": c.session,
        "status": "success",
        "metadata": {"user_api_key_alias": c.feature, "usage_object": {"prompt_tokens_details": {"cached_tokens": 64}}},
        "cache_hit": "False",
        "request_tags": [],
    }


def _langfuse(c: Call) -> Mapping[str, Any]:
    return {
        "id": c.id,
        "traceId": f"{c.session}-{c.id[:4]}",
        "type": "GENERATION",
        "name": c.feature,
        "startTime": _instant(c.at),
        "endTime": _instant(c.ended),
        "model": c.model,
        "userId": c.user,
        "sessionId": c.session,
        "level": "DEFAULT",
        "usageDetails": {"input": c.input_tokens, "output": c.output_tokens, "total": 1000},
        "costDetails": {"input": 0.001, "output": 0.002, "total": 0.003},
        "latency": c.latency_ms / 1000,
    }


def _claude_code(c: Call) -> Mapping[str, Any]:
    usage = {"input_tokens": c.input_tokens, "cache_read_input_tokens": 900, "cache_creation_input_tokens": 10}
    return {
        "parentUuid": f"p-{c.id}",
        "isSidechain": False,
        "cwd": f"/home/someone/{c.feature}",
        "sessionId": c.session,
        "version": "2.0.1",
        "type": "assistant",
        "uuid": f"u-{c.id}",
        "timestamp": _instant(c.at),
        "requestId": f"req-{c.id}",
        "message": {
            "id": f"msg-{c.id}",
            "type": "message",
            "role": "assistant",
            "model": c.model,
            "content": [{"type": "text", "text": "A sentence of an answer, repeated. " * 3}],
            "usage": {**usage, "output_tokens": c.output_tokens},
        },
    }


def _span(c: Call) -> Mapping[str, Any]:
    def attribute(key: str, value: object) -> Mapping[str, Any]:
        return {"key": key, "value": {"intValue" if isinstance(value, int) else "stringValue": str(value)}}

    facts = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": c.model,
        "gen_ai.response.model": c.model,
        "gen_ai.usage.input_tokens": c.input_tokens,
        "gen_ai.usage.output_tokens": c.output_tokens,
        "gen_ai.conversation.id": c.session,
        "user.id": c.user,
    }
    begins, ends = (int(at.timestamp() * 1000) * 1_000_000 for at in (c.at, c.ended))
    return {
        "traceId": c.id + c.id[::-1],
        "spanId": c.id,
        "name": f"chat {c.model}",
        "kind": 3,
        "startTimeUnixNano": str(begins),
        "endTimeUnixNano": str(ends),
        "attributes": [attribute(key, value) for key, value in facts.items()],
        "status": {},
    }


def _otlp(calls: Iterable[Call]) -> Iterator[str]:
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    calls = iter(calls)
    while some := list(islice(calls, SPANS_A_LINE)):
        scopes = [{"scope": {"name": "instrumentation"}, "spans": [_span(call) for call in some]}]
        yield json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": scopes}]}) + "\n"


FORMATS: Final[Mapping[str, Callable[[Iterable[Call]], Iterator[str]]]] = {
    "csv": _csv,
    "jsonl": _lines(_object),
    "otlp": _otlp,
    "litellm": _document(_litellm),
    "langfuse": _lines(_langfuse),
    "openai": _openai,
    "claude_code": _lines(_claude_code),
    "azure": _azure,
    "burstgpt": _burstgpt,
}
"""How each format is written. LiteLLM's is one JSON document, as its interface answers."""


def write(name: str, rows: int, target: Path) -> None:
    """Write a log of so many calls. Blocks, for a minute where there are millions."""
    with target.open("w", encoding="utf-8", newline="\n", buffering=1 << 20) as file:
        file.writelines(FORMATS[name](map(Call, range(rows))))


def main() -> None:
    """Write one log."""
    parser = argparse.ArgumentParser(prog="python -m bench.logs", description=__doc__.partition("\n")[0])
    parser.add_argument("format", choices=FORMATS)
    parser.add_argument("rows", type=int)
    parser.add_argument("file", type=Path)
    given = parser.parse_args()
    write(given.format, given.rows, given.file)


if __name__ == "__main__":
    main()
