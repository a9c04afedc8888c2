"""One claimed run, from its claim to the moment somebody else may have it: execute the agent, watch over it, end it once.

Whatever happens first decides: the agent ends, somebody cancels, time is up, the agent asks its user, the worker stops, or
the claim turns out to be lost. The terminal event and the final state are one transaction under the fence, so there is
exactly one of them, whoever else believes to hold the run.
"""

import asyncio
import itertools
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any, Final, Protocol, TypeVar

import msgspec
import psycopg

from netra.clock import Clock
from netra.db.scope import DatabaseUnreachable
from netra.db.uncut import uncut
from netra.errors import NetraError, Unavailable
from netra.events.codec import Draft, draft
from netra.events.model import AgentCompleted, EventData, Usage
from netra.ids import PlanId
from netra.runs import ledger
from netra.runs.claim import Claimed, cancelled, end_drafts, failed
from netra.runs.context import Caller, RunContext, RunFacts
from netra.runs.failure import explain
from netra.runs.ledger import Ending
from netra.runs.payload import NotStorable
from netra.runs.pen import Pen
from netra.runs.state import Change, State
from netra.runs.veil import Veil
from netra.streams.log import Fenced
from netra.streams.streams import Streams, Transaction
from netra.streams.writer import LogUnavailable
from netra.vault.sealing import SecretUnreadable

logger = logging.getLogger(__name__)

T = TypeVar("T")

AWAY: Final = (psycopg.OperationalError, Unavailable)
"""The database cannot do it just now: it is gone, busy, full. What it refuses for good is another error."""


class Runnable(Protocol):
    """What a worker executes under an agent's name."""

    async def run(self, context: RunContext) -> Any:
        """Do the work and return a JSON-able result. Never call `context` after returning."""
        ...


class AgentExited(NetraError):
    """The agent's code asked the whole process to exit; only the run ended."""

    code = "agent_exited"


class Stop(Enum):
    """Why an agent is stopped before its end."""

    CANCELLED = auto()
    TIMEOUT = auto()
    PARKED = auto()
    HANDED_BACK = auto()
    """The worker stops, or the log cannot be written: the run goes on elsewhere."""
    LOST = auto()
    """Somebody newer holds the run, or it is gone."""


class Verdict(Enum):
    """What becomes of the run's job."""

    DONE = auto()
    AGAIN = auto()


@dataclass(frozen=True, slots=True)
class ExecutionLimits:
    """What bounds one execution. Times are in seconds."""

    execution_timeout: float
    cleanup_deadline: float
    """How long a stopped agent may take to clean up."""
    rollup: float
    """How long streamed text is gathered."""
    lanes: int
    """Runs of one user that execute at once."""


@dataclass(slots=True)
class Timings:
    """How long the parts around the agent's own work took, in milliseconds."""

    context: float = 0.0
    """Making the run's context, its journal already read."""
    agent: float = 0.0
    """From there to the first line of the agent."""
    cleanup: float = 0.0
    """From the run's last event to a free slot."""


class Execution:
    """Executes one claimed run, once."""

    def __init__(self, streams: Streams, clock: Clock, claimed: Claimed, limits: ExecutionLimits) -> None:
        self._streams = streams
        self._clock = clock
        self._claimed = claimed
        self._limits = limits
        self._stopped: asyncio.Future[Stop] = asyncio.get_running_loop().create_future()
        self._by = ""
        self._pen = Pen(self._append, limits.rollup, self._pen_broke)
        self._veil = Veil()
        self.claim = claimed.claim
        self.timings = Timings()
        self.agent: asyncio.Task[Any]
        """The agent at work; still running after `execute` has returned only if it does not let itself be cancelled."""
        self.change: Change | None = None
        """What became of the run, once `execute` has returned; None when it was lost to somebody newer."""

    def stop(self, reason: Stop, by: str = "") -> None:
        """Stop the agent. Of several reasons the first counts."""
        if not self._stopped.done():
            self._by = by
            self._stopped.set_result(reason)

    async def execute(self, runnable: Runnable) -> Verdict:
        """Run the agent to its end, or to the first reason to stop it, and settle the run."""
        begun = time.perf_counter()
        row, claim = self._claimed.row, self.claim
        facts = RunFacts(
            user_id=claim.user_id,
            user_name=row.user_name,
            thread_id=claim.thread_id,
            run_id=claim.run_id,
            plan=PlanId(row.plan, row.plan_version),
            attempt=self._claimed.attempt,
            input=row.input,
            answers=row.answers,
        )
        context = RunContext(facts, row.agent, self._claimed.journal, self._pen, self, self._clock, Caller(veil=self._veil))
        async with self._pen:
            self.timings.context = _milliseconds_since(begun)
            made = time.perf_counter()
            self.agent = asyncio.create_task(self._start(runnable, context, made), name=f"agent {row.agent}")
            try:
                reason = await self._watch(self.agent)
            except asyncio.CancelledError:  # the process is on its way out
                await self._end_agent(self.agent)
                raise
            ended = time.perf_counter()
            verdict = await self._settle(self.agent, reason)
            self.timings.cleanup = _milliseconds_since(ended)
        return verdict

    # What a context needs of its run (see `context.Record`) ---------------------------------------------------------------

    @property
    def cancelled(self) -> bool:
        return self._stopped.done()

    async def commit(self, work: Callable[[Transaction], Awaitable[T]], agent: str, tell: Callable[[T], EventData]) -> T:
        claim = self.claim

        async def transact() -> T:
            async with AsyncExitStack() as stack:
                async with self._whatever_happens(), self._streams.transaction(claim.user_id) as transaction:
                    result = await work(transaction)
                    await stack.enter_async_context(self._pen.held())
                    data = tell(result)
                    event = draft(data, self._clock.now(), run_id=claim.run_id, agent=agent)
                    (placed,) = await transaction.append(claim.thread_id, [event], fence=claim.fence)
                # Still held, so that whoever ends the run finds the journal to be what the log is.
                claim.confirmed = placed.seq
                self._claimed.journal.note(agent, data)
            return result

        return await uncut(transact())

    async def park(self, request_id: str, event: Draft) -> None:
        await uncut(self._park(request_id, event))
        await asyncio.Event().wait()  # for the end of this agent: its run is somebody else's now

    async def _park(self, request_id: str, event: Draft) -> None:
        claim = self.claim
        async with (
            self._pen.held(),
            self._whatever_happens(),
            self._streams.transaction(claim.user_id, ledger.TURN) as transaction,
        ):
            row = await ledger.read(transaction.connection, claim.user_id, claim.run_id)
            if row.cancel_by is not None:
                # Asked for while it still ran, so its worker has to bring it about; once it waits, nobody would.
                self.stop(Stop.CANCELLED, row.cancel_by)
                return
            await ledger.release(transaction, claim, Change.PARKED, [event], waits_for=request_id)
            await ledger.dispatch(transaction.connection, claim.user_id, self._limits.lanes)
        self.stop(Stop.PARKED)

    @asynccontextmanager
    async def _whatever_happens(self) -> AsyncIterator[None]:
        """Stop this execution when a transaction of its own cannot be relied on."""
        try:
            yield
        except DatabaseUnreachable as error:
            # Nobody knows whether it happened. The log does, and the next attempt reads it.
            self.stop(Stop.HANDED_BACK)
            raise LogUnavailable from error
        except Fenced:
            self.stop(Stop.LOST)
            raise

    async def _append(self, drafts: Sequence[Draft]) -> None:
        await self._streams.append(self.claim, drafts)

    def _pen_broke(self, error: NetraError) -> None:
        self.stop(Stop.LOST if isinstance(error, Fenced) else Stop.HANDED_BACK)

    # The agent -----------------------------------------------------------------------------------------------------------

    async def _start(self, runnable: Runnable, context: RunContext, made: float) -> Any:
        self.timings.agent = _milliseconds_since(made)
        try:
            return await runnable.run(context)
        except SystemExit as error:
            # In a task it would end the event loop, and every other user's run with it.
            raise AgentExited from error

    async def _watch(self, agent: "asyncio.Task[Any]") -> Stop | None:
        """Wait for the agent's end, or for a reason to stop it. None: it ended by itself."""
        await asyncio.wait({agent, self._stopped}, timeout=self._limits.execution_timeout, return_when=asyncio.FIRST_COMPLETED)
        if not agent.done():
            self.stop(Stop.TIMEOUT)
        if not self._stopped.done():
            return None
        reason = self._stopped.result()
        if reason not in (Stop.CANCELLED, Stop.TIMEOUT):
            self._pen.close()  # the run goes on elsewhere; what this agent says while it cleans up is not part of it
        await self._end_agent(agent)
        return reason

    async def _end_agent(self, agent: "asyncio.Task[Any]") -> None:
        agent.cancel()
        await asyncio.wait({agent}, timeout=self._limits.cleanup_deadline)
        if not agent.done():
            # Nothing can end a coroutine that does not want to end. It writes nothing any more, and its slot is free.
            logger.warning("run %s: agent %s goes on after it was cancelled", self.claim.run_id, self._claimed.row.agent)

    # The end -------------------------------------------------------------------------------------------------------------

    async def _settle(self, agent: "asyncio.Task[Any]", reason: Stop | None) -> Verdict:
        error = agent.exception() if agent.done() and not agent.cancelled() else None
        if reason is Stop.PARKED:
            self.change = Change.PARKED
        if reason in (Stop.PARKED, Stop.LOST):
            return Verdict.DONE
        try:
            if reason is not Stop.HANDED_BACK and not (reason is None and _unavailable(error)):
                self._veil.finish_all()  # an attempt that follows would say it again, and perhaps go on with it
            await self._pen.settle()
            if reason is Stop.HANDED_BACK:
                return await self._hand_back()
            # Whoever holds the pen is at its end as well; then nobody writes any more, and the journal is what the log is.
            async with self._pen.held():
                self._pen.close()
        except Fenced:
            return Verdict.DONE
        except LogUnavailable:
            return await self._hand_back()
        if reason is None and _unavailable(error):
            # The database was away, or had no connection to spare. Not the agent's fault, but this attempt counts.
            return Verdict.AGAIN
        return await self._end(self._ending(agent, reason, error))

    def _ending(self, agent: "asyncio.Task[Any]", reason: Stop | None, error: BaseException | None) -> Ending:
        if reason is Stop.CANCELLED:
            return cancelled(self._by)
        if reason is Stop.TIMEOUT:
            return failed("timeout", f"the run took longer than {self._limits.execution_timeout:g} seconds.")
        if agent.cancelled():
            return failed("agent_error", "the agent cancelled itself.")
        result = None
        if error is None:
            try:
                result = self._veil.value(agent.result(), "the result")
            except NotStorable as refused:
                error = refused
        if error is not None:
            code = error.code if isinstance(error, SecretUnreadable) else "agent_error"
            return failed(code, explain(error, self.claim.run_id, self._veil.scrubber).message)
        usage = Usage()
        took = max((self._clock.now() - self._claimed.started_at).total_seconds(), 0.0)
        event = AgentCompleted(result=result, usage=usage, duration_ms=round(took * 1000, 3))
        return Ending(Change.COMPLETED, event, result=result, usage=msgspec.structs.asdict(usage))

    async def _end(self, ending: Ending) -> Verdict:
        """Write the terminal event and the final state."""
        row = replace(self._claimed.row, state=State.RUNNING)
        claim = self.claim

        async def write() -> None:
            async with self._streams.transaction(claim.user_id, ledger.TURN) as transaction:
                last = await self._with_usage(transaction, ending)
                drafts = end_drafts(self._claimed.journal, last.event, self._clock.now(), claim.run_id, row.agent)
                await ledger.end(transaction, claim.run_id, row, last, drafts, lanes=self._limits.lanes, fence=claim.fence)

        await self._persist(write, ending.change)
        return Verdict.DONE

    async def _with_usage(self, transaction: Transaction, ending: Ending) -> Ending:
        """The ending with what the run took of language models, by the rows of its calls, whichever attempt made them."""
        if not self._claimed.journal.asked_a_model:
            return ending
        usage = await ledger.settle_model_calls(transaction, self.claim.run_id)
        if not isinstance(ending.event, AgentCompleted):
            return ending
        event = msgspec.structs.replace(ending.event, usage=usage)
        return replace(ending, event=event, usage=msgspec.structs.asdict(usage))

    async def _hand_back(self) -> Verdict:
        """Let the run go on elsewhere. This attempt does not count: nothing is wrong with the run."""

        async def write() -> None:
            async with self._streams.transaction(self.claim.user_id, ledger.TURN) as transaction:
                await ledger.release(transaction, self.claim, Change.HANDED_BACK)

        await self._persist(write, Change.HANDED_BACK)
        return Verdict.AGAIN

    async def _persist(self, write: Callable[[], Awaitable[None]], change: Change) -> None:
        """Write over as many outages as it takes. Fenced: somebody newer holds the run, or our last try had worked."""
        for attempt in itertools.count():
            try:
                await write()
            except Fenced:
                return
            except AWAY as error:
                logger.warning("run %s cannot be %s yet: %s", self.claim.run_id, change, type(error).__name__)
                await self._clock.sleep(min(0.1 * 2**attempt, 2.0))
            else:
                self.change = change
                return


def _unavailable(error: BaseException | None) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return error.subgroup(Unavailable) is not None
    return isinstance(error, Unavailable)


def _milliseconds_since(begun: float) -> float:
    return (time.perf_counter() - begun) * 1000
