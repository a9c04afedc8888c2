"""Every change of a run's row, each inside the caller's transaction and beside the event that tells of it.

A transaction that changes runs names `TURN`: all changes to one user's runs take turns, so that each can be read as if it were
alone. What keeps a mistake here from doing harm is in the database: one run of a thread may have its turn, one run
may hold a lane (both unique indexes), and only the newest fence writes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg.rows import class_row

from netra.db.database import Connection
from netra.db.sql import NamedQueries
from netra.errors import NotFound
from netra.events.codec import Draft, encode
from netra.events.model import EventData, Usage
from netra.ids import RunId, ThreadId, UserId
from netra.runs.state import Change, State, advance
from netra.streams.streams import Transaction
from netra.streams.writer import Claim

QUERIES: Final = NamedQueries("netra.runs", "runs.sql")

TURN: Final = "runs"
"""See `db.scope.Scope.transaction`."""

QUEUE: Final = "runs"
TASK: Final = "execute_run"


@dataclass(slots=True)
class RunRow:
    """A run as the database has it. `age` is in seconds since it was accepted, by the database's clock."""

    thread_id: ThreadId
    agent: str
    state: State
    input: Any
    plan: str
    plan_version: int
    attempt: int
    cancel_by: str | None
    waits_for: str | None
    answers: dict[str, Any]
    result: Any
    error: dict[str, Any] | None
    usage: dict[str, Any] | None
    accepted_seq: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    turn: bool
    lane: int | None
    dispatches: int
    age: float
    user_name: str

    def __post_init__(self) -> None:
        self.state = State(self.state)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ends: its change of state, its terminal event, and what its row keeps of it."""

    change: Change
    event: EventData
    result: Any = None
    error: dict[str, Any] | None = None
    usage: dict[str, Any] | None = None


async def read(connection: Connection, user_id: UserId, run_id: RunId) -> RunRow:
    """One run, as it stands. Raises `NotFound`, for somebody else's run as well."""
    async with connection.cursor(row_factory=class_row(RunRow)) as cursor:
        await cursor.execute(QUERIES["read_run"], {"user_id": user_id, "run_id": run_id})
        row = await cursor.fetchone()
    if row is None:
        raise NotFound
    return row


async def lock(connection: Connection, user_id: UserId) -> None:
    """Take turns with this user's own transactions, from the system role."""
    await connection.execute(QUERIES["lock_runs"], {"turn": TURN, "user_id": user_id})


async def dispatch(connection: Connection, user_id: UserId, lanes: int) -> None:
    """Hand the user's free lanes to those of their runs that come next, and put the jobs into the queue."""
    await connection.execute(QUERIES["dispatch"], {"user_id": user_id, "lanes": lanes, "queue": QUEUE, "task": TASK})


async def end(
    transaction: Transaction,
    run_id: RunId,
    row: RunRow,
    ending: Ending,
    drafts: Sequence[Draft],
    *,
    lanes: int,
    fence: int | None = None,
) -> State:
    """Append `drafts`, the last of them the terminal event, set the final state and dispatch what comes next.

    Nobody can write for this run afterwards, whoever believes to hold it.

    Raises `IllegalTransition`, or `Fenced` when `fence` is given and no longer holds.
    """
    state = advance(row.state, ending.change)
    # The fence is that of the run whose turn it is: one that waited in line behind it must not take it away.
    await transaction.append(row.thread_id, drafts, fence=fence, release=row.turn)
    connection, user_id = transaction.connection, transaction.user_id
    async with connection.pipeline():
        await connection.execute(
            QUERIES["end_run"],
            {
                "user_id": user_id,
                "run_id": run_id,
                "thread_id": row.thread_id,
                "state": state,
                "result": _json(ending.result),
                "error": _json(ending.error),
                "usage": _json(ending.usage),
            },
        )
        await dispatch(connection, user_id, lanes)
    return state


async def settle_model_calls(transaction: Transaction, run_id: RunId) -> Usage:
    """End the requests to language models that nobody waits for any more, and return what a run of the transaction's user took.

    A price that is not known makes the sum unknown.
    """
    cursor = await transaction.connection.execute(
        QUERIES["settle_model_calls"], {"user_id": transaction.user_id, "run_id": run_id}
    )
    input_tokens, output_tokens, cost = await cursor.fetchone() or (0, 0, None)
    return Usage(
        input_tokens=int(input_tokens), output_tokens=int(output_tokens), cost_usd=None if cost is None else float(cost)
    )


async def release(
    transaction: Transaction, claim: Claim, change: Change, drafts: Sequence[Draft] = (), *, waits_for: str | None = None
) -> State:
    """Append `drafts` and let go of a claimed run: `PARKED` gives its lane up, `HANDED_BACK` keeps it. Raises `Fenced`."""
    state = advance(State.RUNNING, change)
    await transaction.append(claim.thread_id, drafts, fence=claim.fence, release=True)
    await transaction.connection.execute(
        QUERIES["release_run"],
        {
            "user_id": claim.user_id,
            "run_id": claim.run_id,
            "state": state,
            "waits_for": waits_for,
            "keeps_lane": change is Change.HANDED_BACK,
        },
    )
    return state


def _json(value: Any) -> str | None:
    return None if value is None else encode(value).decode()
