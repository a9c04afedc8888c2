"""What has been asked of language models, read for one user, or for everybody by somebody who may.

Nothing here decides who may: it is given a scope, and without a user that has to be the system's.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from psycopg.rows import class_row

from netra.db.scope import Scope
from netra.db.sql import NamedQueries
from netra.ids import UserId

QUERIES: Final = NamedQueries("netra.models", "usage.sql")

PIECE: Final = 1000
"""Rows that an export reads at a time."""

COLUMNS: Final = {
    name: name
    for name in (
        *("at", "model", "user", "feature", "session", "status", "input_tokens", "output_tokens", "cached_input_tokens"),
        *("latency_ms", "cost_usd"),
    )
}
"""The mapping of an export: its columns are called what a dataset calls them."""


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` until just before `until`."""

    since: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    until: datetime = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One request, as it is in the database. What nobody knows is None."""

    id: UUID
    user_id: UUID
    run_id: UUID
    agent: str
    purpose: str
    model: str
    own_key: bool
    at: datetime
    status: str | None
    latency_ms: float | None
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    cost_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class ModelSum:
    """What requests to one model took together."""

    model: str
    own_key: bool
    calls: int
    answered: int
    input_tokens: Decimal | None
    output_tokens: Decimal | None
    cached_tokens: Decimal | None
    cost_usd: Decimal | None
    """Of the calls whose price is known; None when that is none of them."""
    unpriced: int
    """Calls whose price is not known, and so not in the sum."""
    users: int
    runs: int


class RecordedUsage:
    """The requests of one user, or, without a user, of everybody."""

    def __init__(self, scope: Scope, user_id: UserId | None, period: Period) -> None:
        self._scope = scope
        self._given: dict[str, Any] = {"user_id": user_id, "since": period.since, "until": period.until}

    async def page(self, before: tuple[datetime, UUID] | None, limit: int) -> list[RecordedCall]:
        """Some of them, the newest first, from before a place."""
        at, call_id = before or (None, None)
        given = {**self._given, "before": at, "before_id": call_id, "limit": limit}
        async with self._scope.transaction() as connection, connection.cursor(row_factory=class_row(RecordedCall)) as cursor:
            await cursor.execute(QUERIES["page_calls"], given)
            return await cursor.fetchall()

    async def sums(self) -> list[ModelSum]:
        """What they took, by model and by whose key paid, the dearest first."""
        async with self._scope.transaction() as connection, connection.cursor(row_factory=class_row(ModelSum)) as cursor:
            await cursor.execute(QUERIES["sum_calls"], self._given)
            return await cursor.fetchall()

    async def lines(self) -> AsyncIterator[bytes]:
        """Those whose tokens are known, as the JSON Lines of a usage log with the columns `COLUMNS`."""
        after: tuple[datetime, UUID] = datetime(1970, 1, 1, tzinfo=UTC), UUID(int=0)
        while True:
            given = {**self._given, "after": after[0], "after_id": after[1], "limit": PIECE}
            async with self._scope.transaction() as connection:
                rows = await (await connection.execute(QUERIES["export_calls"], given)).fetchall()
            for row in rows:
                yield json.dumps(_line(row)).encode() + b"\n"
            if len(rows) < PIECE:
                return
            after = rows[-1][0], rows[-1][1]


def _line(row: tuple[Any, ...]) -> dict[str, Any]:
    at, _, user_id, run_id, agent, model, status, latency, inputs, outputs, cached, cost = row
    return {
        "at": at.isoformat(),
        "model": model,
        "user": str(user_id),
        "feature": agent,
        "session": str(run_id),
        "status": status,
        "input_tokens": inputs,
        "output_tokens": outputs,
        "cached_input_tokens": cached,
        "latency_ms": latency,
        "cost_usd": None if cost is None else float(cost),
    }
