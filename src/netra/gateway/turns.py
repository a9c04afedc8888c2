"""How many requests of one user are worked on at once, in this process, so that whoever asks for everything waits alone.

A request holds a connection of the pool while it works, and so does one that waits for a lock of its user. Without this, two
hundred requests of one user take every connection there is, and everybody else stands behind them. There are two lines: at
the door, before the database is asked whether a bearer still holds, and at the work itself.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from netra.errors import TooManyRequests
from netra.ids import UserId


class TooManyAtOnce(TooManyRequests):
    """You have as many requests waiting as one user may; let some of them be answered first."""

    code = "too_many_at_once"


@dataclass(slots=True)
class _Line:
    """One user's requests."""

    gate: asyncio.Semaphore
    present: int = 0
    """Those at work and those that wait."""


class Turns:
    """The turns of every user who has asked for something that is not answered yet."""

    def __init__(self, at_once: int, waiting: int) -> None:
        """At most `at_once` requests of a user at work, and as many as `waiting` behind them."""
        self._at_once = at_once
        self._most = at_once + waiting
        self._lines: dict[UserId | bytes, _Line] = {}

    @asynccontextmanager
    async def of(self, whose: UserId | bytes) -> AsyncIterator[None]:
        """Wait for a turn, and have it for the length of the block. Raises `TooManyAtOnce`.

        `whose`: a user, or what stands for one that is not known yet.
        """
        line = self._lines.setdefault(whose, _Line(asyncio.Semaphore(self._at_once)))
        if line.present >= self._most:
            raise TooManyAtOnce
        line.present += 1
        try:
            async with line.gate:
                yield
        finally:
            line.present -= 1
            if not line.present:
                del self._lines[whose]

    def __len__(self) -> int:
        """Users with a request that is not answered yet."""
        return len(self._lines)
