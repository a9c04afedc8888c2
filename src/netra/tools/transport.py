"""What carries the messages of one MCP session: a connection that cannot be led elsewhere, or a process that ends with it.

The library has transports of its own. Its connection reads a JSON answer whole, however large, and its process keeps a line
that never ends; it also gives a process six seconds to go, which a call that is over does not have. Here every answer has a
bound, every request goes to the origin that the operator wrote down, and no process outlives its call.

Importing this imports `mcp`, which takes as long as the rest of a server: only `netra.tools.remote` does, when it is needed.
"""

import asyncio
import os
import signal
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

import anyio
import httpx2
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.client._transport import TransportStreams  # the library's own name for it is private, its type is not
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter
from pydantic import ValidationError

from netra.env import for_subprocess

LARGEST_MESSAGE: Final = 1024 * 1024
"""Bytes of one message. A result of 256 KiB fits, however it is escaped and whatever is said around it."""

LARGEST_ANSWER: Final = 4 * LARGEST_MESSAGE
"""Bytes of everything that a server says in answer to one request, or over the life of one process."""

CONNECT_LIMIT: Final = 10.0
"""Seconds to open a connection. How long an answer may take is the call's own limit."""

MOST_NOISE: Final = 100
"""Lines of a process's output that are no messages before it counts as talking about something else. A banner is common."""

FAREWELL: Final = 0.5
"""Seconds that a process has to end by itself once its call is over and its input is closed."""

DEATH: Final = 2.0
"""Seconds to see a process dead that was killed."""

TLS: Final = httpx2.create_ssl_context()
"""Made once, when this is loaded: to read the machine's certificates takes a tenth of a second. It holds no connection."""

Streams = tuple[MemoryObjectReceiveStream[SessionMessage | Exception], MemoryObjectSendStream[SessionMessage]]


@dataclass(slots=True)
class WireReport:
    """What a transport saw of its server. The library tells its own errors apart by their words only."""

    status: int = 0
    """The HTTP status of the last answer to a message."""
    answered: bool = False
    """Whether anything came back at all."""
    led_elsewhere: bool = False
    too_large: bool = False
    noise: int = 0
    """Lines that were no messages."""


class TooLarge(httpx2.TransportError):
    """An answer went over its bound."""


class LedElsewhere(httpx2.TransportError):
    """A request would have gone to another origin."""


# Connections ------------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def connected(url: str, headers: Mapping[str, str], report: WireReport) -> AsyncIterator[TransportStreams]:
    """A connection to an MCP server for the length of the block, as the library's client takes it."""
    transport = PinnedTransport(httpx2.URL(url), report)
    # Without the environment's proxies and passwords: what a call sends is in the operator's file.
    async with (
        httpx2.AsyncClient(
            headers={**headers, "Accept-Encoding": "identity"},
            transport=transport,
            timeout=httpx2.Timeout(None, connect=CONNECT_LIMIT),
            trust_env=False,
        ) as client,
        streamable_http_client(url, http_client=client, max_sse_event_size=LARGEST_ANSWER) as streams,
    ):
        yield streams


class PinnedTransport(httpx2.AsyncBaseTransport):
    """HTTP to one origin, with a bound on every answer."""

    def __init__(self, url: httpx2.URL, report: WireReport) -> None:
        self._origin = _origin(url)
        self._report = report
        self._inner = httpx2.AsyncHTTPTransport(verify=TLS, trust_env=False)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if _origin(request.url) != self._origin:
            self._report.led_elsewhere = True
            raise LedElsewhere("not the origin of this server")
        if request.method == "DELETE":
            # The end of a session is said as a courtesy; nobody waits for the answer.
            request.extensions = {**request.extensions, "timeout": httpx2.Timeout(FAREWELL).as_dict()}
        if request.method == "POST":
            self._report.status = 0
        response = await self._inner.handle_async_request(request)
        self._report.answered = True
        if request.method == "POST":
            self._report.status = response.status_code
        if response.headers.get("content-encoding", "identity") != "identity":
            # We asked for none. A few bytes of it can become any number of them.
            await response.aclose()
            self._report.too_large = True
            raise TooLarge("the answer is compressed")
        # A stream of news has no end; each piece of it has its own bound.
        if request.method != "GET":
            assert isinstance(response.stream, httpx2.AsyncByteStream)
            response.stream = BoundedStream(response.stream, self._report)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


class BoundedStream(httpx2.AsyncByteStream):
    """The body of an answer, until it is too much."""

    def __init__(self, inner: httpx2.AsyncByteStream, report: WireReport) -> None:
        self._inner = inner
        self._report = report

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for piece in self._inner:
            size += len(piece)
            if size > LARGEST_ANSWER:
                self._report.too_large = True
                raise TooLarge("the answer has no end")
            yield piece

    async def aclose(self) -> None:
        await self._inner.aclose()


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


# Processes --------------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def spawned(
    command: str, arguments: Sequence[str], environment: Mapping[str, str], report: WireReport
) -> AsyncIterator[Streams]:
    """A process that is an MCP server, for the length of the block, in an empty folder and a process group of its own.

    Its standard error goes nowhere: it may hold what it was given. Raises `OSError` when it cannot be started.
    """
    folder = await asyncio.to_thread(tempfile.TemporaryDirectory, prefix="netra-mcp-", ignore_cleanup_errors=True)
    try:
        process = await asyncio.create_subprocess_exec(
            command,
            *arguments,
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            cwd=folder.name,
            env=for_subprocess(environment),
            start_new_session=True,
            limit=LARGEST_MESSAGE,
        )
        over = False
        try:
            async with _spoken_to(process, report) as streams:
                yield streams
            over = True
        finally:
            with anyio.CancelScope(shield=True):
                await _end(process, FAREWELL if over else 0.0)
    finally:
        with anyio.CancelScope(shield=True):
            await asyncio.to_thread(folder.cleanup)


@asynccontextmanager
async def _spoken_to(process: Process, report: WireReport) -> AsyncIterator[Streams]:
    heard, to_read = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    to_write, said = anyio.create_memory_object_stream[SessionMessage](0)
    async with heard, to_read, to_write, said, anyio.create_task_group() as tasks:
        tasks.start_soon(_read, process, heard, report)
        tasks.start_soon(_write, process, said)
        try:
            yield to_read, to_write
        finally:
            tasks.cancel_scope.cancel()


async def _read(process: Process, heard: MemoryObjectSendStream[SessionMessage | Exception], report: WireReport) -> None:
    """Hand on what the process says, line by line, until it ends or has said too much. Closing `heard` ends what waits."""
    assert process.stdout is not None
    size = 0
    async with heard:
        while size <= LARGEST_ANSWER and report.noise <= MOST_NOISE:
            try:
                line = await process.stdout.readuntil()
            except asyncio.IncompleteReadError:
                return  # it has ended, or closed its output
            except asyncio.LimitOverrunError:
                break
            report.answered = True
            size += len(line)
            try:
                message = jsonrpc_message_adapter.validate_json(line, by_name=False)
            except ValidationError:
                report.noise += 1
                continue
            with suppress(anyio.BrokenResourceError):
                await heard.send(SessionMessage(message))
        report.too_large = report.noise <= MOST_NOISE


async def _write(process: Process, said: MemoryObjectReceiveStream[SessionMessage]) -> None:
    assert process.stdin is not None
    with suppress(ConnectionError):  # it has ended, which the reader notices
        async for item in said:
            line = item.message.model_dump_json(by_alias=True, exclude_unset=True)
            process.stdin.write(line.encode() + b"\n")
            await process.stdin.drain()


async def _end(process: Process, farewell: float) -> None:
    """End a process and everything that it started, after `farewell` seconds at most."""
    assert process.stdin is not None
    process.stdin.close()
    if farewell:
        with suppress(TimeoutError):
            async with asyncio.timeout(farewell):
                await process.wait()
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(TimeoutError):
        async with asyncio.timeout(DEATH):
            await process.wait()
            return
    # Something that left its group holds the pipe; the pipe is given up, or it would be waited for at every later stop.
    process._transport.close()  # type: ignore[attr-defined] # noqa: SLF001 - asyncio has no other way
