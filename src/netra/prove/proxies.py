"""Proxies in a process of their own, so that the prover's own work does not make anybody's database slow.

Every word between a server and its database passes through a proxy. In the event loop that also plays two hundred users, each
word waited for all of them, and a transaction of ten exchanges took seconds in which PostgreSQL did nothing.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from netra.prove.answers import NotSupported
from netra.prove.loop import run
from netra.prove.proxy import Proxy

ORDERS: Final = ("look", "cut", "silence", "silence_listeners", "cut_next_reply", "pause", "resume", "disturb_bus", "calm_bus")
"""What proxies can be told from afar: methods of `Proxy`, and `look`, which only counts."""
GONE_WITHIN: Final = 5.0
"""Seconds for the process to go when nobody talks to it any more."""


@dataclass(frozen=True, slots=True)
class Bitten:
    """What proxies have done so far."""

    connections: int = 0
    """Connections that were cut or silenced."""
    notifications: int = 0
    """Notifications that were lost, repeated or overtaken."""

    def __sub__(self, before: "Bitten") -> "Bitten":
        return Bitten(self.connections - before.connections, self.notifications - before.notifications)


class ProxyProcess:
    """Proxies to one server, each with a name. Open it with `ProxyProcess.open`."""

    def __init__(self, process: asyncio.subprocess.Process, urls: Mapping[str, str]) -> None:
        self._process = process
        self._turn = asyncio.Lock()
        self.urls = urls
        """The server's URL by way of each proxy."""

    @classmethod
    @asynccontextmanager
    async def open(cls, target: str, names: Sequence[str]) -> AsyncIterator["ProxyProcess"]:
        """Listen for the length of the block. Raises `NotSupported` when the process does not come up."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "netra.prove.proxies", target, str(len(names))),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl+C is for the prover, which still has servers to end
        )
        assert process.stdin is not None
        try:
            urls = await _answer(process)
            yield cls(process, dict(zip(names, urls, strict=True)))
        finally:
            process.stdin.close()
            try:
                async with asyncio.timeout(GONE_WITHIN):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()

    async def tell(self, order: str, names: Iterable[str] | None = None) -> Bitten:
        """Give an order of `ORDERS` to these proxies (None: to all); returns what all have done until then.

        Raises `NotSupported` when the process is gone.
        """
        assert order in ORDERS
        chosen = None if names is None else {*names}
        assert self._process.stdin is not None
        places = [place for place, name in enumerate(self.urls) if chosen is None or name in chosen]
        async with self._turn:
            self._process.stdin.write(json.dumps([order, places]).encode() + b"\n")
            return Bitten(*await _answer(self._process))

    async def bitten(self) -> Bitten:
        """What all have done until now."""
        return await self.tell("look")


async def _answer(process: asyncio.subprocess.Process) -> list[Any]:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        raise NotSupported("the process of the proxies has ended")
    answer: list[Any] = json.loads(line)
    return answer


async def _obey(target: str, count: int) -> None:
    """Be that process: say the URLs, then obey line by line until nobody talks any more."""
    loop = asyncio.get_running_loop()
    orders = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin.buffer)
    async with AsyncExitStack() as stack:
        proxies = [await stack.enter_async_context(Proxy.open(target)) for _ in range(count)]
        _say([proxy.url for proxy in proxies])
        while line := await orders.readline():
            order, places = json.loads(line)
            if order != "look":
                for place in places:
                    getattr(proxies[place], order)()
            _say([sum(proxy.bitten for proxy in proxies), sum(proxy.disturbed for proxy in proxies)])


def _say(answer: list[str] | list[int]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def main() -> None:
    """`python -m netra.prove.proxies TARGET COUNT`: started by `ProxyProcess` alone."""
    run(_obey(sys.argv[1], int(sys.argv[2])))


if __name__ == "__main__":
    main()
