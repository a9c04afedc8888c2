"""The only way to call a tool, from HTTP, from agents and over MCP alike.

Each call passes the gate (`netra.tools.gate`), in the transaction of the use where the tool is atomic, else before it begins.
A tool that belongs to no permission stops the start: nobody could say who may use it.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from pydantic_core import PydanticSerializationError, to_jsonable_python

from netra.errors import NetraError, NotFound, Unavailable
from netra.events.codec import encode
from netra.protocols.value import objection
from netra.streams.streams import Streams, Transaction
from netra.tools.gate import QUERIES, Entitlement, Gate, PermissionDenied, RateLimited, ToolCaller
from netra.tools.permissions import PERMISSIONS
from netra.tools.tool import CATEGORIES, Call, InvalidTool, Tool

LARGEST: Final = 256 * 1024
"""Bytes of a result as JSON, the same for everybody who calls: it is what one event of a log holds."""


KEPT_DAYS: Final = 32
"""Days for which calls and counters are kept: a month can be looked at as a whole."""


class UnknownTool(NotFound):
    """There is no tool of that name."""

    code = "unknown_tool"


class ToolTimeout(NetraError):
    """The tool took longer than it may, and was stopped."""

    code, status = "tool_timeout", 504


class ResultRefused(NetraError):
    """The tool's result cannot be given back: it is too large, or no JSON."""

    code = "result_refused"


class Toolbox(Mapping[str, Tool]):
    """Every tool of this server, by name: its own, and those of other servers as they are at this moment."""

    def __init__(self, streams: Streams, gate: Gate, tools: Sequence[Tool]) -> None:
        """Raises `InvalidTool` for two of one name, and for a tool of a permission that there is not."""
        self._streams = streams
        self.gate = gate
        self._own = tuple(tools)
        self._external: dict[str, tuple[Tool, ...]] = {}
        self._tools = _by_name(self._own)
        self.calls: Counter[tuple[str, str]] = Counter()
        """Calls that ended here since the start of this process, by tool and status."""

    def __getitem__(self, name: str) -> Tool:
        try:
            return self._tools[name]
        except KeyError:
            raise UnknownTool(f"There is no tool {name[:100]!r}.") from None

    def __contains__(self, name: object) -> bool:
        return name in self._tools

    def __iter__(self) -> Iterator[str]:
        return iter(self._tools)

    def __len__(self) -> int:
        return len(self._tools)

    @property
    def permissions(self) -> Mapping[str, str]:
        """Which permission each tool of this moment belongs to."""
        return {name: tool.permission for name, tool in self._tools.items()}

    def replace_external(self, server: str, tools: Sequence[Tool]) -> None:
        """Put these in the place of what `server` had before, all at once; calls that have begun go on with what they have.

        Raises `InvalidTool` as the constructor does, and has then changed nothing.
        """
        external = {**self._external, server: tuple(tools)}
        self._tools = _by_name([*self._own, *(tool for group in external.values() for tool in group)])
        self._external = external

    def open_to(self, entitlement: Entitlement) -> frozenset[str]:
        """The tools that somebody with this entitlement may call, as long as their limits last."""
        return frozenset(name for name, tool in self._tools.items() if not entitlement.missing(tool.permission))

    async def call(self, caller: ToolCaller, name: str, arguments: Mapping[str, Any]) -> Any:
        """Call a tool and return its result in plain JSON types, in transactions of its own.

        Raises `UnknownTool`, `InvalidInput` naming the argument, `PermissionDenied`, `RateLimited`, `ToolTimeout`, and
        whatever the tool itself refuses.
        """
        tool = self[name]
        if tool.atomic:
            async with self._streams.transaction(caller.user_id) as transaction:
                return await self.call_within(transaction, caller, name, arguments)
        async with self._tallied(tool):
            read = tool.read(arguments)
            async with self._streams.database.for_user(caller.user_id).transaction() as connection:
                entitlement = await self.gate.admit(connection, caller, tool.name, tool.permission)
            try:
                call = Call(caller.call_id, entitlement, self._streams.database, caller.run_id, None)
                result = await self._work(tool, call, read)
            except BaseException:
                with suppress(Unavailable):  # it stays noted as one whose end nobody knows
                    await asyncio.shield(self._end(caller, ok=False))
                raise
            await self._end(caller, ok=True)
        return result

    async def call_within(self, transaction: Transaction, caller: ToolCaller, name: str, arguments: Mapping[str, Any]) -> Any:
        """Call an atomic tool inside the caller's own transaction, which is to be rolled back when this raises; see `call`."""
        tool = self[name]
        assert tool.atomic, f"{name} does not work inside a transaction"
        async with self._tallied(tool):
            read = tool.read(arguments)
            entitlement = await self.gate.admit(transaction.connection, caller, tool.name, tool.permission)
            call = Call(caller.call_id, entitlement, self._streams.database, caller.run_id, transaction)
            result = await self._work(tool, call, read)
            await self.gate.end(transaction.connection, caller, ok=True)
        return result

    async def sweep(self) -> None:
        """Remove counters of windows that have passed, and what is known of old calls."""
        async with self._streams.database.system().transaction() as connection:
            for query in ("sweep_usage", "sweep_calls"):
                await connection.execute(QUERIES[query], {"days": KEPT_DAYS})

    async def _work(self, tool: Tool, call: Call, arguments: Mapping[str, Any]) -> Any:
        clock = asyncio.timeout(tool.time_limit)
        try:
            async with clock:
                result = await tool.work(call, **arguments)
        except TimeoutError:
            if not clock.expired():
                raise  # the tool's own
            raise ToolTimeout(f"{tool.name} took longer than {tool.time_limit:g} seconds, and was stopped.") from None
        return _plain(tool, result)

    async def _end(self, caller: ToolCaller, *, ok: bool) -> None:
        async with self._streams.database.for_user(caller.user_id).transaction() as connection:
            await self.gate.end(connection, caller, ok=ok)

    @asynccontextmanager
    async def _tallied(self, tool: Tool) -> AsyncIterator[None]:
        """Count how a call ends."""
        try:
            yield
        except PermissionDenied:
            self.calls[tool.name, "permission_denied"] += 1
            raise
        except RateLimited:
            self.calls[tool.name, "rate_limited"] += 1
            raise
        except BaseException:
            self.calls[tool.name, "error"] += 1
            raise
        self.calls[tool.name, "success"] += 1


def _by_name(tools: Sequence[Tool]) -> dict[str, Tool]:
    """The tools by name. Raises `InvalidTool` for one that nobody could be allowed, or that could be another."""
    named: dict[str, Tool] = {}
    for tool in tools:
        if tool.name in named:
            raise InvalidTool(f"there are two tools of the name {tool.name}.")
        if tool.category not in CATEGORIES:
            raise InvalidTool(f"the tool {tool.name} is in no category ({tool.category!r} is none).")
        if tool.permission not in PERMISSIONS:
            raise InvalidTool(
                f"the tool {tool.name} belongs to no permission ({tool.permission!r} is none); nobody could be allowed it."
            )
        named[tool.name] = tool
    return named


def _plain(tool: Tool, result: Any) -> Any:
    """A result in plain JSON types. Raises `ResultRefused`."""
    try:
        plain = to_jsonable_python(result, inf_nan_mode="constants")
    except PydanticSerializationError as error:
        raise ResultRefused(f"the result of {tool.name} is no JSON.") from error
    if (complaint := objection(plain)) is not None:
        raise ResultRefused(f"the result of {tool.name} {complaint}.")
    if (size := len(encode(plain))) > LARGEST:
        raise ResultRefused(f"the result of {tool.name} has {size:,} bytes as JSON; {LARGEST:,} are the most.")
    return plain
