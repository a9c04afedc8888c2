"""The HTTP server under the application: uvicorn, as Netra needs it.

Everything here is about the two ends of a connection: how it is accepted, and how all of them end when the server stops.
"""

import asyncio
import errno
import math
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from netra.errors import NetraError
from netra.gateway.wire import HttpWire, SocketWire

SEND_BUFFER: Final = 64 * 1024
"""Bytes that the kernel keeps for one reader. By default it grows to megabytes, which a dead reader pins."""

USER_TIMEOUT: Final = 40.0
"""Seconds after which the kernel gives up a connection whose other end confirms nothing. A little more than a ping and the
wait for its pong, which are the way to find out in words."""

KEEP_ALIVE: Final = 75
"""Seconds that a connection may be idle between two requests. Longer than what clients keep one for (httpx five seconds, as
uvicorn would by itself): whoever hangs up first must be the client, or its next request meets a closed door."""

BACKLOG: Final = 4096
"""Connections that may wait to be accepted, when ten thousand come back at once. The kernel may allow fewer."""


class CannotListen(NetraError):
    """The address cannot be listened on."""

    code, status = "cannot_listen", 503


@dataclass(frozen=True, slots=True)
class Wire:
    """How connections are served: bytes and seconds."""

    max_frame_bytes: int = 65_536
    ping_interval: float = 25.0
    pong_timeout: float = 8.0
    drain_timeout: float = 20.0
    trusted_proxies: tuple[str, ...] = ()


def listen(host: str, port: int) -> socket.socket:
    """Bind and listen; what is accepted inherits the buffers and limits. Raises `CannotListen`. Blocking."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise CannotListen(f"{host} is no address of this machine.") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if (user_timeout := getattr(socket, "TCP_USER_TIMEOUT", None)) is not None:
            listener.setsockopt(socket.IPPROTO_TCP, user_timeout, int(USER_TIMEOUT * 1000))
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise CannotListen(_why(host, port, error)) from error
    return listener


def _why(host: str, port: int, error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"Port {port} on {host} is taken by another program. Choose another with --port, or stop that program."
        case errno.EACCES:
            return f"This user may not listen on port {port}. Choose one above 1023 with --port."
        case errno.EADDRNOTAVAIL:
            return f"{host} is no address of this machine."
    return f"{host} port {port} cannot be listened on: {error.strerror}."


def configure(app: ASGIApp, wire: Wire) -> uvicorn.Config:
    """Uvicorn's configuration for an application whose parts are open already."""
    return uvicorn.Config(
        app,
        loop="uvloop" if find_spec("uvloop") else "asyncio",
        http=HttpWire,
        ws=SocketWire,
        ws_max_size=wire.max_frame_bytes,
        ws_ping_interval=wire.ping_interval,
        ws_ping_timeout=wire.pong_timeout,
        # Compression costs 300 KB a connection, and a third of a core at the rates that Netra is built for.
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=bool(wire.trusted_proxies),
        forwarded_allow_ips=list(wire.trusted_proxies),
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=math.ceil(wire.drain_timeout),
        # A request must not see what the one before it on the same connection left in its context.
        reset_contextvars=True,
    )


class Server(uvicorn.Server):
    """uvicorn, but those who are connected are told to go, with the cursor to resume from, before it hangs up on them."""

    def __init__(self, config: uvicorn.Config, drain: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self._drain = drain
        self.ready = asyncio.Event()
        """Set once connections are accepted."""

    async def serve_here(self, listener: socket.socket) -> None:
        """Serve in the running event loop until `should_exit`, without touching the process's signal handlers."""
        await self._serve([listener])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        await self._drain()
        await super().shutdown(sockets)
