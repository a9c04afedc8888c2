"""Taking a run: under a new fence, with its journal, or ending it because there is nothing left to take."""

from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime

from netra.clock import Clock
from netra.events.codec import Draft, draft
from netra.events.model import AgentCancelled, AgentFailed, AgentStarted, EventData
from netra.ids import RunId
from netra.runs import ledger
from netra.runs.context import summarize
from netra.runs.journal import Journal, decode, entry
from netra.runs.ledger import Ending, RunRow
from netra.runs.queue import Job
from netra.runs.state import Change, State, advance
from netra.streams import log
from netra.streams.streams import Streams, Transaction
from netra.streams.writer import Claim


@dataclass(frozen=True, slots=True)
class Claimed:
    """A run that is ours to execute."""

    row: RunRow
    """As it was before this claim."""
    claim: Claim
    attempt: int
    change: Change
    started_at: datetime
    """When `agent_started` was logged, in this attempt or the first."""
    journal: Journal


async def claim(
    streams: Streams, clock: Clock, job: Job, agents: Container[str], *, attempts: int, lanes: int
) -> Claimed | Change | None:
    """Take a run that the queue gave us.

    Returns it, or how it ended here and now (cancelled meanwhile, out of attempts, unknown agent), or None when there was
    nothing to take. Raises `NotFound` when there is no such run any more.
    """
    user_id, run_id = job.user_id, job.run_id
    async with streams.transaction(user_id, ledger.TURN) as transaction:
        row = await ledger.read(transaction.connection, user_id, run_id)
        if row.lane is None or row.dispatches != job.dispatch:
            return None  # a job that outlived its run's need of it
        if (ending := _ending(row, agents, attempts)) is not None:
            await end_unclaimed(transaction, clock, run_id, row, ending, lanes=lanes)
            return ending.change
        change = Change.CLAIMED if row.state is State.QUEUED else Change.RECLAIMED
        at = clock.now()
        drafts = []
        if row.started_at is None:
            started = AgentStarted(input=summarize(row.input), plan=row.plan, plan_version=row.plan_version)
            drafts.append(draft(started, at, run_id=run_id, agent=row.agent))
        fence, events = await transaction.take(row.thread_id, drafts)
        await transaction.connection.execute(
            ledger.QUERIES["claim_run"],
            {"user_id": user_id, "run_id": run_id, "state": advance(row.state, change), "fence": fence},
        )
    taken = Claim(user_id, row.thread_id, run_id, fence, events[-1].seq if events else row.accepted_seq)
    journal = Journal()
    if row.started_at is not None:
        scope = streams.database.for_user(user_id)
        events = await log.read_run(scope, row.thread_id, run_id, row.accepted_seq)
        taken.confirmed, at = events[-1].seq, events[0].at
        journal = Journal.of(map(entry, events))
    return Claimed(row, taken, row.attempt + 1, change, at, journal)


async def end_unclaimed(
    transaction: Transaction, clock: Clock, run_id: RunId, row: RunRow, ending: Ending, *, lanes: int
) -> State:
    """End a run that nobody executes, and whatever its log still has open."""
    journal = Journal()
    if row.started_at is not None:
        if row.turn:
            # Whoever executed it may be writing still: what they write in this moment is open as well, and the last of it.
            await transaction.take(row.thread_id, [])
        cursor = await transaction.connection.execute(
            ledger.QUERIES["read_open"],
            {"user_id": transaction.user_id, "thread_id": row.thread_id, "run_id": run_id},
        )
        journal = Journal.of([(agent, decode(kind, body)) async for kind, agent, body in cursor])
        await ledger.settle_model_calls(transaction, run_id)
    drafts = end_drafts(journal, ending.event, clock.now(), run_id, row.agent)
    return await ledger.end(transaction, run_id, row, ending, drafts, lanes=lanes)


def end_drafts(journal: Journal, terminal: EventData, at: datetime, run_id: RunId, agent: str) -> list[Draft]:
    """The last events of a run: what ends its open calls, then its one terminal event."""
    by = terminal.by if isinstance(terminal, AgentCancelled) else "run"
    closing = [draft(data, at, run_id=run_id, agent=speaker) for speaker, data in journal.closing(by)]
    return [*closing, draft(terminal, at, run_id=run_id, agent=agent)]


def failed(code: str, message: str) -> Ending:
    """The end of a run that failed."""
    event = AgentFailed(code=code, message=message)
    return Ending(Change.FAILED, event, error={"code": code, "message": message})


def cancelled(by: str) -> Ending:
    """The end of a run that somebody cancelled."""
    return Ending(Change.CANCELLED, AgentCancelled(by=by))


def _ending(row: RunRow, agents: Container[str], attempts: int) -> Ending | None:
    if row.cancel_by is not None:
        return cancelled(row.cancel_by)
    if row.attempt >= attempts:
        return failed("attempts_exhausted", f"the worker died, or was cut off, {row.attempt} times while it executed this run.")
    if row.agent not in agents:
        return failed("unknown_agent", "no worker here knows this agent.")
    return None
