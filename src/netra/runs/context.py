"""What one executing run can do to the world: think, say, step, effect, ask, report, call an agent. All of it is in the log.

The context knows the journal and the pen, and through `Record` what only a claimed run may do. It knows neither SQL nor who
executes it, so the law that a resumed run writes the same log can be tested without either.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol, TypeVar
from uuid import uuid5

from netra.clock import Clock
from netra.errors import InvalidInput, Unavailable
from netra.events.codec import Draft, draft, encode
from netra.events.model import (
    AgentCompleted,
    AgentFailed,
    AgentStarted,
    AgentThinking,
    EventData,
    InputRequired,
    MessageDelta,
    ReportReady,
    ToolCompleted,
    ToolExecuting,
    Usage,
)
from netra.ids import PlanId, ReportId, RunId, ThreadId, UserId
from netra.runs.failure import Failure, StepFailed, explain
from netra.runs.journal import SUB_AGENT, Journal, Outcome
from netra.runs.payload import as_text
from netra.runs.pen import GATHERED, Pen, RunOver
from netra.runs.veil import Veil
from netra.streams.log import Fenced
from netra.streams.streams import Transaction

T = TypeVar("T")

Effect = Callable[[Transaction, str], Awaitable[Any]]
"""What happens exactly once: statements in the user's own transaction, and a JSON-able result. It is told the call's id."""

LONGEST_THOUGHT: Final = 16 * 1024
"""Characters of one `think`, of a question, of a title."""

LONGEST_SAID: Final = 1024 * 1024
"""Characters of one `say`; it becomes as many events as it takes."""

LONGEST_NAME: Final = 200
"""Characters of the name of a step, a message, a call."""

LARGEST_REPORT: Final = 4 * 1024 * 1024
"""Bytes of a report as JSON. It is a row of its own and travels through no socket."""

SUMMARY: Final = 500
"""Characters of the input that `agent_started` shows."""

NOBODYS_FAULT: Final = (Fenced, RunOver, Unavailable)
"""What says that this run is over here, or that Netra itself is in trouble. It is not logged as the fault of a step."""


class Record(Protocol):
    """What a run may do only while it is claimed."""

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked for the end of the run."""
        ...

    async def commit(self, work: Callable[[Transaction], Awaitable[T]], agent: str, tell: Callable[[T], EventData]) -> T:
        """Do `work` and log what `tell` makes of its result in the agent's name, both or neither. The journal is told."""
        ...

    async def park(self, request_id: str, event: Draft) -> None:
        """Append the question and let go of the run. Does not return: the run goes on elsewhere, with the answer."""
        ...


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What does not change while a run executes. `answers` is what its user has answered so far, by request."""

    user_id: UserId
    user_name: str
    thread_id: ThreadId
    run_id: RunId
    plan: PlanId
    attempt: int
    input: Any
    answers: Mapping[str, Any]


# The call within which the present task works. Ids of calls are counted, and thoughts remembered, by it: a completed call is
# not executed again, and so takes along what was done within it.
_within: ContextVar[str | None] = ContextVar("netra_within_call", default=None)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who called this agent within its run. The counts, the lock and the veil are the run's, shared by all who work in it."""

    name: str | None = None
    scope: str = ""
    """What the ids of its messages begin with."""
    calls: Counter[str] = field(default_factory=Counter)
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    veil: Veil = field(default_factory=Veil)


class RunContext:
    """One run, or one agent called within it, as the executing code sees it."""

    def __init__(
        self,
        facts: RunFacts,
        agent: str,
        journal: Journal,
        pen: Pen,
        record: Record,
        clock: Clock,
        caller: Caller | None = None,
    ) -> None:
        self.facts = facts
        self.agent = agent
        self._journal = journal
        self._pen = pen
        self._record = record
        self._clock = clock
        self._caller = caller or Caller()
        self._veil = self._caller.veil
        self.parent = self._caller.name

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked for the end of this run. A coroutine is also told by `asyncio.CancelledError`."""
        return self._record.cancelled

    def conceal(self, values: Iterable[str]) -> None:
        """Mask these values in all that the run writes from now on, whoever works in it, and in what the present task logs."""
        self._veil.conceal(values)

    def conceals(self, text: str) -> bool:
        """Whether `text` holds something that this run masks: for whoever writes it in a form that cannot be masked."""
        return self._veil.text(text) != text

    def asks_a_model(self) -> None:
        """Have the run's end say what it took of language models. To be called before each request is noted."""
        self._journal.asked_a_model = True

    async def think(self, text: str, step: str | None = None, progress: float | None = None) -> None:
        """Tell the user what is going on; `progress` from 0 to 1."""
        text = self._veil.text(as_text(text, "a thought", LONGEST_THOUGHT))
        if step is not None:
            step = self._veil.text(as_text(step, "the step of a thought", LONGEST_NAME))
        if progress is not None and not 0 <= progress <= 1:
            raise InvalidInput(f"progress is a number from 0 to 1, not {progress}.", field="progress")
        within = _within.get()
        if self._journal.thought_before(within):
            return
        await self._pen.room()
        self._write(AgentThinking(text=text, step=step, progress=progress, within=within, parent=self.parent))

    async def say(self, text: str, message_id: str | None = None) -> None:
        """Stream a piece of the answer. Pieces of one message are joined; without an id, all go to the run's one message."""
        given = as_text(message_id or str(self.facts.run_id), "a message's id", LONGEST_NAME)
        name = self._caller.scope + self._veil.name(given, "a message's id")
        within = _within.get()

        def make(gathered: str) -> Draft:
            return self._draft(MessageDelta(message_id=name, text=gathered, within=within, parent=self.parent))

        def show(held: str) -> None:
            if rest := self._journal.unsaid(within, name, held):
                self._pen.say((within, name), rest, make)

        shown = self._veil.say(within, name, as_text(text, "a message", LONGEST_SAID), show)
        rest = self._journal.unsaid(within, name, shown)
        for start in range(0, len(rest), GATHERED):
            await self._pen.room()
            self._pen.say((within, name), rest[start : start + GATHERED], make)

    async def step(
        self, name: str, fn: Callable[..., Awaitable[Any]], *args: Any, arguments: Any = None, key: str | None = None
    ) -> Any:
        """Do `fn(*args)` and keep its JSON-able result in the log: a restart takes it from there.

        At least once: when the process dies inside `fn`, the next attempt does it again. `arguments` is what the log shows.
        The k-th step of a name is `name#k`. Steps of one name that run side by side are told apart by `key`, because
        which of them comes first may differ the next time. Raises `StepFailed`, now and on every replay.
        """
        return await self.call(name, {} if arguments is None else arguments, lambda _: fn(*args), key=key)

    async def call(self, tool: str, arguments: Any, fn: Callable[[str], Awaitable[Any]], *, key: str | None = None) -> Any:
        """A `step` under the name of a tool. `fn` is given the call's id, the same in every attempt."""
        call_id = self._call_id(tool, key)
        if (outcome := self._journal.outcomes.get(call_id)) is not None:
            return _replay(tool, outcome)
        call = await self._begin(call_id, tool, arguments)
        async with self._failing(call):
            with self._working_within(call_id):
                result = self._veil.value(await fn(call_id), f"the result of {tool}")
        self._write(self._completed(call, result=result))
        await self._pen.settle()
        return result

    async def effect(self, name: str, fn: Effect, *, arguments: Any = None, key: str | None = None) -> Any:
        """Do `fn(transaction, call_id)` exactly once: its rows and the log's word that it happened are one transaction.

        For everything that happens in Netra's own database. What happens elsewhere (a mail, a payment) cannot be undone by
        a rollback: use `step`, and give the other side the call's id to tell a repetition by.
        """
        call_id = self._call_id(name, key)
        if (outcome := self._journal.outcomes.get(call_id)) is not None:
            return _replay(name, outcome)
        call = await self._begin(call_id, name, {} if arguments is None else arguments)

        async def work(transaction: Transaction) -> Any:
            with self._working_within(call_id):
                return self._veil.value(await fn(transaction, call_id), f"the result of {name}")

        def tell(result: Any) -> ToolCompleted:
            return self._completed(call, result=result)

        async with self._failing(call):
            return await self._record.commit(work, self.agent, tell)

    async def record_step(
        self,
        name: str,
        fn: Callable[[str], Awaitable[T]],
        keep: Callable[[Transaction, T], Awaitable[Any]],
        *,
        arguments: Any = None,
    ) -> Any:
        """Do `fn(call_id)` outside of any transaction; then what `keep(transaction, made)` writes of it and the log's word
        that it happened are one transaction. Returns what `keep` returns.

        For what takes long and happens elsewhere, and must be counted here: at least once like a step, but a step that is in
        the log was counted with it, and is not counted again.
        """
        call_id = self._call_id(name, None)
        if (outcome := self._journal.outcomes.get(call_id)) is not None:
            return _replay(name, outcome)
        call = await self._begin(call_id, name, {} if arguments is None else arguments)
        async with self._failing(call):
            with self._working_within(call_id):
                made = await fn(call_id)

            async def work(transaction: Transaction) -> Any:
                return self._veil.value(await keep(transaction, made), f"the result of {name}")

            return await self._record.commit(work, self.agent, lambda result: self._completed(call, result=result))

    async def ask(self, question: str, schema: Any = None) -> Any:
        """Ask the user and wait, for days if need be: no worker is occupied meanwhile. Returns their answer.

        `schema` is a JSON Schema that tells a client what to offer; `{"type": "boolean"}` is a yes or no.
        """
        request_id = self._call_id("ask", None)
        event = InputRequired(
            request_id=request_id,
            question=self._veil.text(as_text(question, "a question", LONGEST_THOUGHT)),
            schema=self._veil.value({} if schema is None else schema, "the schema of a question"),
            parent=self.parent,
        )
        # One question at a time: whoever asks meanwhile does so when the run goes on.
        async with self._caller.asking:
            if request_id not in self._journal.answered:
                await self._record.park(request_id, self._draft(event))
                raise RunOver
        return self.facts.answers[request_id]

    async def report(self, title: str, body: Any) -> ReportId:
        """Store a report and announce it, exactly once. Returns the id under which it can be read."""
        # Made of the run and the call, so that a restart knows whether it has been written.
        report_id = ReportId(uuid5(self.facts.run_id, self._call_id("report", None)))
        if str(report_id) in self._journal.reports:
            return report_id
        title = self._veil.text(as_text(title, "a report's title", LONGEST_THOUGHT))
        stored = encode(self._veil.value(body, "a report", LARGEST_REPORT)).decode()
        ready = ReportReady(report_id=str(report_id), title=title, parent=self.parent)

        async def work(transaction: Transaction) -> None:
            await transaction.connection.execute(
                "INSERT INTO report (user_id, id, run_id, title, body) VALUES (%s, %s, %s, %s, %s::jsonb)",
                [self.facts.user_id, report_id, self.facts.run_id, title, stored],
            )

        await self._record.commit(work, self.agent, lambda _: ready)
        return report_id

    async def call_agent(self, name: str, value: Any, run: Callable[["RunContext"], Awaitable[Any]]) -> Any:
        """Let another agent work within this run: it speaks under its own name, and its result is journaled like a step's."""
        tool = SUB_AGENT + name
        call_id = self._call_id(tool, None)
        if (outcome := self._journal.outcomes.get(call_id)) is not None:
            return _replay(tool, outcome)
        caller = replace(self._caller, name=self.agent, scope=call_id + "/")
        child = RunContext(self.facts, name, self._journal, self._pen, self._record, self._clock, caller)
        value = self._veil.value(value, f"the input of {name}")
        started = AgentStarted(
            input=summarize(value), plan=self.facts.plan.name, plan_version=self.facts.plan.version, parent=self.agent
        )
        call = await self._begin(call_id, tool, value, self._draft(started, name))
        async with self._failing(call, name):
            with self._working_within(call_id):
                result = self._veil.value(await run(child), f"the result of {name}")
        took = self._since(call.started)
        ended = AgentCompleted(result=result, usage=Usage(), duration_ms=took, parent=self.agent)
        self._end_call(self._completed(call, result=result), self._draft(ended, name))
        await self._pen.settle()
        return result

    # ---------------------------------------------------------------------------------------------------------------------

    def _call_id(self, name: str, key: str | None) -> str:
        """The id of the next call of this name, the same in every attempt. Taken before the first wait of a call."""
        within = _within.get()
        name = ("" if within is None else within + "/") + self._veil.text(as_text(name, "the name of a call", LONGEST_NAME))
        if key is not None:
            return f"{name}:{self._veil.name(as_text(key, 'the key of a call', LONGEST_NAME), 'the key of a call')}"
        self._caller.calls[name] += 1
        return f"{name}#{self._caller.calls[name]}"

    async def _begin(self, call_id: str, tool: str, arguments: Any, *after: Draft) -> "_Call":
        """Log that a call begins, unless the log says so already. What comes `after` is in the same append: both or neither."""
        if not self._journal.begun(call_id):
            shown = self._veil.value(arguments, f"the arguments of {tool}")
            await self._pen.room()
            executing = ToolExecuting(call_id=call_id, tool=self._veil.text(tool), arguments=shown, parent=self.parent)
            self._note(executing)
            self._pen.write(self._draft(executing), *after)
        return _Call(call_id, tool, self._clock.monotonic())

    @asynccontextmanager
    async def _failing(self, call: "_Call", agent: str | None = None) -> AsyncIterator[None]:
        """Log what a call raises, and raise it in the words that a replay will use, too. `agent` is the one that was called."""
        try:
            yield
        except Exception as error:
            if _is_nobodys_fault(error):
                raise
            failure = explain(error, self.facts.run_id, self._veil.scrubber)
            self._veil.finish(call.call_id)
            before = []
            if agent is not None:
                ended = AgentFailed(code=failure.code, message=failure.message, parent=self.agent)
                before.append(self._draft(ended, agent))
            self._end_call(self._completed(call, failure=failure), *before)
            await self._pen.settle()
            raise StepFailed(call.tool, failure) from error

    def _completed(self, call: "_Call", *, result: Any = None, failure: Failure | None = None) -> ToolCompleted:
        return ToolCompleted(
            call_id=call.call_id,
            tool=self._veil.text(call.tool),
            ok=failure is None,
            result=result,
            error=None if failure is None else failure.as_json(),
            duration_ms=self._since(call.started),
            parent=self.parent,
        )

    @contextmanager
    def _working_within(self, call_id: str) -> Iterator[None]:
        token = _within.set(call_id)
        try:
            yield
        finally:
            _within.reset(token)
        self._veil.finish(call_id)

    def _since(self, started: float) -> float:
        return round((self._clock.monotonic() - started) * 1000, 3)

    def _end_call(self, completed: ToolCompleted, *before: Draft) -> None:
        self._note(completed)
        self._pen.write(*before, self._draft(completed))

    def _write(self, data: EventData) -> None:
        self._note(data)
        self._pen.write(self._draft(data))

    def _note(self, data: EventData) -> None:
        self._journal.note(self.agent, data)

    def _draft(self, data: EventData, agent: str | None = None) -> Draft:
        return draft(data, self._clock.now(), run_id=self.facts.run_id, agent=agent or self.agent)


def summarize(value: Any) -> str:
    """The beginning of an input, as `agent_started` shows it."""
    text = encode(value).decode()
    return text if len(text) <= SUMMARY else text[: SUMMARY - 1] + "…"


@dataclass(frozen=True, slots=True)
class _Call:
    """A call that has begun; `started` is of the monotonic clock."""

    call_id: str
    tool: str
    started: float


def _is_nobodys_fault(error: Exception) -> bool:
    if isinstance(error, ExceptionGroup):
        return error.subgroup(NOBODYS_FAULT) is not None
    return isinstance(error, NOBODYS_FAULT)


def _replay(tool: str, outcome: Outcome) -> Any:
    if outcome.ok:
        return outcome.result
    raise StepFailed(tool, Failure.from_json(outcome.error))
