"""One session with a connected MCP server: which tools it has, or one call of one of them.

Each call is a session of its own, from connecting to closing: no connection, process, header or variable of one user's call is
there for another's. What a server may do wrong becomes an error of ours with a stable code, in whose words no secret stands.

Importing this imports `mcp` and `jsonschema`, which takes as long as the rest of a server: it is done when servers are
connected, and in a thread.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final

import httpx2
import mcp_types
from mcp.client import Client, Transport
from mcp.client.session import IncomingMessage, MessageHandlerFnT
from mcp.client.subscriptions import Subscription, SubscriptionLost
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from netra.errors import NetraError
from netra.streams.background import beside
from netra.tools.servers import ConnectedServer
from netra.tools.transport import WireReport, connected, spawned
from netra.vault.scrub import Scrubber

VERSION: Final = version("netra")

LOOK_LIMIT: Final = 10.0
"""Seconds that a server may take to be connected to and to say which tools it has."""

MOST_TOOLS: Final = 200
"""Tools that are taken of one server."""

MOST_PAGES: Final = 50
"""Pages of one list of tools."""

LONGEST_WORDS: Final = 2000
"""Characters of a description, or of what a server says of an error."""


class RemoteFailed(NetraError):
    """The server of this tool did not answer as it should."""

    code, status = "remote_failed", 502


class RemoteUnreachable(RemoteFailed):
    """The server of this tool cannot be reached, or ended in the middle of the call."""

    code = "remote_unreachable"


class RemoteRefused(RemoteFailed):
    """The server of this tool does not accept what it was given as proof of identity."""

    code = "remote_refused"


class RemoteTooLarge(RemoteFailed):
    """The answer of this tool's server is larger than may be."""

    code = "remote_too_large"


class RemoteToolFailed(RemoteFailed):
    """The tool says that it failed."""

    code = "remote_tool_failed"


class RemoteSilent(RemoteFailed):
    """The server of this tool does not answer in time."""

    code, status = "remote_silent", 504


EXPECTED: Final = (MCPError, ValidationError, ValueError, OSError, RuntimeError, httpx2.HTTPError, ExceptionGroup, NetraError)
"""What comes out of a session whose server does something wrong; the library raises some of it as a plain `RuntimeError`."""


@dataclass(frozen=True, slots=True)
class OfferedTool:
    """A tool as its server describes it."""

    name: str
    description: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Offer:
    """What a server said when it was asked for its tools."""

    tools: tuple[OfferedTool, ...]
    known: mcp_types.DiscoverResult | None
    """What a server without a handshake says of itself: a call then begins with the call. None: there is a handshake."""
    server: str
    """What it calls itself, for the operator."""


async def call(
    server: ConnectedServer,
    known: mcp_types.DiscoverResult | None,
    name: str,
    arguments: Mapping[str, Any],
    texts: Mapping[str, str],
    secrets: Collection[str] = (),
) -> dict[str, Any]:
    """Call a tool in a session that lasts as long as the call.

    `texts` are the headers or variables of this one call, `secrets` what of them must not come back: it is masked in
    everything that the server says. Returns the members `content` and, where there is one, `structuredContent`, as MCP
    spells them. Raises a `RemoteFailed`.
    """
    scrubber = Scrubber(secrets)
    async with _session(server, texts, scrubber, known) as client:
        result = await _asked(client, name, arguments)
    plain = scrubber.value(result.model_dump(by_alias=True, mode="json", exclude_none=True))
    if result.is_error:
        raise RemoteToolFailed("\n".join(item["text"] for item in plain["content"] if item["type"] == "text")[:LONGEST_WORDS])
    return {member: plain[member] for member in ("content", "structuredContent") if member in plain}


async def follow(server: ConnectedServer, take: Callable[[Offer], None], refresh: float) -> None:
    """Ask a server for its tools and hand them to `take`.

    Returns then, unless the server is one that announces changes over a connection: that is kept, and each new list is handed
    on, at the latest `refresh` seconds after the one before, for as long as the connection lasts. Raises a `RemoteFailed`.
    """
    changed = asyncio.Event()

    async def hear(message: IncomingMessage) -> None:
        if isinstance(message, mcp_types.ToolListChangedNotification):
            changed.set()

    async with AsyncExitStack() as stack:
        async with _in_time():
            client = await stack.enter_async_context(_session(server, server.discovery_texts, Scrubber(), heard=hear))
            take(await _look(client))
            tools = client.server_capabilities.tools
            if server.url is None or tools is None or not tools.list_changed:
                return
            if _without_handshake(client):
                news = await stack.enter_async_context(client.listen(tools_list_changed=True))
                await stack.enter_async_context(beside(news=_pass_on(news, changed)))
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(refresh):
                    await changed.wait()
            changed.clear()
            async with _in_time():
                take(await _look(client))


async def look(server: ConnectedServer) -> Offer:
    """Ask a server for its tools, once. Raises a `RemoteFailed`."""
    async with _in_time(), _session(server, server.discovery_texts, Scrubber(), heard=_ignore) as client:
        return await _look(client)


async def _ignore(message: IncomingMessage) -> None:
    """What a server says unasked is of no use to whoever asks once."""


async def _pass_on(news: Subscription, changed: asyncio.Event) -> None:
    with suppress(SubscriptionLost):  # the next look at the list finds out how the server is
        async for _ in news:
            changed.set()


async def _look(client: Client) -> Offer:
    tools: list[OfferedTool] = []
    cursor: str | None = None
    for _ in range(MOST_PAGES):
        page = await client.session.list_tools(params=mcp_types.PaginatedRequestParams(cursor=cursor))
        tools += [
            OfferedTool(tool.name, (tool.description or tool.title or "").strip(), tool.input_schema) for tool in page.tools
        ]
        cursor = page.next_cursor
        if cursor is None or len(tools) >= MOST_TOOLS:
            break
    info = client.server_info
    return Offer(
        tuple(tools[:MOST_TOOLS]),
        client.session.discover_result if _without_handshake(client) else None,
        _printable(f"{info.name} {info.version}") if info else "",
    )


def _printable(text: str) -> str:
    """What a server calls itself, on one line of a terminal."""
    return "".join(character for character in text if character.isprintable()).strip()[:100]


def _without_handshake(client: Client) -> bool:
    return client.protocol_version in MODERN_PROTOCOL_VERSIONS


async def _asked(client: Client, name: str, arguments: Mapping[str, Any]) -> mcp_types.CallToolResult:
    """The result of a call. Not by the client's own method: that lists all tools again, to check what came by their schema."""
    request = mcp_types.CallToolRequest(params=mcp_types.CallToolRequestParams(name=name, arguments=dict(arguments)))
    try:
        return await client.session.send_request(request, mcp_types.CallToolResult)
    except MCPError as error:
        if error.code != mcp_types.HEADER_MISMATCH:
            raise
    # This server wants some arguments in headers, which the session knows of once it has seen the tool's schema.
    await _look(client)
    return await client.session.send_request(request, mcp_types.CallToolResult)


@asynccontextmanager
async def _session(
    server: ConnectedServer,
    texts: Mapping[str, str],
    scrubber: Scrubber,
    known: mcp_types.DiscoverResult | None = None,
    heard: MessageHandlerFnT | None = None,
) -> AsyncIterator[Client]:
    """A session for the length of the block, in which every fault of the server is a `RemoteFailed`."""
    report = WireReport()
    carrier: Transport
    if server.url is not None:
        carrier = connected(server.url, texts, report)
    else:
        assert server.command is not None
        carrier = spawned(server.command, server.args, texts, report)
    client = Client(
        carrier,
        # Whoever listens asks how the server begins; a call knows it by then, and is a request less.
        mode="auto" if heard is not None else "legacy" if known is None else known.supported_versions[-1],
        prior_discover=known,
        cache=None,
        message_handler=heard,
        client_info=mcp_types.Implementation(name="netra", version=VERSION),
    )
    task = asyncio.current_task()
    assert task is not None
    cancelled = task.cancelling()
    try:
        async with client:
            yield client
    except EXPECTED as error:
        # The library's task groups forget a cancellation that comes while one of their tasks fails.
        if task.cancelling() > cancelled:
            raise asyncio.CancelledError from None
        found = _explain(error, report, scrubber)
        if found is None:
            raise
        # Without the cause: the library's words may quote what was sent.
        raise found from None


def _explain(error: Exception, report: WireReport, scrubber: Scrubber) -> NetraError | None:
    """What went wrong in a session, in our words; None: nothing that a server can be blamed for."""
    leaves = list(_leaves(error))
    ours = next((leaf for leaf in leaves if isinstance(leaf, NetraError)), None)
    if ours is not None or not all(isinstance(leaf, EXPECTED) for leaf in leaves):
        return ours
    status = report.status
    if report.too_large:
        return RemoteTooLarge()
    if report.led_elsewhere or 300 <= status < 400:
        return RemoteFailed("The server of this tool sends its callers to another address, which is not followed.")
    if status in (401, 403):
        return RemoteRefused()
    if status >= 400:
        return RemoteFailed(f"The server of this tool answered with HTTP {status}.")
    if any(isinstance(leaf, TimeoutError | httpx2.TimeoutException) for leaf in leaves):
        return RemoteSilent()
    if report.noise or any(isinstance(leaf, ValidationError | ValueError) for leaf in leaves):
        return RemoteFailed("What the server of this tool says is not MCP.")
    refusals = [leaf for leaf in leaves if isinstance(leaf, MCPError)]
    if report.answered and refusals and refusals[0].code == mcp_types.PARSE_ERROR:
        return RemoteFailed("What the server of this tool says is not MCP.")
    if report.answered and refusals and refusals[0].code != mcp_types.CONNECTION_CLOSED:
        words = scrubber.text(refusals[0].message)[:LONGEST_WORDS]
        return RemoteFailed(f"The server of this tool refused the call: {words}")
    return RemoteUnreachable()


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


@asynccontextmanager
async def _in_time() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(LOOK_LIMIT):
            yield
    except TimeoutError:
        raise RemoteSilent from None
