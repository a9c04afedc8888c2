"""Requests for what is somebody else's, counted.

To the asker, somebody else's id is an unknown id: the same 404, found out in the same way and as fast. Whether it was one is
looked up afterwards, beside the request, at most once a second for all that came together. The count says that somebody is
trying doors; no id of either side is kept.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

import psycopg

from netra.clock import Clock
from netra.db.database import Database
from netra.db.sql import NamedQueries
from netra.errors import Unavailable
from netra.streams.background import beside

logger = logging.getLogger(__name__)

QUERIES: Final = NamedQueries("netra.gateway", "trespass.sql")

MOST: Final = 1000
"""Ids that wait to be looked up. More than that in a second is a scan, which a thousand show as well as a million."""

GATHER: Final = 1.0
"""Seconds between two look-ups."""


class Trespass:
    """Counts, by the way it came (`http`, `socket`), what was refused because it is somebody else's."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._suspects: list[tuple[str, UUID]] = []
        self._work = asyncio.Event()
        self.counts: Counter[str] = Counter({"http": 0, "socket": 0})

    @classmethod
    @asynccontextmanager
    async def open(cls, database: Database, clock: Clock) -> AsyncIterator["Trespass"]:
        trespass = cls(database, clock)
        async with beside(trespass=trespass._look()):
            yield trespass

    def suspect(self, where: str, ids: Iterable[UUID]) -> None:
        """Note ids that were not found among the asker's own."""
        for suspected in ids:
            if len(self._suspects) < MOST:
                self._suspects.append((where, suspected))
                self._work.set()

    async def _look(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            suspects, self._suspects = self._suspects, []
            try:
                await self._count(suspects)
            except (psycopg.Error, Unavailable) as error:
                logger.warning("requests for unknown ids were not looked into: %s", type(error).__name__)
            await self._clock.sleep(GATHER)

    async def _count(self, suspects: list[tuple[str, UUID]]) -> None:
        async with self._database.system().transaction() as connection:
            cursor = await connection.execute(QUERIES["find_ids"], {"ids": list({suspected for _, suspected in suspects})})
            known = {found for (found,) in await cursor.fetchall()}
        for where, suspected in suspects:
            if suspected in known:
                self.counts[where] += 1
