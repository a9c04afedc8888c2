"""The worker of one process: takes runs from the queue, executes them side by side, and looks after what others have lost.

Four things go on while it lives: fetching jobs into free slots, a heartbeat, a watch over its own runs (was one cancelled,
does the claim still hold), and a sweep, done by one process at a time, that takes back the jobs of silent workers. None of
them ends when the database goes away; they wait for it.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

import psycopg
import structlog
from psycopg.errors import ForeignKeyViolation

from netra.clock import Clock
from netra.errors import NotFound, Unavailable
from netra.ids import RunId, UserId
from netra.runs import claim, ledger
from netra.runs.execution import Execution, ExecutionLimits, Runnable, Stop, Verdict
from netra.runs.failure import explain
from netra.runs.queue import Job, Queue
from netra.runs.state import Change, State
from netra.streams.background import beside
from netra.streams.streams import Streams

logger = logging.getLogger(__name__)

SAMPLES: Final = 1024
"""How many of the latest timings are kept."""

AWAY: Final = (psycopg.OperationalError, Unavailable)
"""The database cannot be reached just now; whoever meets it tries again."""

AT_ONCE: Final = 10
"""Jobs that one fetch takes at most."""

PAUSE: Final = 0.5
"""Seconds between attempts to reach a database that went away."""

GIVE_UP: Final = 5.0
"""Seconds that a stopping worker gives runs to be handed back, after their agents have had theirs to clean up."""


def _samples() -> deque[float]:
    return deque(maxlen=SAMPLES)


@dataclass(slots=True)
class WorkerCounts:
    """Since the start of this worker. Numbers only, for whoever shows them."""

    changes: Counter[Change] = field(default_factory=Counter)
    """What happened to the runs it took."""
    taken_back: int = 0
    """Jobs of silent workers that it put back."""
    queue_waits: deque[float] = field(default_factory=_samples)
    """Seconds from acceptance to first claim."""
    context_ms: deque[float] = field(default_factory=_samples)
    agent_ms: deque[float] = field(default_factory=_samples)
    cleanup_ms: deque[float] = field(default_factory=_samples)
    """See `execution.Timings`."""


class Worker:
    """Executes runs for the length of `Worker.open`, and drains at its end."""

    def __init__(
        self,
        streams: Streams,
        clock: Clock,
        agents: Mapping[str, Runnable],
        limits: ExecutionLimits,
        *,
        concurrency: int,
        attempts: int,
        lease: float,
        heartbeat: float,
        drain_timeout: float,
        poll: float,
    ) -> None:
        self._streams = streams
        self._clock = clock
        self._agents = agents
        self._limits = limits
        self._concurrency = concurrency
        self._attempts = attempts
        self._lease = lease
        self._heartbeat = heartbeat
        self._drain_timeout = drain_timeout
        self._poll = poll
        self._queue = Queue(streams.database, lease)
        self._wake = asyncio.Event()
        self._look = asyncio.Event()
        self._draining = False
        self._handing_back = False
        self._drain_once = asyncio.Lock()
        self._fetched = asyncio.Event()
        """Set when no more jobs are fetched."""
        self._jobs: set[asyncio.Task[None]] = set()
        self._held: set[int] = set()
        """Jobs that are ours, as far as we have heard."""
        self._in_doubt_until = float("-inf")
        """Until then we may hold jobs that we have not heard of: the answer to a fetch was lost."""
        self._finished: list[Job] = []
        """Jobs whose runs are done, and which are still in the queue."""
        self._to_finish = asyncio.Event()
        self._executions: set[Execution] = set()
        self._beaten_at = clock.monotonic()
        self._strays: set[asyncio.Task[object]] = set()
        """Agents that went on after they were cancelled; kept so that they are not lost track of."""
        self.counts = WorkerCounts()

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        streams: Streams,
        clock: Clock,
        agents: Mapping[str, Runnable],
        *,
        concurrency: int = 100,
        max_concurrent_per_user: int = 10,
        attempts: int = 3,
        lease: float = 10.0,
        heartbeat: float = 2.5,
        execution_timeout: float = 300.0,
        cleanup_deadline: float = 5.0,
        drain_timeout: float = 20.0,
        rollup: float = 0.040,
        poll: float = 1.0,
    ) -> AsyncIterator["Worker"]:
        """Run a worker for the length of the block; then let its runs end, or hand them back. Times are in seconds.

        A run of a worker that died goes on after `lease` and at most two `poll`s. Raises when the database is away at the
        start; from then on it waits for it.
        """
        limits = ExecutionLimits(execution_timeout, cleanup_deadline, rollup, max_concurrent_per_user)
        worker = cls(
            streams,
            clock,
            agents,
            limits,
            concurrency=concurrency,
            attempts=attempts,
            lease=lease,
            heartbeat=heartbeat,
            drain_timeout=drain_timeout,
            poll=poll,
        )
        await worker._queue.join()
        streams.on_cancel_wanted(worker._look_at)
        beating = beside(
            heartbeat=worker._beat(),
            listener=worker._listen(),
            watch=worker._watch(),
            sweep=worker._sweep_on(),
            finish=worker._finish(),
            fetch=worker._fetch(),
        )
        async with beating:
            try:
                yield worker
            finally:
                await worker.drain()

    @property
    def running(self) -> int:
        """Runs that execute here now."""
        return len(self._executions)

    @property
    def alive(self) -> bool:
        """Whether runs are taken here, and the last sign of life is younger than the lease."""
        taking = not self._draining and not self._fetched.is_set()
        return taking and self._clock.monotonic() - self._beaten_at < self._lease

    async def drain(self) -> None:
        """Take no more runs; let those at work end for a while, then hand them back. The heart beats on meanwhile.

        Can be called early, and again: leaving the block of `open` does the same.
        """
        self._draining = True
        self._wake.set()
        async with self._drain_once:
            await self._fetched.wait()
            await self._until_idle(self._drain_timeout)
            self._handing_back = True
            for execution in self._executions:
                execution.stop(Stop.HANDED_BACK)
            await self._until_idle(self._limits.cleanup_deadline + GIVE_UP)
            for task in self._jobs:
                task.cancel()
            await self._until_idle(self._limits.cleanup_deadline)
            with suppress(*AWAY):
                await self._queue.finish(self._finished)
                await self._queue.leave()

    # Runs ----------------------------------------------------------------------------------------------------------------

    async def _fetch(self) -> None:
        """Fill the free slots with jobs, as they come."""
        try:
            found = False
            while not self._draining:
                self._wake.clear()
                # One is asked for until there was one: then there are likely more, and each costs a share of a commit.
                jobs = await self._fetch_once(AT_ONCE if found else 1)
                found = bool(jobs)
                for job in jobs:
                    self._held.add(job.id)
                    task = asyncio.create_task(self._process(job), name=f"run {job.run_id}")
                    self._jobs.add(task)
                    task.add_done_callback(self._free)
                if not jobs:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(self._poll):
                            await self._wake.wait()
        finally:
            self._fetched.set()

    async def _fetch_once(self, count: int) -> list[Job]:
        try:
            if self._clock.monotonic() < self._in_doubt_until:
                # Nothing else fetches meanwhile. What is still on its way to the server is let go of by a later look.
                # Also while no slot is free: nobody else can take what is held here.
                await self._queue.put_back_unknown(self._held)
            free = self._concurrency - len(self._jobs)
            return await self._queue.fetch(min(free, count)) if free > 0 else []
        except ForeignKeyViolation:
            # Silent for so long that this worker was forgotten: the heartbeat registers it anew.
            await self._try(self._beat_once)
        except AWAY as error:
            logger.warning("no runs are taken while the database is away: %s", type(error).__name__)
            self._doubt()
            await self._clock.sleep(PAUSE)
        except Exception:  # a boundary: a worker that lives and fetches nothing keeps what it has from all the others
            logger.exception("no runs are taken for a moment: the queue could not be read")
            self._doubt()
            await self._clock.sleep(PAUSE)
        return []

    def _doubt(self) -> None:
        """Look, for as long as an answer may be on its way, for jobs that are ours and that nobody here works on."""
        self._in_doubt_until = self._clock.monotonic() + self._lease

    def _free(self, task: "asyncio.Task[None]") -> None:
        self._jobs.discard(task)
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            task.get_loop().call_exception_handler({"message": "a run could not be settled", "exception": error})
            self._doubt()

    async def _process(self, job: Job) -> None:
        """Take a job's run, execute it, and settle the job. Whatever goes wrong with one run is the business of that run."""
        # This is the run's own task: what is logged from here on, by the agent too, says whose it is.
        structlog.contextvars.bind_contextvars(user_id=str(job.user_id), run_id=str(job.run_id))
        try:
            verdict = await self._claim_and_execute(job)
        except NotFound:
            verdict = Verdict.DONE  # its thread was deleted
        except AWAY:
            verdict = Verdict.AGAIN
        except Exception as error:  # noqa: BLE001 - a boundary: one run's fault must not end the others
            # A fault of ours. The run is tried again, and after its last attempt it fails in the log, where its user sees it.
            explain(error, job.run_id)
            verdict = Verdict.AGAIN
        if verdict is Verdict.DONE:
            self._finished.append(job)
            self._to_finish.set()
            return
        self._held.discard(job.id)  # before it is, because it may be fetched again before the answer is here
        while True:
            try:
                await self._queue.put_back(job, 0.0 if self._draining else PAUSE)
                return
            except AWAY:
                await self._clock.sleep(PAUSE)

    async def _claim_and_execute(self, job: Job) -> Verdict:
        claimed = await claim.claim(
            self._streams,
            self._clock,
            job,
            self._agents,
            attempts=self._attempts,
            lanes=self._limits.lanes,
        )
        if not isinstance(claimed, claim.Claimed):
            if claimed is not None:
                self.counts.changes[claimed] += 1
            return Verdict.DONE
        self.counts.changes[claimed.change] += 1
        if claimed.row.started_at is None:
            self.counts.queue_waits.append(claimed.row.age)
        execution = Execution(self._streams, self._clock, claimed, self._limits)
        self._executions.add(execution)
        if self._handing_back:
            execution.stop(Stop.HANDED_BACK)  # it came while the others were told
        try:
            verdict = await execution.execute(self._agents[claimed.row.agent])
        finally:
            self._executions.discard(execution)
        if not execution.agent.done():
            self._strays.add(execution.agent)
            execution.agent.add_done_callback(self._strays.discard)
        if execution.change is not None:
            self.counts.changes[execution.change] += 1
        self.counts.context_ms.append(execution.timings.context)
        self.counts.agent_ms.append(execution.timings.agent)
        self.counts.cleanup_ms.append(execution.timings.cleanup)
        return verdict

    async def _until_idle(self, timeout: float) -> None:
        if self._jobs:
            await asyncio.wait(self._jobs, timeout=timeout)

    async def _finish(self) -> None:
        """Remove the jobs of runs that are done, all at once that gathered while the last were removed."""
        while True:
            await self._to_finish.wait()
            self._to_finish.clear()
            await self._try(self._finish_once)

    async def _finish_once(self) -> None:
        while self._finished:
            jobs = list(self._finished)
            try:
                await self._queue.finish(jobs)
            except AWAY:
                # A job that outlives its run is no harm, only litter: whoever takes it finds nothing to do.
                self._to_finish.set()
                await self._clock.sleep(PAUSE)
                raise
            del self._finished[: len(jobs)]
            self._held.difference_update(job.id for job in jobs)

    # What goes on beside -------------------------------------------------------------------------------------------------

    async def _beat(self) -> None:
        while True:
            await self._clock.sleep(self._heartbeat)
            await self._try(self._beat_once)

    async def _beat_once(self) -> None:
        await self._queue.beat()
        self._beaten_at = self._clock.monotonic()

    async def _listen(self) -> None:
        while True:
            await self._try(lambda: self._queue.listen(self._wake))
            await self._clock.sleep(PAUSE)

    def _look_at(self, run_id: RunId) -> None:
        """A hint says that a run is to be cancelled: if it is one of ours, look now."""
        if any(execution.claim.run_id == run_id for execution in self._executions):
            self._look.set()

    async def _watch(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll):
                    await self._look.wait()
            self._look.clear()
            if self._executions:
                await self._try(self._check_claims)

    async def _check_claims(self) -> None:
        """Stop those of our runs that somebody cancelled, or that are not ours any more."""
        ours = list(self._executions)
        async with self._streams.database.system().transaction() as connection:
            cursor = await connection.execute(
                ledger.QUERIES["read_claims"],
                {"user_ids": [e.claim.user_id for e in ours], "run_ids": [e.claim.run_id for e in ours]},
            )
            found = {run_id: rest async for run_id, *rest in cursor}
        for execution in ours:
            fence, state, cancel_by = found.get(execution.claim.run_id, (None, None, None))
            if fence != execution.claim.fence or state != State.RUNNING:
                execution.stop(Stop.LOST)
            elif cancel_by is not None:
                execution.stop(Stop.CANCELLED, cancel_by)

    async def _sweep_on(self) -> None:
        while True:
            await self._try(self._sweep)
            await self._clock.sleep(2 * self._poll)

    async def _sweep(self) -> None:
        """Take back the jobs of silent workers, and give jobs to runs that should have one. One process at a time."""
        async with self._streams.database.system().transaction() as connection:
            cursor = await connection.execute(ledger.QUERIES["try_sweep"])
            if await cursor.fetchone() != (True,):
                return
            self.counts.taken_back += await self._queue.take_back(connection)
            await connection.execute(ledger.QUERIES["defer_lost"], {"queue": ledger.QUEUE, "task": ledger.TASK})
            cursor = await connection.execute(ledger.QUERIES["read_held_up"], {"lanes": self._limits.lanes})
            held_up = [UserId(user_id) for (user_id,) in await cursor.fetchall()]
        for user_id in held_up:
            async with self._streams.database.system().transaction() as connection:
                await ledger.lock(connection, user_id)
                await ledger.dispatch(connection, user_id, self._limits.lanes)

    async def _try(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do it, or let it be for this time, above all when the database is away. What goes on beside runs never ends."""
        try:
            await work()
        except AWAY as error:
            logger.warning("a worker waits for the database: %s", type(error).__name__)
        except Exception:
            logger.exception("a part of a worker has failed, and is tried again")
