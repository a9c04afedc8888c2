"""Connections of DuckDB that are ready before somebody needs one.

Making one takes far longer than most questions that are asked of it. It cannot be used again: what shuts it in to one user's
file can, on purpose, not be undone. So the pool holds what nobody has used, each is lent once, and is proved to be as it was
made before it gets a path of anybody; for every one that is taken another is made, beside the work, and those that nobody
takes are closed after a while.
"""

import asyncio
import logging
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import duckdb

from netra.clock import Clock
from netra.datasets.engine import blank_connection, traces_in
from netra.datasets.offload import in_thread

logger = logging.getLogger(__name__)

LOOK_EVERY: Final = 0.25
"""Of the time that a connection is kept, how much passes between two looks for those that are older."""


@dataclass(slots=True)
class PoolCounts:
    """Since the start of the process."""

    ready: int = 0
    """Connections that were there when they were needed."""
    late: int = 0
    """Those that had to be made then."""
    refused: int = 0
    """Those that were ready and not as they were made, and were closed instead."""


@dataclass(frozen=True, slots=True)
class _Idle:
    connection: duckdb.DuckDBPyConnection
    since: float
    """Seconds on the pool's clock."""


class EnginePool:
    """Unused connections, at most so many; `serve` makes and closes them."""

    def __init__(self, clock: Clock, *, size: int, keep: float) -> None:
        """`size` are made at the start, and are the most that wait; `keep` is how many seconds one waits. 0 of either: none."""
        self._clock = clock
        self._size = size if keep > 0 else 0
        self._keep = keep
        self._idle: deque[_Idle] = deque()
        self._owed = self._size
        self._wanted = asyncio.Event()
        self.counts = PoolCounts()

    @property
    def waiting(self) -> int:
        """Connections that are ready."""
        return len(self._idle)

    def take(self) -> duckdb.DuckDBPyConnection:
        """A connection that nobody has used: one that is ready, else a new one. Blocks; called in a thread."""
        while True:
            try:
                # The newest, so that those beyond what is needed grow old and go.
                connection = self._idle.pop().connection
            except IndexError:
                self.counts.late += 1
                return blank_connection()
            if not (traces := traces_in(connection)):
                self.counts.ready += 1
                return connection
            logger.error("a connection that nobody should have used was refused: %s", ", ".join(traces))
            self.counts.refused += 1
            connection.close()

    def replace(self) -> None:
        """One was taken: make another, beside the work."""
        self._owed = min(self._owed + 1, self._size)
        self._wanted.set()

    def put(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Let a connection wait that nobody has used."""
        self._idle.append(_Idle(connection, self._clock.monotonic()))

    async def serve(self) -> None:
        """Keep connections ready until cancelled; then close them."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._make())
                if self._size:
                    group.create_task(self._close_old())
        finally:
            await in_thread(self._close, float("inf"))

    async def _make(self) -> None:
        while True:
            self._wanted.clear()
            while self._owed and len(self._idle) < self._size:
                self._owed -= 1
                await in_thread(lambda: self.put(blank_connection()))
            self._owed = 0
            await self._wanted.wait()

    async def _close_old(self) -> None:
        while True:
            await self._clock.sleep(self._keep * LOOK_EVERY)
            await in_thread(self._close, self._clock.monotonic() - self._keep)

    def _close(self, before: float) -> None:
        with suppress(IndexError):  # `take` is in another thread, and may have had the last
            while self._idle[0].since <= before:
                self._idle.popleft().connection.close()
