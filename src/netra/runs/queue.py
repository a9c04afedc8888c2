"""The queue between acceptance and workers: Procrastinate's tables, locks and wake-ups, with a worker loop of our own.

Jobs are put in by `ledger.dispatch`, in the transaction that changes the run. Taking them out goes through Procrastinate's
job manager. Its own worker is not used, for two reasons that both showed in its source: its heartbeat and its listener end
the whole worker when the database restarts, and while it drains it sends no heartbeat, so that a drain longer than the lease
gives its runs away twice.

A job is finished or put back only by the worker that holds it (`worker_id`, `doing`): one that was paused beyond its lease
wakes up to find its jobs with somebody else, and must not take them away.
"""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any, Final

from procrastinate import App, PsycopgConnector

from netra.db.database import Connection, Database
from netra.ids import RunId, UserId, parse_uuid
from netra.runs.ledger import QUERIES, QUEUE

# It tells of every job at INFO, arguments included.
logging.getLogger("procrastinate").setLevel(logging.WARNING)

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


class Queue:
    """The jobs as one worker sees them. `join` it before use."""

    def __init__(self, database: Database, lease: float) -> None:
        """`lease` is in seconds: how long a worker may be silent before its jobs go to others."""
        self._database = database
        self._lease = lease
        connector = PsycopgConnector()
        self._app = App(connector=connector)
        self._connector = connector
        self._worker_id = 0

    async def join(self) -> None:
        """Register as a worker."""
        # Given a pool, the connector opens and closes none of its own.
        await self._connector.open_async(self._database.system_pool)
        self._worker_id = await self._app.job_manager.register_worker()

    async def leave(self) -> None:
        """Sign off. Jobs still held are taken back at once by whoever sweeps next."""
        await self._app.job_manager.unregister_worker(self._worker_id)

    async def fetch(self) -> Job | None:
        """Take the next job, or None when there is none to take now."""
        job = await self._app.job_manager.fetch_job(queues=[QUEUE], worker_id=self._worker_id)
        if job is None:
            return None
        assert job.id is not None
        user_id, run_id = (parse_uuid(str(job.task_kwargs[name])) for name in ("user_id", "run_id"))
        assert user_id is not None
        assert run_id is not None
        return Job(job.id, UserId(user_id), RunId(run_id))

    async def finish(self, job: Job) -> None:
        """Remove a job of ours; somebody else's stays."""
        await self._execute("finish_job", job_id=job.id, worker_id=self._worker_id)

    async def put_back(self, job: Job, delay: float) -> None:
        """Let somebody take a job of ours again, in `delay` seconds."""
        await self._execute("put_back_job", job_id=job.id, worker_id=self._worker_id, delay=delay)

    async def beat(self) -> None:
        """Give a sign of life; a worker that was forgotten meanwhile registers anew."""
        if not await self._execute("beat", worker_id=self._worker_id):
            self._worker_id = await self._app.job_manager.register_worker()

    async def listen(self, wake: asyncio.Event) -> None:
        """Set `wake` whenever a job comes in. Ends only by cancellation or an error."""
        async with await self._database.connect_listener() as connection:
            await connection.execute(f'LISTEN "{CHANNEL}"')
            wake.set()  # what came in before we listened
            while True:
                # A time limit, because a connection that died in silence never raises: the query afterwards does.
                async for _ in connection.notifies(timeout=SILENCE):
                    wake.set()
                await connection.execute("SELECT 1")

    async def take_back(self, connection: Connection) -> int:
        """Put back the jobs of workers that are silent or gone; return how many."""
        cursor = await connection.execute(QUERIES["take_back_jobs"], {"lease": self._lease, "queue": QUEUE})
        await connection.execute(QUERIES["forget_workers"], {"silence": self._lease * FORGET_AFTER})
        return cursor.rowcount

    async def _execute(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        return await self._database.system().fetch(QUERIES[query], parameters)
