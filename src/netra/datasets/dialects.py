"""The usage logs of tools that many people have, each read as its makers wrote it.

A dialect says by which columns it is recognised, and `dialects.sql` says how one of its records becomes a call: where the
tokens are, which records are no calls of a model, what counts as a failure, and what makes two records one. A file of no
dialect is read by the mapping of its columns (`netra.datasets.mapping`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from netra.db.sql import NamedQueries

SQL: Final = NamedQueries("netra.datasets", "dialects.sql")
MACROS: Final = (
    "define_total",
    "define_milliseconds",
    "define_passed_time",
    "define_kinds",
    "define_attributes",
    "define_numbered",
)
"""What the dialects share; each `call` stands on them."""

CALL_TEXTS: Final = ("prompt", "cached_input_tokens")
"""What can be read of a call as it stands in the file, beside the columns of the file."""

Container = Literal["table", "object"]
"""How the records stand in a file: as rows under a header, or as JSON objects."""


@dataclass(frozen=True, slots=True)
class Form:
    """One of the ways in which a dialect is written."""

    container: Container
    columns: tuple[str, ...]
    """What such a file has, nested ones dotted: all of them. They are as few as tell it from everything else."""
    query: str
    """Of `dialects.sql`: the view `call`."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one tool writes its usage log."""

    name: str
    """As a request names it: `format=…`."""
    title: str
    forms: tuple[Form, ...]
    sources: Mapping[str, str]
    """Canonical column to what it comes from, for people."""
    identified: bool = False
    """Whether its records have an identity; of one identity the last counts."""
    told: tuple[str, ...] = ()
    """Of `CALL_TEXTS`, those that its calls have and that may stand in no column of the file by themselves."""
    notes: tuple[str, ...] = ()
    """What a reader of a report has to know of every such file."""

    def form(self, container: Container, columns: Sequence[str]) -> Form | None:
        """How a file with these columns is written; None when it is none of this dialect."""
        return next((form for form in self.forms if form.container == container and set(form.columns) <= set(columns)), None)


def _everywhere(query: str, *columns: str) -> tuple[Form, ...]:
    return Form("table", columns, query), Form("object", columns, query)


DIALECTS: Final = (
    Dialect(
        "otlp",
        "OpenTelemetry: OTLP JSON with the conventions for generative AI",
        (
            Form("object", ("resourceSpans",), "define_otlp_call"),
            Form("object", ("resource", "scopeSpans"), "define_otlp_call"),
        ),
        {
            "at": "startTimeUnixNano",
            "input_tokens": "gen_ai.usage.input_tokens",
            "output_tokens": "gen_ai.usage.output_tokens",
            "model": "gen_ai.response.model",
            "user": "user.id",
            "feature": "service.name",
            "latency_ms": "endTimeUnixNano − startTimeUnixNano",
            "cached_input_tokens": "gen_ai.usage.cache_read.input_tokens",
            "session": "gen_ai.conversation.id",
            "status": "status.code, error.type",
            "prompt": "gen_ai.system_instructions, gen_ai.input.messages, gen_ai.prompt",
        },
        identified=True,
        told=CALL_TEXTS,
    ),
    Dialect(
        "litellm",
        "LiteLLM: spend logs",
        _everywhere("define_litellm_call", "request_id", "call_type", "spend", "prompt_tokens", "completion_tokens"),
        {
            "at": "startTime",
            "input_tokens": "prompt_tokens",
            "output_tokens": "completion_tokens",
            "model": "model",
            "user": "end_user, user",
            "feature": "metadata.user_api_key_alias, team_id",
            "latency_ms": "endTime − startTime",
            "cost_usd": "spend",
            "cached_input_tokens": "metadata.usage_object.prompt_tokens_details.cached_tokens",
            "session": "session_id",
            "status": "status",
            "prompt": "messages",
        },
        identified=True,
        told=("cached_input_tokens",),
    ),
    Dialect(
        "langfuse",
        "Langfuse: observations",
        (
            *_everywhere("define_langfuse_call", "id", "traceId", "startTime", "usageDetails"),
            *_everywhere("define_langfuse_call", "id", "traceId", "startTime", "inputUsage"),
            *_everywhere("define_langfuse_call", "id", "traceId", "startTime", "promptTokens"),
            Form("object", ("id", "traceId", "startTime", "usage.input"), "define_langfuse_call"),
        ),
        {
            "at": "startTime",
            "input_tokens": "usageDetails: every kind of input",
            "output_tokens": "usageDetails: every kind of output",
            "model": "model",
            "user": "userId",
            "feature": "traceName, name",
            "latency_ms": "latency, endTime − startTime",
            "cost_usd": "costDetails.total, totalCost",
            "cached_input_tokens": "usageDetails: cached input",
            "session": "sessionId, traceId",
            "status": "level, statusMessage",
            "prompt": "input",
        },
        identified=True,
        told=("cached_input_tokens",),
    ),
    Dialect(
        "openai",
        "OpenAI: usage of an organisation",
        (
            Form("table", ("num_model_requests", "input_tokens", "output_tokens", "model"), "define_openai_table_call"),
            Form("object", ("start_time", "results"), "define_openai_bucket_call"),
            Form("object", ("num_model_requests", "input_tokens", "output_tokens", "model"), "define_openai_table_call"),
        ),
        {
            "at": "start_time",
            "input_tokens": "input_tokens",
            "output_tokens": "output_tokens",
            "model": "model",
            "user": "user_email, user_id",
            "feature": "project_name, project_id, api_key_id",
            "cached_input_tokens": "input_cached_tokens",
            "requests": "num_model_requests",
        },
        told=("cached_input_tokens",),
    ),
    Dialect(
        "claude_code",
        "Claude Code: session logs",
        (Form("object", ("sessionId", "uuid", "message.usage"), "define_claude_code_call"),),
        {
            "at": "timestamp",
            "input_tokens": "message.usage: input_tokens + cache_creation_input_tokens + cache_read_input_tokens",
            "output_tokens": "message.usage.output_tokens",
            "model": "message.model",
            "feature": "cwd, its last folder",
            "cost_usd": "costUSD",
            "cached_input_tokens": "message.usage.cache_read_input_tokens",
            "session": "sessionId",
            "status": "isApiErrorMessage",
        },
        identified=True,
    ),
    Dialect(
        "burstgpt",
        "BurstGPT: traces",
        (Form("table", ("Timestamp", "Model", "Request tokens", "Response tokens", "Log Type"), "define_burstgpt_call"),),
        {
            "at": "Timestamp",
            "input_tokens": "Request tokens",
            "output_tokens": "Response tokens",
            "model": "Model",
            "feature": "Log Type",
            "latency_ms": "Elapsed time",
            "session": "Session ID",
            "status": "Response tokens",
        },
        notes=("The times count from the first midnight of the trace, which is shown as that of 1 January 1970.",),
    ),
)
"""Every dialect, in the order in which a file is tried."""


def recognised(container: Container, columns: Sequence[str]) -> Dialect | None:
    """The dialect of a file with these columns."""
    return next((dialect for dialect in DIALECTS if dialect.form(container, columns)), None)
