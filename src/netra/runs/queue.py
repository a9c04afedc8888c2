"""The queue between acceptance and workers: Procrastinate's tables, functions and wake-ups, with a worker of our own.

Jobs are put in by `ledger.dispatch`, in the transaction that changes the run, and taken out here, through the same SQL
functions that Procrastinate's Python side calls. Its own worker is not used, for two reasons: its heartbeat and its listener
end the whole worker when the database restarts, and while it drains it sends no heartbeat, so that a drain longer than the
lease gives its runs away twice. Nor is its lock: in the database one run of a thread has its turn, and a job names the
dispatch that it was made for, while to look up a lock each fetch would read the whole index of jobs.

A job is finished or put back only by the worker that holds it (`worker_id`, `doing`): one that was paused beyond its lease
wakes up to find its jobs with somebody else, and must not take them away.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from netra.db.database import ANSWER_WITHIN, Connection, Database
from netra.db.scope import DatabaseUnreachable
from netra.ids import RunId, UserId
from netra.runs.ledger import QUERIES, QUEUE

CHANNEL: Final = f"procrastinate_queue_v1#{QUEUE}"
"""Where Procrastinate's triggers tell of new jobs."""

SILENCE: Final = 30.0
"""Seconds without a job after which the listener asks whether its connection still lives."""

FORGET_AFTER: Final = 20
"""Leases of silence after which a dead worker's row is removed. Its jobs were taken back after one."""


@dataclass(frozen=True, slots=True)
class Job:
    """A run that a worker is to execute."""

    id: int
    user_id: UserId
    run_id: RunId
    dispatch: int
    """The how-manieth dispatch of the run it was made for. A job of an earlier one is void."""


class Queue:
    """The jobs as one worker sees them. `join` it before use."""

    def __init__(self, database: Database, lease: float) -> None:
        """`lease` is in seconds: how long a worker may be silent before its jobs go to others."""
        self._database = database
        self._lease = lease
        self._worker_id = 0

    async def join(self) -> None:
        """Register as a worker."""
        (row,) = await self._fetch("join")
        self._worker_id = row["worker_id"]

    async def leave(self) -> None:
        """Sign off. Jobs still held are taken back at once by whoever sweeps next."""
        await self._fetch("leave")

    async def fetch(self, count: int) -> list[Job]:
        """Take the next jobs, at most `count`."""
        rows = await self._fetch("fetch_jobs", count=count, queue=QUEUE)
        return [
            Job(row["id"], UserId(UUID(row["args"]["user_id"])), RunId(UUID(row["args"]["run_id"])), row["args"]["dispatch"])
            for row in rows
        ]

    async def finish(self, jobs: Sequence[Job]) -> None:
        """Remove jobs of ours; somebody else's stay."""
        await self._fetch("finish_jobs", job_ids=[job.id for job in jobs])

    async def put_back(self, job: Job, delay: float) -> None:
        """Let somebody take a job of ours again, in `delay` seconds."""
        await self._fetch("put_back_job", job_id=job.id, delay=delay)

    async def put_back_unknown(self, known: Iterable[int]) -> None:
        """Let somebody take jobs of ours again that are not among these: we never heard that we have them."""
        await self._fetch("put_back_unknown", known=[*known], queue=QUEUE)

    async def beat(self) -> None:
        """Give a sign of life; a worker that was forgotten meanwhile registers anew."""
        if not await self._fetch("beat"):
            await self.join()

    async def listen(self, wake: asyncio.Event) -> None:
        """Set `wake` whenever a job comes in. Ends only by cancellation or an error."""
        async with await self._database.connect_listener() as connection:
            await connection.execute(f'LISTEN "{CHANNEL}"')
            wake.set()  # what came in before we listened
            while True:
                # A time limit, because a connection that died in silence never raises: the query afterwards does.
                async for _ in connection.notifies(timeout=SILENCE):
                    wake.set()
                try:
                    async with asyncio.timeout(ANSWER_WITHIN):
                        await connection.execute("SELECT 1")
                except TimeoutError as error:
                    raise DatabaseUnreachable from error

    async def take_back(self, connection: Connection) -> int:
        """Put back the jobs of workers that are silent or gone; return how many."""
        cursor = await connection.execute(QUERIES["take_back_jobs"], {"lease": self._lease, "queue": QUEUE})
        await connection.execute(QUERIES["forget_workers"], {"silence": self._lease * FORGET_AFTER})
        return cursor.rowcount

    async def _fetch(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        return await self._database.system().fetch(QUERIES[query], {"worker_id": self._worker_id, **parameters})
