"""The only way to call a tool, from HTTP and from agents alike.

A tool belongs to a permission of `plans`; one that belongs to none, or says another than the table, stops the start. Every
tool here works inside one transaction of the user who calls it. When an agent calls, that is the transaction which also logs
`tool_completed`, so that a tool which writes has happened exactly once, whatever dies in between.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from netra.db.database import Connection
from netra.errors import InvalidInput, NetraError, NotFound
from netra.ids import UserId, new_uuid
from netra.tools.plans import PERMISSIONS


class UnknownTool(NotFound):
    """There is no tool of that name."""

    code = "unknown_tool"


class InvalidTool(NetraError):
    """This cannot be a tool."""

    code = "invalid_tool"


class Arguments(BaseModel):
    """What a tool takes; what it does not know it refuses."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Work = Callable[[Connection, UserId, Any], Awaitable[Any]]
"""The tool itself: in a transaction of this user, with its arguments. Returns JSON-able data."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool, and the permission that opens it."""

    name: str
    description: str
    permission: str
    arguments: type[Arguments]
    work: Work


class Toolbox(Mapping[str, Tool]):
    """Every tool of this server, by name."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        """Raises `InvalidTool` for two of one name, and for a tool that no permission holds."""
        self._tools: dict[str, Tool] = {}
        self.calls: Counter[tuple[str, str]] = Counter()
        """Calls that ended here since the start of this process, by tool and status."""
        for tool in tools:
            if tool.name in self._tools:
                raise InvalidTool(f"there are two tools of the name {tool.name}.")
            permission = PERMISSIONS.get(tool.permission)
            if permission is None or tool.name not in permission.tools:
                raise InvalidTool(
                    f"the permission {tool.permission!r} does not hold a tool {tool.name}; nobody could be allowed it."
                )
            self._tools[tool.name] = tool

    def __getitem__(self, name: str) -> Tool:
        try:
            return self._tools[name]
        except KeyError:
            raise UnknownTool from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._tools)

    def __len__(self) -> int:
        return len(self._tools)

    async def call(self, connection: Connection, user_id: UserId, name: str, arguments: Mapping[str, Any]) -> Any:
        """Call a tool inside a transaction of this user. Raises `UnknownTool`, or `InvalidInput` naming the argument."""
        tool = self[name]
        try:
            result = await tool.work(connection, user_id, _read(tool, arguments))
        except BaseException:
            self.calls[name, "error"] += 1
            raise
        self.calls[name, "success"] += 1
        return result


def _read(tool: Tool, arguments: Mapping[str, Any]) -> Arguments:
    try:
        return tool.arguments.model_validate(arguments)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(["arguments", *map(str, first["loc"])])
        raise InvalidInput(f"{field}: {first['msg']}.", field=field) from None


class CreateThread(Arguments):
    """The arguments of `create_thread`."""

    title: str = Field("", max_length=200)


class GetAgentStatus(Arguments):
    """The arguments of `get_agent_status`."""

    run_id: UUID


async def create_thread(connection: Connection, user_id: UserId, arguments: CreateThread) -> dict[str, Any]:
    """Begin a conversation."""
    thread_id = new_uuid()
    await connection.execute(
        "INSERT INTO thread (user_id, id, title) VALUES (%s, %s, %s)", [user_id, thread_id, arguments.title]
    )
    return {"thread_id": str(thread_id), "title": arguments.title}


async def get_agent_status(connection: Connection, user_id: UserId, arguments: GetAgentStatus) -> dict[str, Any]:
    """Say where a run stands."""
    cursor = await connection.execute(
        "SELECT agent, state, attempt, waits_for FROM run WHERE user_id = %s AND id = %s", [user_id, arguments.run_id]
    )
    row = await cursor.fetchone()
    if row is None:
        raise NotFound
    return {"run_id": str(arguments.run_id), **dict(zip(("agent", "state", "attempt", "waits_for"), row, strict=True))}


TOOLS: Final = (
    Tool("create_thread", "Begin a new conversation.", "basic", CreateThread, create_thread),
    Tool("get_agent_status", "Say where a run stands.", "basic", GetAgentStatus, get_agent_status),
)
"""The tools that come with Netra."""
