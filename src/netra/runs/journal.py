"""What a run has already done, read out of its own log. No I/O.

A run that is claimed again executes its agent from the first line. Whatever the log already holds is not done again: a
completed call gives its logged result, a thought or a piece of text that was already said is passed over. So the log of a run
that died anywhere and was resumed is the log of a run that never died, as far as the agent does the same thing twice.
What decides differently each time it is asked (a model, a clock, a random number) belongs inside a step.

The same `note` serves both: events of the log when a run resumes, and each new event as it is written. What the journal holds
is always what the log holds.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from netra.events.codec import Event
from netra.events.model import (
    EVENT_TYPES,
    AgentCancelled,
    AgentThinking,
    EventData,
    InputReceived,
    InputRequired,
    MessageDelta,
    ReportReady,
    ToolCompleted,
    ToolExecuting,
)

Entry = tuple[str | None, EventData]
"""One event as the journal takes it: the agent who speaks, and what it says."""

Speaker = tuple[str | None, str | None]
"""Who says it, and who called them: (`agent`, `data.parent`)."""

SUB_AGENT: Final = "agent:"
"""What the name of a tool begins with when the call is of another agent."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended."""

    ok: bool
    result: Any
    error: Any


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A call that has begun and not ended."""

    call_id: str
    tool: str
    speaker: Speaker


@dataclass(slots=True)
class Journal:
    """What one run's log holds, in the shape in which a resumed run asks for it."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    open: dict[str, OpenCall] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    answered: set[str] = field(default_factory=set)
    reports: set[str] = field(default_factory=set)
    asked_a_model: bool = False
    """Whether the run may have taken something of a language model: this attempt has, or there was an earlier one."""
    _thoughts: Counter[str | None] = field(default_factory=Counter)
    """By the call within which they were thought: what a completed call thought is not thought again, nor waited for."""
    _said: dict[tuple[str | None, str], str] = field(default_factory=dict)

    @classmethod
    def of(cls, events: Iterable[Entry]) -> "Journal":
        """Read a run's events, oldest first, each with the agent who speaks."""
        # A request is noted apart from the log, so that the log cannot say there was none.
        journal = cls(asked_a_model=True)
        for agent, data in events:
            journal.note(agent, data)
            match data:
                case AgentThinking():
                    journal._thoughts[data.within] += 1
                case MessageDelta():
                    message = data.within, data.message_id
                    journal._said[message] = journal._said.get(message, "") + data.text
        return journal

    def note(self, agent: str | None, data: EventData) -> None:
        """Take in one event that is in the log, or is about to be."""
        match data:
            case ToolExecuting():
                self.open[data.call_id] = OpenCall(data.call_id, data.tool, (agent, data.parent))
            case ToolCompleted():
                self.open.pop(data.call_id, None)
                self.outcomes[data.call_id] = Outcome(data.ok, data.result, data.error)
            case InputRequired():
                self.asked.add(data.request_id)
            case InputReceived():
                self.answered.add(data.request_id)
            case ReportReady():
                self.reports.add(data.report_id)

    def begun(self, call_id: str) -> bool:
        """Whether the log says that this call began."""
        return call_id in self.open or call_id in self.outcomes

    def thought_before(self, within: str | None) -> bool:
        """Whether the next thought within this call is in the log already. Each yes uses one up."""
        if self._thoughts[within] == 0:
            return False
        self._thoughts[within] -= 1
        return True

    def unsaid(self, within: str | None, message_id: str, text: str) -> str:
        """The part of the next `text` of a message that the log does not hold already."""
        before = self._said.get((within, message_id), "")
        if not before:
            return text
        # By length, not by comparison: what was shown cannot be taken back, whatever the agent says this time.
        self._said[within, message_id] = before[len(text) :]
        return text[len(before) :]

    def closing(self, by: str) -> Iterator[Entry]:
        """The events that end what is still open, innermost first: nothing begins in a log and never ends."""
        for call in reversed(self.open.values()):
            agent, parent = call.speaker
            if call.tool.startswith(SUB_AGENT):
                child = call.tool.removeprefix(SUB_AGENT)
                yield child, AgentCancelled(by=by, parent=agent)
            yield (
                agent,
                ToolCompleted(
                    call_id=call.call_id,
                    tool=call.tool,
                    ok=False,
                    error={"code": "interrupted", "message": "the run ended before this did."},
                    duration_ms=0.0,
                    parent=parent,
                ),
            )


class _Spoken(msgspec.Struct):
    agent: str | None
    data: msgspec.Raw


def entry(event: Event) -> Entry:
    """An event of the log as the journal takes it."""
    spoken = msgspec.json.decode(event.wire, type=_Spoken)
    return spoken.agent, decode(event.type, spoken.data)


def decode(kind: str, body: bytes | memoryview | msgspec.Raw) -> EventData:
    """The struct of an event's data."""
    return msgspec.json.decode(body, type=EVENT_TYPES[kind])
