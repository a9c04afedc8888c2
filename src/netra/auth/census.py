"""How many there are of what signs in: counts for `/auth/status`, which anybody may ask."""

import asyncio
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select

from netra.auth.api_keys import LIVE
from netra.clock import Clock
from netra.db.database import Database
from netra.db.tables import Account, ApiKey, SessionRow

KEPT: Final = 5.0
"""Seconds that an answer is given again. Counting reads three tables, and a stranger must not have it done at will."""


@dataclass(frozen=True, slots=True)
class SignInCounts:
    """Enabled accounts, live sessions, live API keys."""

    accounts: int
    sessions: int
    api_keys: int


class Census:
    """Counts at most once in `KEPT` seconds; those who ask meanwhile share the answer."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._counting = asyncio.Lock()
        self._counts: SignInCounts | None = None
        self._counted_at = float("-inf")

    async def counts(self) -> SignInCounts:
        async with self._counting:
            if self._counts is None or self._clock.monotonic() - self._counted_at >= KEPT:
                self._counts = await self._count()
                self._counted_at = self._clock.monotonic()
            return self._counts

    async def _count(self) -> SignInCounts:
        live = (SessionRow.revoked_at.is_(None), SessionRow.expires_at > func.now())
        queries = (
            select(func.count()).select_from(Account).where(Account.disabled_at.is_(None)),
            select(func.count()).select_from(SessionRow).where(*live),
            select(func.count()).select_from(ApiKey).where(*LIVE),
        )
        async with self._database.system().session() as session:
            row = (await session.execute(select(*(query.scalar_subquery() for query in queries)))).one()
        return SignInCounts(*row)
