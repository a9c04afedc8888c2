"""One run of a hosted agent: what its model says and its tools do, as the events and journaled steps of a run.

A framework calls its model and its tools; both become steps here. So a restart begins the framework from its beginning, and
hands it from the log what it has been answered already: it comes to the same place without asking or doing anything twice.
"""

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Annotated, Any, Final

from pydantic import Field

from netra.agents.context import Context
from netra.agents.definition import NAME, Agent, InvalidAgent
from netra.agents.shape import Shape, jsonable
from netra.errors import NetraError
from netra.hosting.requests import CalledModel, ModelRequests, Taken
from netra.models.calls import CallStatus
from netra.runs.failure import StepFailed

Prompt = Annotated[str, Field(min_length=1, max_length=200_000, description="What to ask of the agent.")]
"""What an agent takes that is talked to: the user's words."""

MODEL: Final = "model"
"""The name of the step in which a model is asked."""

WHOLE_THOUGHT: Final = 400
"""Characters of reasoning after which a thought ends with its sentence; a reader is not to wait for all of it."""

LONGEST_THOUGHT: Final = 16 * 1024
"""Characters of a thought that has no sentence in it."""

APPROVAL: Final[Mapping[str, Any]] = {"type": "boolean", "title": "Approve"}
"""The schema of a question whose answer is yes or no."""

_current: ContextVar[Context] = ContextVar("netra_hosted_run")


class OutsideRun(NetraError):
    """There is no run here: only what a hosted agent calls while it executes can ask for it."""

    code = "outside_run"


def current() -> Context:
    """The run that the calling code works for, in tools and nodes of a hosted agent. Raises `OutsideRun`."""
    try:
        return _current.get()
    except LookupError:
        raise OutsideRun from None


@contextmanager
def working_for(ctx: Context) -> Iterator[None]:
    """Let `current` give this run to all that is called meanwhile."""
    token = _current.set(ctx)
    try:
        yield
    finally:
        _current.reset(token)


def hosted(name: str, description: str | None, takes: Any, gives: Any, work: Callable[[Context, Any], Awaitable[Any]]) -> Agent:
    """The agent that does `work` on an input of the type `takes`. Raises `InvalidAgent`."""
    if NAME.fullmatch(name) is None:
        raise InvalidAgent(f"{name!r} cannot be the name of an agent: lower case letters, digits, _ and -, at most 64.")

    async def function(ctx: Context, given: Any) -> Any:
        with working_for(ctx):
            return await work(ctx, given)

    shape = Shape(takes)
    return Agent(name, " ".join((description or "").split()), function, shape, Shape(gives), shape.schema())


class Voice:
    """What a model says while it answers: its text at once, its reasoning as thoughts of whole sentences."""

    def __init__(self, ctx: Context, message_id: str) -> None:
        self._ctx = ctx
        self._message_id = message_id
        self._thought = ""

    async def say(self, text: str) -> None:
        """Stream a piece of the answer."""
        if text:
            await self.finish_thought()
            await self._ctx.say(text, self._message_id)

    async def think(self, text: str) -> None:
        """Take a piece of reasoning."""
        self._thought += text
        while (end := _end_of_thought(self._thought)) is not None:
            whole, self._thought = self._thought[:end], self._thought[end:]
            await self._think(whole)

    async def finish_thought(self) -> None:
        """Tell what has gathered of the reasoning."""
        whole, self._thought = self._thought, ""
        await self._think(whole)

    async def _think(self, whole: str) -> None:
        if whole.strip():
            await self._ctx.think(whole.strip())


class HostedRun:
    """The steps of one run of a hosted agent."""

    def __init__(self, ctx: Context, requests: ModelRequests) -> None:
        self.ctx = ctx
        self.requests = requests
        self._used: Counter[str] = Counter()

    async def ask_model(
        self,
        model: CalledModel,
        ask: Callable[[Voice], Awaitable[Any]],
        taken: Callable[[Any], Taken | None],
        status: Callable[[BaseException | None], CallStatus],
    ) -> Any:
        """Ask a model once; `ask` gives its answer as JSON, `taken` what such an answer took, and `status` how a request ended
        for which the framework raises this.

        What `ask` lets the voice say while a process dies is not said again by the next.
        """
        voice = self.voice(self.place(MODEL))

        async def work() -> Any:
            async with self.requests.one(model, status) as request:
                answer = await ask(voice)
                request.taken = taken(answer)
            await voice.finish_thought()
            return answer

        return await self.ctx.step(MODEL, work, arguments={"model": model.name})

    def voice(self, message: str) -> Voice:
        """Who says this message of the run."""
        return Voice(self.ctx, f"{self.ctx.run_id}:{message}")

    async def do(self, name: str, key: str, arguments: Any, fn: Callable[[], Awaitable[Any]]) -> Any:
        """Do what a tool or a node does, once it is in the log never again. `key` says which of the calls of that name.

        Frameworks number calls by what their models say, which may repeat itself: the k-th call of a key is its own.
        """
        return await self.ctx.step(name, fn, key=self.place(key), arguments=arguments)

    async def call_tool(self, name: str, key: str, arguments: Mapping[str, Any]) -> Any:
        """Call a tool of this server for the model, through the gate of all tools. A refusal is told to the model."""
        try:
            return await self.ctx.tools.call_as(self.place(key), name, arguments)
        except StepFailed as error:
            return {"error": error.failure.as_json()}

    async def approve(self, tool: str, arguments: Any) -> bool:
        """Ask the user whether a tool may be called. Only a yes is one."""
        shown = json.dumps(jsonable(arguments, f"the arguments of {tool}"), ensure_ascii=False)
        return await self.ctx.ask(f"May {tool} be called with {shown}?", APPROVAL) is True

    def place(self, key: str) -> str:
        """`key`, told apart from its uses before."""
        self._used[key] += 1
        return key if self._used[key] == 1 else f"{key}.{self._used[key]}"


def as_object(arguments: str) -> Any:
    """The arguments of a call as the log shows them: the object that their text is, or the text."""
    try:
        return json.loads(arguments) if arguments else {}
    except ValueError:
        return arguments


def _end_of_thought(text: str) -> int | None:
    """Where the thought ends that `text` begins with, or None while more may come."""
    if len(text) >= LONGEST_THOUGHT:
        return LONGEST_THOUGHT
    if len(text) < WHOLE_THOUGHT:
        return None
    ends = [text.find(mark, WHOLE_THOUGHT) for mark in (". ", "\n")]
    found = [end for end in ends if end >= 0]
    return min(found) + 1 if found else None
