"""Time as a value that is handed in, so that tests own it.

Leases and expiries are compared by the database's clock wherever a row is involved; this clock is for what lives in one
process: heartbeats, deadlines, token lifetimes.
"""

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What Netra asks of time."""

    def now(self) -> datetime:
        """The wall clock, an aware UTC datetime."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return once `seconds` have passed on this clock."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
