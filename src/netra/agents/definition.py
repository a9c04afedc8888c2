"""`@netra.agent`: from an asynchronous function to an agent that can be accepted, described and executed.

The function's second parameter says what the agent takes, its return annotation what it gives. Both may be anything that
pydantic understands: a model, a dataclass, a `TypedDict` (before Python 3.12 that of typing_extensions), plain types. The
decorator returns a value and registers nothing; which agents a server has is the list that it is given.
"""

import inspect
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, get_type_hints

from netra.agents.context import Context, Surroundings
from netra.env import Environment
from netra.errors import InvalidInput, NetraError
from netra.runs.payload import as_json

if TYPE_CHECKING:
    from netra.agents.shape import Shape
    from netra.runs.context import RunContext

NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,63}")
"""What an agent may be called. The name stands in URLs, events and logs."""


NO_INPUT: Final[Mapping[str, Any]] = {"type": "object", "properties": {}, "additionalProperties": False}
"""The schema of an agent that takes nothing."""


class InvalidAgent(NetraError):
    """This cannot be an agent."""

    code = "invalid_agent"


Work = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Agent:
    """An agent: immutable, the same for every user, and without anything of one."""

    name: str
    description: str
    function: Work
    """What was decorated: `await agent.function(context, input)` calls it without a server."""
    takes: "Shape | None"
    """None: it takes no input."""
    gives: "Shape"
    input_schema: Mapping[str, Any]
    """JSON Schema of the input."""

    def accept(self, value: Any) -> Any:
        """Return the input in plain JSON types, defaults filled in. Raises `InvalidInput` naming the field."""
        if self.takes is None:
            if value not in (None, {}):
                raise InvalidInput(f"The agent {self.name} takes no input.", field="input")
            return {}
        return self.takes.write(self.takes.read(as_json(value, "input"), "input"), "input")

    async def execute(self, context: Context, stored: Any) -> Any:
        """Do the work on an input that `accept` returned; the result is in plain JSON types."""
        if self.takes is None:
            result = await self.function(context)
        else:
            result = await self.function(context, self.takes.read(stored, "input"))
        return self.gives.write(result, "the result")


def agent(name: str, description: str | None = None) -> Callable[[Work], Agent]:
    """Make an agent of `async def f(ctx: Context, input: Model) -> Result`.

    `name` is lower case letters, digits, `_` and `-`. Without a `description`, the first paragraph of the docstring is it.
    Raises `InvalidAgent`, at import, for whatever could not work.
    """

    def decorate(function: Work) -> Agent:
        if NAME.fullmatch(name) is None:
            raise InvalidAgent(f"{name!r} cannot be the name of an agent: lower case letters, digits, _ and -, at most 64.")
        if not inspect.iscoroutinefunction(function):
            raise InvalidAgent(f"the agent {name} is not an `async def`.")
        takes, gives = _types(name, function)
        words = description if description is not None else (inspect.getdoc(function) or "").split("\n\n")[0]
        schema = NO_INPUT if takes is None else takes.schema()
        return Agent(name, " ".join(words.split()), function, takes, gives, schema)

    return decorate


class Agents(Mapping[str, Agent]):
    """The agents of one server, by name."""

    def __init__(self, agents: Sequence[Agent]) -> None:
        """Raises `InvalidAgent` when two have one name."""
        self._agents: dict[str, Agent] = {}
        for item in agents:
            if not isinstance(item, Agent):
                raise InvalidAgent(f"{item!r} is not an agent; decorate it with @netra.agent(NAME).")
            if item.name in self._agents:
                raise InvalidAgent(f"there are two agents of the name {item.name}.")
            self._agents[item.name] = item

    def __getitem__(self, name: str) -> Agent:
        return self._agents[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._agents)

    def __len__(self) -> int:
        return len(self._agents)


@dataclass(frozen=True, slots=True)
class BoundAgent:
    """An agent with its surroundings: what accepting and executing runs is done with."""

    agent: Agent
    surroundings: Surroundings

    def accept(self, value: Any) -> Any:
        """See `Agent.accept`."""
        return self.agent.accept(value)

    async def run(self, context: "RunContext") -> Any:
        """Execute the agent as the run of this context, which conceals its user's secrets and the key of the model."""
        user_id = context.facts.user_id
        secrets = await self.surroundings.secrets(user_id)
        model = self.surroundings.model
        context.conceal([*secrets.values(), *(model.secrets if model is not None else ())])
        env = Environment({**self.surroundings.environment(user_id), **secrets})
        return await self.agent.execute(Context(context, self.surroundings, env, secrets), context.facts.input)


def bind(agents: Agents, surroundings: Surroundings) -> Mapping[str, BoundAgent]:
    """Give agents their surroundings, for `Runs` and `Worker`."""
    return {name: BoundAgent(agent, surroundings) for name, agent in agents.items()}


def _types(name: str, function: Work) -> "tuple[Shape | None, Shape]":
    """What the function takes and gives."""
    from netra.agents.shape import CANNOT_BE_DESCRIBED, Shape

    signature = inspect.signature(function)
    parameters = list(signature.parameters.values())
    if not 1 <= len(parameters) <= 2:
        raise InvalidAgent(f"the agent {name} takes {len(parameters)} parameters; one is the context, the other its input.")
    wanted = {"result": Any if signature.return_annotation is signature.empty else signature.return_annotation}
    if len(parameters) == 2:
        wanted["input"] = parameters[1].annotation
        if wanted["input"] is inspect.Parameter.empty:
            raise InvalidAgent(f"the agent {name} does not say what it takes: annotate {parameters[1].name}.")
    try:
        # Only these two: the context's annotation may be imported for type checkers alone.
        hints = get_type_hints(SimpleNamespace(__annotations__=wanted), globalns=function.__globals__, include_extras=True)
        return Shape(hints["input"]) if "input" in hints else None, Shape(hints["result"])
    except (NameError, *CANNOT_BE_DESCRIBED) as error:
        raise InvalidAgent(f"the agent {name} cannot be described: {str(error).splitlines()[0]}") from error
