"""What an agent asks of its run's language model: to read, to write, to work with tools.

The model never decides how a run ends. Where it is away, slow, cut off, talks nonsense or does not want to answer, and where
the server has none, the agent gets what it would have said by itself, and a note that names why.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

from netra.models.calls import CallStatus

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ModelNote:
    """Why the words are not the model's, or not all of them."""

    code: str
    """For example `model_timed_out`."""
    text: str


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """What the model made of a text. None, with a note, when it made nothing of it; without a note: there is no model."""

    value: T | None
    notes: tuple[ModelNote, ...] = ()


@dataclass(frozen=True, slots=True)
class Prose:
    """A text that the user has been told."""

    text: str
    by_model: bool
    notes: tuple[ModelNote, ...] = ()


class Saying(Protocol):
    """How a text is told to the user: `RunContext.say`."""

    async def __call__(self, text: str, message_id: str | None = None) -> None: ...


class Talk(Protocol):
    """A model that is there; see `netra.models.conversation`. What it tells, it has told the user when it returns."""

    async def read(self, purpose: str, text: str, returns: type[T], task: str) -> Reading[T]: ...

    async def write(self, purpose: str, facts: Any, task: str) -> Prose: ...

    async def work(self, purpose: str, question: str, tools: Sequence[str], task: str, facts: Any) -> Prose: ...


class RunModel:
    """The language model as one run has it. Without a `conversation` there is none, and all is said as it would be without."""

    def __init__(self, say: Saying, conversation: Talk | None) -> None:
        self._say = say
        self._conversation = conversation

    @property
    def present(self) -> bool:
        """Whether there is a model to ask. It may be silent all the same."""
        return self._conversation is not None

    async def read(self, purpose: str, text: str, returns: type[T], task: str) -> Reading[T]:
        """Make a value of the type `returns` of what somebody wrote. `task` says what is wanted; `purpose` names the step."""
        if self._conversation is None:
            return Reading(None)
        return await self._conversation.read(purpose, text, returns, task)

    async def write(self, purpose: str, facts: Any, fallback: str, task: str) -> Prose:
        """Tell the user about `facts` in the model's words, sentence by sentence as they come.

        A sentence is told only when every number in it is in `facts`. The model may write the others once more; those that
        still state what is not there are left out, and noted. `fallback` is told when there is nothing else to tell,
        unless it is empty.
        """
        if self._conversation is None:
            return await self._told(fallback)
        prose = await self._conversation.write(purpose, facts, task)
        return prose if prose.by_model else await self._told(fallback, prose.notes)

    async def work(
        self, purpose: str, question: str, tools: Sequence[str], fallback: str, task: str, facts: Any = None
    ) -> Prose:
        """Answer `question` with the help of `tools`, called as the run's user, and tell the answer.

        Its numbers are checked against `facts` and what the tools gave, as those of `write` are.
        """
        if self._conversation is None:
            return await self._told(fallback)
        prose = await self._conversation.work(purpose, question, tools, task, facts)
        return prose if prose.by_model else await self._told(fallback, prose.notes)

    async def _told(self, text: str, notes: tuple[ModelNote, ...] = ()) -> Prose:
        if text:
            await self._say(text)
        return Prose(text, by_model=False, notes=notes)


WHY: Final[Mapping[CallStatus, str]] = {
    CallStatus.TIMED_OUT: "took longer than it may",
    CallStatus.RATE_LIMITED: "has been asked too often and wants to be left alone",
    CallStatus.UNREACHABLE: "cannot be reached",
    CallStatus.UNAVAILABLE: "is not well",
    CallStatus.CUT_OFF: "broke off in the middle",
    CallStatus.INVALID: "gave no answer that can be read",
    CallStatus.DECLINED: "does not want to answer",
    CallStatus.REJECTED: "does not take the request, perhaps because of its key",
    CallStatus.FAILED: "failed in a way that nobody foresaw",
    CallStatus.CANCELLED: "was not waited for",
}
"""What is said of a model that gave no answer."""


def silence(why: CallStatus) -> ModelNote:
    """The note for a model that gave no answer."""
    return ModelNote(f"model_{why}", f"The language model {WHY[why]}, so this was written without it.")


def corrections(rewritten: int, removed: int) -> tuple[ModelNote, ...]:
    """The notes for sentences that stated numbers which no result holds."""
    notes = []
    if rewritten:
        notes.append(ModelNote("figures_rewritten", f"{_sentences(rewritten)} what is in no result, and had it taken out."))
    if removed:
        notes.append(ModelNote("figures_removed", f"{_sentences(removed)} what is in no result, and was left out."))
    return tuple(notes)


def _sentences(count: int) -> str:
    # Without the count: it would be a number that no result holds, in a text that is checked for those.
    return f"{'One sentence' if count == 1 else 'Several sentences'} of the language model stated"
