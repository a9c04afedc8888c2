"""What a tool is: an asynchronous function with a name, a permission and a schema.

    @tool("create_thread", category="conversations", permission="basic", atomic=True)
    async def create_thread(call: Call, title: Annotated[str, Field(max_length=200)] = "") -> dict[str, str]:
        \"\"\"Begin a new conversation.\"\"\"

The first parameter is the call; the others, with their annotations and defaults, are the arguments, and become the JSON
Schema that callers see. An *atomic* tool does its whole work in the caller's transaction, together with its count and, for an
agent, with the log's word that it happened: exactly once. Any other is counted first, in a transaction of its own, and then
works for as long as its time limit; what it writes it writes at its end, by ids made of the call's, so that doing it again
after a crash writes the same.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, get_type_hints
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from netra.db.database import Database
from netra.errors import InvalidInput, NetraError
from netra.ids import RunId, UserId
from netra.streams.streams import Transaction
from netra.tools.gate import Entitlement

ATOMIC_LIMIT: Final = 5.0
"""Seconds for a tool that holds a transaction open. The server ends an idle one after ten."""

DEFAULT_LIMIT: Final = 30.0
"""Seconds for any other."""

RESERVED: Final = "_argument"
"""After the name of each field of a model of arguments."""


CATEGORIES: Final[Mapping[str, str]] = {
    "conversations": "Threads and what was said in them.",
    "agents": "What can be started, and how it stands.",
    "analytics": "What usage logs, prompts and documents say.",
    "data": "Data made, kept and looked after.",
    "optimization": "What a workload costs, how fast it is, and what would be better.",
    "administration": "Looking after accounts and the installation.",
    "development": "Looking into a server that is not in production.",
    "external": "Tools of other servers, which the operator has connected.",
}
"""Every category that a tool may be in, in the order in which they are listed."""


class InvalidTool(NetraError):
    """This cannot be a tool."""

    code = "invalid_tool"


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a tool, as the tool sees it: for whom, and with what they may do."""

    id: UUID
    """The same when a crashed run calls again."""
    entitlement: Entitlement
    database: Database
    run_id: RunId | None
    open: Transaction | None
    """The caller's transaction, for an atomic tool."""

    @property
    def user_id(self) -> UserId:
        return self.entitlement.user_id

    @property
    def transaction(self) -> Transaction:
        """The caller's transaction. Only an atomic tool has one."""
        assert self.open is not None, "a tool that is not atomic opens its own"
        return self.open


Work = Callable[..., Awaitable[Any]]
"""`await work(call, **arguments)`; the result is anything that pydantic can make JSON of."""

Reader = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""From arguments as they came to arguments as the work takes them. Raises `InvalidInput` naming the argument."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool, and the permission that opens it."""

    name: str
    description: str
    category: str
    permission: str
    schema: Mapping[str, Any]
    """JSON Schema of the arguments."""
    read: Reader
    work: Work
    atomic: bool
    time_limit: float
    """Seconds."""


def tool(
    name: str, *, category: str, permission: str, atomic: bool = False, time_limit: float | None = None
) -> Callable[[Work], Tool]:
    """Make a tool of a function; see the top of this module. `time_limit` is in seconds. Raises `InvalidTool`."""

    def decorate(work: Work) -> Tool:
        model = _arguments(name, work)
        limit = time_limit or (ATOMIC_LIMIT if atomic else DEFAULT_LIMIT)
        if atomic and limit > ATOMIC_LIMIT:
            raise InvalidTool(f"the tool {name} would hold a transaction open for {limit:g} seconds; {ATOMIC_LIMIT:g} at most.")
        words = (inspect.getdoc(work) or "").split("\n\n")[0]
        if not words:
            raise InvalidTool(f"the tool {name} does not say what it does; give its function a docstring.")
        return Tool(
            name=name,
            description=" ".join(words.split()),
            category=category,
            permission=permission,
            schema=model.model_json_schema(),
            read=lambda arguments: _read(model, arguments),
            work=work,
            atomic=atomic,
            time_limit=limit,
        )

    return decorate


def _arguments(name: str, work: Work) -> type[BaseModel]:
    """A model of what a function takes after the call itself."""
    hints = get_type_hints(work, include_extras=True)
    _, *parameters = inspect.signature(work).parameters.values()
    fields: dict[str, Any] = {}
    for parameter in parameters:
        if parameter.name not in hints:
            raise InvalidTool(f"the tool {name} does not say what its argument {parameter.name} is.")
        default = ... if parameter.default is parameter.empty else parameter.default
        # A model has attributes of its own, `schema` and `copy` among them. An argument may be called so all the same.
        fields[f"{parameter.name}{RESERVED}"] = (Annotated[hints[parameter.name], Field(alias=parameter.name)], default)
    return create_model(name, __config__=ConfigDict(frozen=True, extra="forbid"), **fields)


def _read(model: type[BaseModel], arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        read = model.model_validate(arguments)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(["arguments", *map(str, first["loc"])])
        raise InvalidInput(f"{field}: {first['msg']}.", field=field) from None
    return {name.removesuffix(RESERVED): getattr(read, name) for name in model.model_fields}
