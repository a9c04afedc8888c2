"""The events of a thread's log: one struct a type, exactly the `data` of the public contract.

A struct says what happened; where and when (`thread_id`, `run_id`, `seq`, `at`, `agent`) belongs to the envelope and is
added by the log. Every struct may carry `parent`, the agent that called the one who speaks.
"""

from typing import Any, ClassVar, Final

import msgspec


class EventData(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What every event may carry."""

    TYPE: ClassVar[str] = ""
    """The event's type on the wire."""

    TERMINAL: ClassVar[bool] = False
    """Whether a run ends with it. A run has exactly one such event, and nothing follows it."""

    parent: str | None = None


class RunQueued(EventData, frozen=True, kw_only=True):
    """A run was accepted. `position` counts the thread's live runs before it: 0 is next."""

    TYPE: ClassVar[str] = "run_queued"
    position: int


class AgentStarted(EventData, frozen=True, kw_only=True):
    """A worker took the run (or a sub-agent began). `plan` is the plan that the run keeps to its end, in this version."""

    TYPE: ClassVar[str] = "agent_started"
    input: str
    plan: str
    plan_version: int = 0
    """0: it was logged before plans had versions."""


class AgentThinking(EventData, frozen=True, kw_only=True):
    """What the agent is doing; `progress` from 0 to 1."""

    TYPE: ClassVar[str] = "agent_thinking"
    text: str
    step: str | None = None
    progress: float | None = None
    within: str | None = None
    """The `call_id` of the step or called agent during which it was thought."""


class MessageDelta(EventData, frozen=True, kw_only=True):
    """A piece of the answer's text. Pieces of one `message_id` are joined in order of `seq`."""

    TYPE: ClassVar[str] = "message_delta"
    message_id: str
    text: str
    within: str | None = None
    """The `call_id` of the step or called agent during which it was said."""


class ToolExecuting(EventData, frozen=True, kw_only=True):
    """A tool or a journaled step begins. Followed by exactly one `tool_completed` of the same `call_id`."""

    TYPE: ClassVar[str] = "tool_executing"
    call_id: str
    tool: str
    arguments: Any


class ToolCompleted(EventData, frozen=True, kw_only=True):
    """A tool or step ended, with its `result` when `ok`, else with `error`."""

    TYPE: ClassVar[str] = "tool_completed"
    call_id: str
    tool: str
    ok: bool
    result: Any = None
    error: Any = None
    duration_ms: float


class InputRequired(EventData, frozen=True, kw_only=True):
    """The run waits for its user. `schema` is a JSON Schema of the value that `answer` takes."""

    TYPE: ClassVar[str] = "input_required"
    request_id: str
    question: str
    schema: Any


class InputReceived(EventData, frozen=True, kw_only=True):
    """The user answered; the run goes on."""

    TYPE: ClassVar[str] = "input_received"
    request_id: str


class ReportReady(EventData, frozen=True, kw_only=True):
    """A report was stored and can be read under its id."""

    TYPE: ClassVar[str] = "report_ready"
    report_id: str
    title: str


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What the run's model calls took: tokens, and US dollars at list prices."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0
    """None: the price of some of it is not known."""


class AgentCompleted(EventData, frozen=True, kw_only=True):
    """The run (or a sub-agent) ended well."""

    TYPE: ClassVar[str] = "agent_completed"
    TERMINAL: ClassVar[bool] = True
    result: Any
    usage: Usage
    duration_ms: float


class AgentFailed(EventData, frozen=True, kw_only=True):
    """The run ended badly. `message` holds no secrets and no traces."""

    TYPE: ClassVar[str] = "agent_failed"
    TERMINAL: ClassVar[bool] = True
    code: str
    message: str


class AgentCancelled(EventData, frozen=True, kw_only=True):
    """The run was cancelled, `by` the user, an interrupting run or an operator."""

    TYPE: ClassVar[str] = "agent_cancelled"
    TERMINAL: ClassVar[bool] = True
    by: str


class PlanChanged(EventData, frozen=True, kw_only=True):
    """The account's plan changed; which tools that gained and lost."""

    TYPE: ClassVar[str] = "plan_changed"
    old: str
    new: str
    gained: list[str]
    lost: list[str]


EVENT_TYPES: Final[dict[str, type[EventData]]] = {struct.TYPE: struct for struct in EventData.__subclasses__()}
"""Every event there is, by its type on the wire."""

TERMINAL_TYPES: Final = frozenset(name for name, struct in EVENT_TYPES.items() if struct.TERMINAL)
