"""What was said before in a run's thread, for frameworks that are handed their history.

It is read from the rows of the run's own user, by row-level security, and of the run's own thread: what a framework
remembers is kept nowhere else. Told are what was asked and what was answered, not the calls in between.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

from netra.agents.context import Context

MOST_EXCHANGES: Final = 50
"""The newest so many are told."""

MOST_CHARACTERS: Final = 100_000
"""And of them the newest that fit in here: about 25,000 tokens."""


@dataclass(frozen=True, slots=True)
class PastExchange:
    """One earlier run: what its user asked, and what the agent answered."""

    asked: str
    answered: str


async def exchanges(ctx: Context, agent: str) -> list[PastExchange]:
    """The completed runs of `agent` in this run's thread before this one, oldest first.

    Runs of one thread execute one after the other, so this is the same in every attempt of the run.
    """
    async with ctx.db.transaction() as connection:
        cursor = await connection.execute(
            """
            SELECT earlier.input, earlier.result
            FROM run AS present JOIN run AS earlier USING (user_id, thread_id)
            WHERE present.id = %(run_id)s AND earlier.agent = %(agent)s AND earlier.state = 'completed'
              AND earlier.accepted_seq < present.accepted_seq
            ORDER BY earlier.accepted_seq DESC LIMIT %(limit)s
            """,
            {"run_id": ctx.run_id, "agent": agent, "limit": MOST_EXCHANGES},
        )
        rows = await cursor.fetchall()
    told: list[PastExchange] = []
    room = MOST_CHARACTERS
    for asked, answered in rows:
        exchange = PastExchange(_text(asked), _text(answered))
        room -= len(exchange.asked) + len(exchange.answered)
        if room < 0:
            break
        told.append(exchange)
    return told[::-1]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
