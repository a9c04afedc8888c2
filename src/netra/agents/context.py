"""What an agent sees of the run that it is: the user it works for, and everything it can do for them.

Every method that does something is journaled (see `netra.runs.journal`), and everything that holds data is of this run's
user: there is no way from here to anybody else's.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, overload
from uuid import uuid5

from netra.env import Environment
from netra.ids import DatasetId, ReportId, RunId, ThreadId, UserId

# `import netra` is instant: what an agent needs when it runs (pydantic, a database driver) is loaded by those who run it.
if TYPE_CHECKING:
    from netra.agents.report import Report
    from netra.agents.shape import Shape, ShapeCache
    from netra.datasets.query import DatasetQuery
    from netra.datasets.store import DatasetInfo, DatasetPage, Datasets
    from netra.db.database import Connection, Database
    from netra.db.scope import UserScope
    from netra.models.calls import CallTally
    from netra.models.language_model import LanguageModel
    from netra.models.run_model import RunModel
    from netra.runs.context import RunContext
    from netra.streams.streams import Transaction
    from netra.tools.gate import ToolCaller
    from netra.tools.toolbox import Toolbox

T = TypeVar("T")

NO_SECRETS: Final[Mapping[str, str]] = MappingProxyType({})


class Callee(Protocol):
    """An agent as another one calls it; see `definition.Agent`."""

    @property
    def name(self) -> str: ...

    @property
    def gives(self) -> "Shape": ...

    def accept(self, value: Any) -> Any: ...

    async def execute(self, context: "Context", stored: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class Understanding:
    """How a question was read."""

    topics: tuple[str, ...]
    """What it asks about, out of the topics that were offered; empty when nothing was recognised."""
    dataset: str | None
    """The name of the dataset that it speaks of, out of those that were offered."""
    because: str
    """How it was read, in a sentence for the user, what was not understood included."""


class Linguist(Protocol):
    """What a language model adds to the agents that ship: it reads a question, and words a report. It is asked for no number.

    Both are done within a journaled step, so a restart does not ask again, and whatever is raised is told of and done
    without. `ctx.env` has the user's own keys; `ctx.say` streams.
    """

    async def understand(
        self, ctx: "Context", question: str, topics: Mapping[str, str], datasets: Sequence[str]
    ) -> Understanding:
        """Say which topics (name to meaning) the question is about, and which of these datasets it names."""
        ...

    async def word(self, ctx: "Context", report: "Report") -> Mapping[str, str]:
        """Word the sections of a report anew: their ids to their contents, as many as one likes.

        A section whose new content has a number that none of its figures shows keeps the old one.
        """
        ...


@dataclass(frozen=True, slots=True)
class RunUser:
    """For whom a run works. The plan is the one that the run was accepted under."""

    id: UserId
    name: str
    plan: str


@dataclass(frozen=True, slots=True)
class ToolOffer:
    """A tool as it is offered to a model. `schema` is the JSON Schema of its arguments."""

    name: str
    description: str
    schema: Mapping[str, Any]


def _no_variables(_: UserId) -> Mapping[str, str]:
    return {}


async def _no_secrets(_: UserId) -> Mapping[str, str]:
    return {}


def _nothing_asked() -> "CallTally":
    from netra.models.calls import CallTally

    return CallTally()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the server gives its agents. Nothing in it is one user's."""

    database: "Database"
    datasets: "Datasets"
    toolbox: "Toolbox"
    environment: Callable[[UserId], Mapping[str, str]] = field(default=_no_variables)
    """The operator's variables that runs of this user may see. A fresh mapping for each run."""
    secrets: Callable[[UserId], Awaitable[Mapping[str, str]]] = field(default=_no_secrets)
    """The user's own secrets, open. Raises when one of them cannot be opened."""
    linguist: Linguist | None = None
    """None: questions and reports are worded without a language model."""
    shapes: "ShapeCache | None" = None
    """The types that steps return; None: each is looked at anew."""
    model: "LanguageModel | None" = None
    """The language model that the operator has chosen, if there is one."""
    tally: "CallTally" = field(default_factory=_nothing_asked)
    """What this process asks of models otherwise than by `model`: hosted agents have theirs."""


class OwnDatasets:
    """The datasets of the run's user."""

    def __init__(self, datasets: "Datasets", user_id: UserId) -> None:
        self._datasets = datasets
        self._user_id = user_id

    async def list(self, cursor: str | None = None, limit: int = 50) -> "DatasetPage":
        """Some of them, newest first."""
        return await self._datasets.list(self._user_id, cursor, limit)

    async def get(self, dataset_id: DatasetId) -> "DatasetInfo":
        """What is known of one without reading its rows. Raises `NotFound`."""
        return await self._datasets.get(self._user_id, dataset_id)

    async def find(self, reference: str) -> "DatasetInfo":
        """The one with this id, else the newest with this name. Raises `NotFound`."""
        return await self._datasets.find(self._user_id, reference)

    def open(self, dataset_id: DatasetId) -> "AbstractAsyncContextManager[DatasetQuery]":
        """SQL over the rows of one, for the length of an `async with`. Raises `NotFound`."""
        return self._datasets.open(self._user_id, dataset_id)


class ToolCalls:
    """The tools that the run's user may use."""

    def __init__(self, run: "RunContext", toolbox: "Toolbox") -> None:
        self._run = run
        self._toolbox = toolbox

    async def call(self, name: str, /, **arguments: Any) -> Any:
        """Call a tool, through the same gate as everybody; a restart takes its result from the log. Raises `StepFailed`.

        A tool whose whole work is in the database happens exactly once. Any other is counted once and done at least once.
        """
        return await self.call_as(None, name, arguments)

    async def call_as(self, key: str | None, name: str, arguments: Mapping[str, Any]) -> Any:
        """The same under a `key`, which tells calls of one tool apart that are made side by side; see `Context.step`."""
        given = _jsonable(arguments, f"the arguments of {name}")
        if name in self._toolbox and self._toolbox[name].atomic:

            async def work(transaction: "Transaction", call_id: str) -> Any:
                return await self._toolbox.call_within(transaction, self._caller(call_id), name, given)

            return await self._run.effect(name, work, arguments=given, key=key)
        return await self._run.call(
            name, given, lambda call_id: self._toolbox.call(self._caller(call_id), name, given), key=key
        )

    def describe(self, name: str) -> "ToolOffer":
        """What a model has to know of a tool to call it. Raises `UnknownTool`."""
        tool = self._toolbox[name]
        return ToolOffer(tool.name, tool.description, tool.schema)

    def _caller(self, call_id: str) -> "ToolCaller":
        """The run as the gate sees it: with an id that is the same in every attempt, and the plan that it keeps."""
        from netra.tools.gate import ToolCaller

        facts = self._run.facts
        return ToolCaller(facts.user_id, "agent", uuid5(facts.run_id, call_id), facts.run_id, facts.plan)


class Context:
    """One run, as its agent sees it."""

    def __init__(
        self, run: "RunContext", surroundings: Surroundings, env: Environment, secrets: Mapping[str, str] = NO_SECRETS
    ) -> None:
        """`secrets` are those of `env` that are the user's own."""
        facts = run.facts
        self._secrets = secrets
        self._run = run
        self._surroundings = surroundings
        self.user = RunUser(facts.user_id, facts.user_name, facts.plan.name)
        self.env = env
        """The user's own secrets over what the operator lets every run see, as both were when the run began to execute."""
        self.datasets = OwnDatasets(surroundings.datasets, facts.user_id)
        self.tools = ToolCalls(run, surroundings.toolbox)

    @cached_property
    def model(self) -> "RunModel":
        """The language model of this run. Where the server has none it answers too, with what is said without one."""
        from netra.models.run_model import RunModel

        if (model := self._surroundings.model) is None:
            return RunModel(self.say, None)
        # Imported by whoever made the model, for it takes seconds.
        from netra.models.asking import Asking
        from netra.models.conversation import Conversation

        key = model.key_for(self._secrets)
        asking = Asking(self._run, self.db, model, key)
        toolbox, call = self._surroundings.toolbox, self.tools.call
        return RunModel(self.say, Conversation(model, key, asking, self.say, toolbox, call))

    @property
    def run_id(self) -> RunId:
        return self._run.facts.run_id

    @property
    def thread_id(self) -> ThreadId:
        return self._run.facts.thread_id

    @property
    def attempt(self) -> int:
        """1, unless an earlier attempt died: what it did is in the log and is not done again."""
        return self._run.facts.attempt

    @property
    def linguist(self) -> Linguist | None:
        """The server's language model for the agents that ship, when it has one."""
        return self._surroundings.linguist

    @property
    def cancelled(self) -> bool:
        """Whether this run is to stop. Coroutines are told by `asyncio.CancelledError`; a thread has to look."""
        return self._run.cancelled

    @property
    def db(self) -> "UserScope":
        """The user's rows in the database. What must happen exactly once goes through `effect` instead."""
        return self._surroundings.database.for_user(self.user.id)

    def is_own(self, value: str | None) -> bool:
        """Whether this is a secret of the run's user, and nothing that the operator lets runs see."""
        return value in self._secrets.values()

    def asks_a_model(self) -> "CallTally":
        """Have the run's end say what it took of models, and return where this process counts it.

        For whoever asks one otherwise than by `model`, before each request.
        """
        self._run.asks_a_model()
        return self._surroundings.tally

    def conceals(self, text: str) -> bool:
        """Whether `text` holds a secret of the run's user: for whoever writes it in a form that cannot be masked."""
        return self._run.conceals(text)

    async def think(self, text: str, step: str | None = None, progress: float | None = None) -> None:
        """Tell the user what is going on; `progress` from 0 to 1."""
        await self._run.think(text, step, progress)

    async def say(self, text: str, message_id: str | None = None) -> None:
        """Stream a piece of the answer. Pieces of one message are joined; without an id, all go to the run's one message."""
        await self._run.say(text, message_id)

    @overload
    async def step(
        self,
        name: str,
        fn: Callable[..., Awaitable[Any]],
        *args: Any,
        returns: type[T],
        key: str | None = None,
        arguments: Any = None,
    ) -> T: ...

    @overload
    async def step(
        self, name: str, fn: Callable[..., Awaitable[Any]], *args: Any, key: str | None = None, arguments: Any = None
    ) -> Any: ...

    async def step(
        self,
        name: str,
        fn: Callable[..., Awaitable[Any]],
        *args: Any,
        returns: type[T] | None = None,
        key: str | None = None,
        arguments: Any = None,
    ) -> T | Any:
        """Do `fn(*args)` and keep its result in the log, from which a restart takes it: at least once.

        The result comes back in plain JSON types, the first time as well as on a replay, unless `returns` names the type to
        make of it. The k-th step of a name is the same step in every attempt; steps of one name that run side by side need
        a `key` each. `arguments` is what the log shows of its input. Whatever `fn` raises becomes `StepFailed`.
        """
        from netra.agents.shape import Shape

        shown = None if arguments is None else _jsonable(arguments, f"the arguments of {name}")
        plain = await self._run.step(name, _giving_json(fn, name), *args, arguments=shown, key=key)
        if returns is None:
            return plain
        shapes = self._surroundings.shapes
        return (Shape(returns) if shapes is None else shapes.of(returns)).read(plain, name)

    async def effect(self, name: str, fn: "Callable[[Connection], Awaitable[Any]]", key: str | None = None) -> Any:
        """Do `fn(connection)` exactly once: its rows and the log's word that it happened are one transaction.

        `connection` is in a transaction of the user. For what happens outside this database use `step`.
        """
        work = _giving_json(fn, name)
        return await self._run.effect(name, lambda transaction, _: work(transaction.connection), key=key)

    async def ask(self, question: str, schema: Any = None) -> Any:
        """Ask the user and wait for the answer, for days if need be. `schema` (JSON Schema) tells a client what to offer."""
        return await self._run.ask(question, schema)

    async def report(self, title: str, body: Any) -> ReportId:
        """Store a report and announce it, exactly once. `body` is a pydantic model or anything that becomes JSON."""
        return await self._run.report(title, _jsonable(body, "a report"))

    async def call_agent(self, agent: Callee, value: Any = None) -> Any:
        """Let another agent work within this run, under its own name. Returns its result, of the type that it declares."""
        stored = agent.accept(_jsonable(value, f"the input of {agent.name}"))
        result = await self._run.call_agent(
            agent.name, stored, lambda run: agent.execute(Context(run, self._surroundings, self.env, self._secrets), stored)
        )
        return agent.gives.read(result, f"the result of {agent.name}")


def _jsonable(value: Any, what: str) -> Any:
    from netra.agents.shape import jsonable

    return jsonable(value, what)


def _giving_json(fn: Callable[..., Awaitable[Any]], name: str) -> Callable[..., Awaitable[Any]]:
    async def work(*args: Any) -> Any:
        return _jsonable(await fn(*args), f"the result of {name}")

    return work
