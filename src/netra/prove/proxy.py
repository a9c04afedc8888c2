"""A proxy in front of a server, whose connections a test slows, cuts or silences at a moment of its choosing."""

import asyncio
import random
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, Literal
from urllib.parse import quote, urlsplit

from psycopg.conninfo import conninfo_to_dict

from netra.prove.notifications import DisturbedBus

_CHUNK: Final = 65536

# Closing such a socket sends a reset instead of an end: what a crashed host or an impatient firewall does.
_RESET: Final = struct.pack("ii", 1, 0)


class Proxy:
    """Forwards to one server, PostgreSQL or HTTP, and reads only who listens. Open it with `Proxy.open`, connect to `url`.

    Its faults are counted in `bitten`, so that a test can tell a fault that was survived from one that never happened.
    """

    def __init__(self, target: str) -> None:
        self._speaks_postgres = not target.startswith("http://")
        if not self._speaks_postgres:
            parts = urlsplit(target)
            self._host, self._server_port = parts.hostname or "localhost", parts.port or 80
            self._url = "http://127.0.0.1:{port}"
        else:
            given = conninfo_to_dict(target)
            self._host, self._server_port = str(given.get("host", "localhost")), int(given.get("port") or 5432)
            self._url = f"postgresql://{quote(str(given['user']))}@127.0.0.1:{{port}}/{quote(str(given['dbname']))}"
        self._port = 0
        self._links: set[_Link] = set()
        self._ends: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._armed: Literal["request", "reply", "asking", "late"] | None = None
        self._spared = 0
        self._asked: set[_Link] = set()
        self._held: list[tuple[_Link, bytes]] = []
        self._disturbing = False
        self._disturbed_before = 0
        """On connections that are no more."""
        self.refusing = False
        """Whether new connections are reset at once, as if the server were down."""
        self.delay = 0.0
        """Seconds that every chunk waits, each way."""
        self.connected = 0
        """Connections that were accepted."""
        self.bitten = 0

    @classmethod
    @asynccontextmanager
    async def open(cls, target: str) -> AsyncIterator["Proxy"]:
        """Listen on a free port of this machine for the length of the block; `target` is the server's URL."""
        proxy = cls(target)
        server = await asyncio.start_server(proxy._accept, "127.0.0.1", 0)
        proxy._port = server.sockets[0].getsockname()[1]
        try:
            yield proxy
        finally:
            server.close()
            proxy._flowing.set()
            for link in tuple(proxy._links):
                link.end()
            if proxy._ends:
                await asyncio.wait(proxy._ends)

    @property
    def url(self) -> str:
        """The server's URL by way of this proxy."""
        return self._url.format(port=self._port)

    def cut(self) -> None:
        """Reset every connection there is."""
        for link in tuple(self._links):
            self.bitten += 1
            link.reset()

    def silence(self) -> None:
        """Let every connection there is fall silent for good, open as it is. New ones work."""
        for link in self._links:
            self.bitten += 1
            link.silent = True

    def silence_listeners(self) -> None:
        """Let those connections fall silent on which somebody has said LISTEN, and no others."""
        for link in self._links:
            if link.listens:
                self.bitten += 1
                link.silent = True

    def pause(self) -> None:
        """Hold everything back, on new connections too, until `resume`."""
        self._flowing.clear()

    def resume(self) -> None:
        self._flowing.set()

    def disturb_bus(self) -> None:
        """Lose, repeat and reorder the notifications of PostgreSQL, on every connection, until `calm_bus`."""
        self._disturb(True)

    def calm_bus(self) -> None:
        self._disturb(False)

    def _disturb(self, disturbing: bool) -> None:
        self._disturbing = disturbing
        for link in self._links:
            link.bus.disturbing = disturbing

    @property
    def disturbed(self) -> int:
        """Notifications that were lost, repeated or overtaken."""
        return self._disturbed_before + sum(link.bus.disturbed for link in self._links)

    def cut_next_request(self, spared: int = 0) -> None:
        """Reset the connection that sends next, after so many that are let through; the server never sees what it sent."""
        self._armed = "request"
        self._spared = spared

    def cut_next_reply(self) -> None:
        """Reset the connection that asks and is answered next; what it asked for was done, and nobody tells it."""
        self._armed = "reply"
        self._asked.clear()

    def cut_while_asking(self) -> None:
        """Reset the connection that sends next, but deliver what it sent: the server works on it all the same."""
        self._armed = "asking"

    def hold_next_request(self) -> None:
        """Reset the connection that sends next, and keep what it sent for `deliver`: a packet that is late."""
        self._armed = "late"

    async def deliver(self) -> None:
        """Let the server have what was held back, and return once it has answered, or has hung up long ago."""
        for link, data in self._held:
            with suppress(OSError):
                link.server.write(data)
                await link.server.drain()
                await link.answered.wait()
            link.end()
        self._held.clear()

    async def _bites(self, link: "_Link", data: bytes, to_server: bool) -> bool:
        """Carry out the cut that was asked for, if this is its moment. Returns whether the data has been seen to."""
        match self._armed, to_server:
            case "request", True if self._spared:
                self._spared -= 1
                return False
            case "request", True:
                pass
            case "asking", True:
                link.server.write(data)
                await link.server.drain()
            case "late", True:
                self._held.append((link, data))
                link.outlives_its_client = True
            case "reply", True:
                self._asked.add(link)
                return False
            case "reply", False if link in self._asked:
                pass
            case _:
                return False
        self._armed = None
        self.bitten += 1
        link.reset()
        return True

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._ends.add(task)
        task.add_done_callback(self._ends.discard)
        if self.refusing:
            self.bitten += 1
            writer.transport.abort()
            return
        self.connected += 1
        try:
            if self._host.startswith("/"):
                path = Path(self._host) / f".s.PGSQL.{self._server_port}"
                server_reader, server = await asyncio.open_unix_connection(path)
            else:
                server_reader, server = await asyncio.open_connection(self._host, self._server_port)
        except OSError:
            writer.transport.abort()  # the server is not there: neither are we
            return
        link = _Link(writer, server)
        link.bus.disturbing = self._disturbing
        self._links.add(link)
        try:
            await asyncio.gather(
                self._pump(link, reader, server, to_server=True), self._pump(link, server_reader, writer, to_server=False)
            )
        finally:
            self._links.discard(link)
            self._disturbed_before += link.bus.disturbed
            link.end()

    async def _pump(
        self, link: "_Link", reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, to_server: bool
    ) -> None:
        try:
            while data := await reader.read(_CHUNK):
                if not to_server:
                    link.answered.set()
                if self.delay:
                    await asyncio.sleep(self.delay)
                await self._flowing.wait()
                if link.silent:
                    continue
                if to_server:
                    link.answered.clear()
                    link.listens = link.listens or b"LISTEN" in data
                    link.bus.asked(data)
                elif self._speaks_postgres:
                    data = link.bus.passed(data)
                if await self._bites(link, data, to_server):
                    continue
                if not writer.is_closing():
                    writer.write(data)
                    await writer.drain()
        except OSError:
            pass  # one side hung up, which the other is told below
        finally:
            if not to_server:
                link.answered.set()
            if not (writer.is_closing() or (to_server and link.outlives_its_client)):
                writer.close()


class _Link:
    """One connection through the proxy: the two sockets of it that the proxy writes to."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client = client
        self.server = server
        self.silent = False
        self.bus = DisturbedBus(random.Random())  # noqa: S311 - when a notification comes is no matter of a seed
        self.listens = False
        self.outlives_its_client = False
        self.answered = asyncio.Event()
        """Whether the server has said something since it was last asked, or has hung up."""

    def reset(self) -> None:
        """End the client's side as a crash would. The server's side ends when the server has said what it has to say."""
        if self.client.is_closing():
            return  # it hung up itself, or was reset before
        self.client.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.client.transport.abort()

    def end(self) -> None:
        self.client.transport.abort()
        self.server.transport.abort()
