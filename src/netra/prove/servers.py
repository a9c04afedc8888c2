"""The processes of a server of our own, as faults see them."""

from typing import Protocol


class Servers(Protocol):
    """Gateways, workers and their PostgreSQL, on this machine. All of it may take a moment, and none of it blocks the loop."""

    async def kill_worker(self) -> None:
        """End a worker without a word; another is started in its place."""

    async def pause_worker(self, seconds: float) -> None:
        """Stop a worker where it is, and let it go on after so many seconds."""

    async def kill_gateway(self) -> None:
        """End a gateway without a word, and start it again."""

    async def drain_gateway(self) -> None:
        """Ask a gateway to go, wait until it has, and start it again."""

    async def restart_database(self, mode: str) -> None:
        """`fast` or `immediate`."""

    async def pause_database(self, seconds: float) -> None: ...

    async def cut_database(self, moment: str) -> int:
        """Break connections to the database: `all`, or at the `reply` to what was sent next. Returns how many broke."""

    async def silence_database(self) -> int:
        """Let the connections that there are fall silent without an end. Returns how many."""

    async def partition_worker(self, seconds: float) -> int:
        """Hold back everything between workers and the database, and let it through again."""
