"""The door to a user's runs: accept one, cancel it, answer it, look at it. Each call is one transaction of that user."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, Protocol

import msgspec
from psycopg.rows import namedtuple_row

from netra.clock import Clock
from netra.errors import Conflict, InvalidInput, NotFound, TooManyRequests
from netra.events.codec import draft, encode
from netra.events.model import InputReceived, RunQueued
from netra.ids import RunId, ThreadId, UserId, new_uuid
from netra.runs import claim, ledger
from netra.runs.payload import as_json, as_text
from netra.runs.state import Change, State, advance
from netra.streams import threads
from netra.streams.streams import Streams, Transaction

OnBusy = Literal["queue", "reject", "interrupt"]
"""What to do when the thread has a live run: wait behind it, refuse, or cancel it first."""

LIVE_RUNS: Final = 10_000
"""Live runs of one user. Every queue is bounded; this one is rows, and others do not feel it."""

LONGEST_KEY: Final = 255
"""Characters of an idempotency key, as most services have it."""

LARGEST_ANSWER: Final = 64 * 1024
"""Bytes of an answer as JSON."""


class UnknownAgent(InvalidInput):
    """There is no agent of that name."""

    code = "unknown_agent"


class IdempotencyMismatch(InvalidInput):
    """This idempotency key was used before, for another request."""

    code = "idempotency_mismatch"


class ThreadBusy(Conflict):
    """The thread has a live run."""

    code = "thread_busy"


class RunEnded(Conflict):
    """This run has already ended."""

    code = "run_ended"


class NotWaiting(Conflict):
    """The run does not wait for that answer."""

    code = "not_waiting"


class QueueFull(TooManyRequests):
    """You have as many live runs as one user may have; wait for some to end."""

    code = "queue_full"


class Acceptor(Protocol):
    """What accepting a run needs to know of its agent."""

    def accept(self, value: Any) -> Any:
        """Return the input as the run will get it, in plain JSON types. Raises `InvalidInput` naming the field."""
        ...


@dataclass(frozen=True, slots=True)
class Accepted:
    """A run that was accepted, now or when its idempotency key was first used."""

    run_id: RunId
    thread_id: ThreadId
    state: State
    seq: int
    """The position of its `run_queued`."""
    replayed: bool
    """Whether the key had been used before, so that nothing happened now."""


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A run as its user may see it."""

    run_id: RunId
    thread_id: ThreadId
    agent: str
    state: State
    input: Any
    plan: str
    attempt: int
    cancel_by: str | None
    waits_for: str | None
    """The `request_id` that `answer` takes, while the run waits."""
    result: Any
    error: dict[str, Any] | None
    usage: dict[str, Any] | None
    accepted_seq: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class Runs:
    """Every user's runs, each reachable by its owner alone."""

    def __init__(
        self, streams: Streams, clock: Clock, agents: Mapping[str, Acceptor], *, max_concurrent_per_user: int = 10
    ) -> None:
        self._streams = streams
        self._clock = clock
        self._agents = agents
        self._lanes = max_concurrent_per_user
        self.refused = 0
        """Runs that were refused since the start of this process, because their user has too many already."""

    async def accept(
        self,
        user_id: UserId,
        thread_id: ThreadId | None,
        agent: str,
        input: Any,
        *,
        idempotency_key: str | None = None,
        on_busy: OnBusy = "queue",
        title: str = "",
    ) -> Accepted:
        """Accept a run: row, `run_queued` and job in one transaction. Without a thread, begin one that is called `title`.

        The run keeps the plan that its user has at that moment. The same key of the same user gives the same run, however
        often and from wherever it comes. Raises `NotFound` for
        the thread; `TooManyThreads`; `UnknownAgent`, `InvalidInput` and `IdempotencyMismatch` with the `field`; `ThreadBusy`,
        `QueueFull`.
        """
        if agent not in self._agents:
            raise UnknownAgent(field="agent")
        value = self._agents[agent].accept(input)
        key = None if idempotency_key is None else _checked_key(idempotency_key)
        title = as_text(title, "title", 200)
        run_id = RunId(new_uuid())
        to_cancel: list[RunId] = []
        async with self._streams.transaction(user_id, ledger.TURN) as transaction:
            where = thread_id or ThreadId(new_uuid())
            line = await self._read_line(transaction, where, key)
            if line.id is not None:
                return _replayed(line, agent, value)
            if thread_id is None:
                await threads.begin(transaction.connection, user_id, where, title)
            elif not line.known:
                raise NotFound
            if line.mine >= LIVE_RUNS:
                self.refused += 1
                raise QueueFull(retry_after=10.0)
            position = line.here
            if position and on_busy == "reject":
                raise ThreadBusy
            if position and on_busy == "interrupt":
                to_cancel, position = await self._interrupt(transaction, where)
            queued = draft(RunQueued(position=position), self._clock.now(), run_id=run_id, agent=agent)
            events = await transaction.append(where, [queued])
            async with transaction.connection.pipeline():
                await transaction.connection.execute(
                    ledger.QUERIES["add_run"],
                    {
                        "user_id": user_id,
                        "run_id": run_id,
                        "thread_id": where,
                        "agent": agent,
                        "state": State.QUEUED,
                        "input": encode(value).decode(),
                        "key": key,
                        "digest": _digest(value) if key is not None else None,
                        "turn": position == 0,
                        "seq": events[0].seq,
                    },
                )
                if position == 0:
                    await ledger.dispatch(transaction.connection, user_id, self._lanes)
        for running in to_cancel:
            self._streams.hints.cancel_wanted(running)
        return Accepted(run_id, where, State.QUEUED, events[0].seq, replayed=False)

    async def cancel(self, user_id: UserId, run_id: RunId, by: str = "user") -> State:
        """Cancel a run: at once when nobody executes it, else soon, by its worker. Returns the state it is in now.

        Raises `NotFound`, or `RunEnded` when there is nothing left to cancel.
        """
        async with self._streams.transaction(user_id, ledger.TURN) as transaction:
            row = await ledger.read(transaction.connection, user_id, run_id)
            state = await self._cancel(transaction, run_id, row, by)
        if state is State.RUNNING:
            self._streams.hints.cancel_wanted(run_id)
        return state

    async def answer(self, user_id: UserId, run_id: RunId, request_id: str, value: Any) -> State:
        """Give a waiting run the answer to its open question. Raises `NotFound`, `NotWaiting`, `InvalidInput`."""
        value = as_json(value, "value", largest=LARGEST_ANSWER)
        async with self._streams.transaction(user_id, ledger.TURN) as transaction:
            row = await ledger.read(transaction.connection, user_id, run_id)
            if row.waits_for is None or row.waits_for != request_id:
                raise NotWaiting
            state = advance(row.state, Change.ANSWERED)
            received = draft(InputReceived(request_id=request_id), self._clock.now(), run_id=run_id, agent=row.agent)
            await transaction.append(row.thread_id, [received])
            async with transaction.connection.pipeline():
                await transaction.connection.execute(
                    ledger.QUERIES["answer_run"],
                    {
                        "user_id": user_id,
                        "run_id": run_id,
                        "state": state,
                        "request_id": request_id,
                        "value": encode(value).decode(),
                    },
                )
                await ledger.dispatch(transaction.connection, user_id, self._lanes)
        return state

    async def get(self, user_id: UserId, run_id: RunId) -> RunInfo:
        """Look at a run. Raises `NotFound`, for somebody else's as well."""
        async with self._streams.transaction(user_id) as transaction:
            row = await ledger.read(transaction.connection, user_id, run_id)
        return RunInfo(
            run_id,
            row.thread_id,
            row.agent,
            row.state,
            row.input,
            row.plan,
            row.attempt,
            row.cancel_by,
            row.waits_for,
            row.result,
            row.error,
            row.usage,
            row.accepted_seq,
            row.created_at,
            row.started_at,
            row.finished_at,
        )

    async def delete_thread(self, user_id: UserId, thread_id: ThreadId) -> None:
        """Delete a conversation: its log, its runs, whatever state they are in. Raises `NotFound`.

        Whoever executes one of them finds its fence gone and stops; the slots are free at once.
        """
        async with self._streams.transaction(user_id, ledger.TURN) as transaction:
            connection = transaction.connection
            where = {"user_id": user_id, "thread_id": thread_id}
            if await (await connection.execute(ledger.QUERIES["delete_thread"], where)).fetchone() is None:
                raise NotFound
            await connection.execute(ledger.QUERIES["delete_events"], where)
            await ledger.dispatch(connection, user_id, self._lanes)
        self._streams.announce_cut((user_id, thread_id), None)

    # ---------------------------------------------------------------------------------------------------------------------

    async def _read_line(self, transaction: Transaction, thread_id: ThreadId, key: str | None) -> Any:
        connection, user_id = transaction.connection, transaction.user_id
        async with connection.cursor(row_factory=namedtuple_row) as cursor:
            await cursor.execute(ledger.QUERIES["read_line"], {"user_id": user_id, "thread_id": thread_id, "key": key})
            return await cursor.fetchone()

    async def _interrupt(self, transaction: Transaction, thread_id: ThreadId) -> tuple[list[RunId], int]:
        """Cancel the live runs of a thread; return those that their workers have yet to end, and how many those are."""
        connection, user_id = transaction.connection, transaction.user_id
        cursor = await connection.execute(ledger.QUERIES["live_runs"], {"user_id": user_id, "thread_id": thread_id})
        running = []
        for (run_id,) in await cursor.fetchall():
            row = await ledger.read(connection, user_id, run_id)
            if await self._cancel(transaction, run_id, row, "interrupt") is State.RUNNING:
                running.append(run_id)
        return running, len(running)

    async def _cancel(self, transaction: Transaction, run_id: RunId, row: ledger.RunRow, by: str) -> State:
        if not row.state.live:
            raise RunEnded
        if row.state is not State.RUNNING:
            ending = claim.cancelled(by)
            return await claim.end_unclaimed(transaction, self._clock, run_id, row, ending, lanes=self._lanes)
        await transaction.connection.execute(
            ledger.QUERIES["want_cancel"], {"user_id": transaction.user_id, "run_id": run_id, "by": by}
        )
        return advance(row.state, Change.CANCEL_WANTED)


def _replayed(line: Any, agent: str, value: Any) -> Accepted:
    if line.agent != agent:
        raise IdempotencyMismatch(field="agent")
    if bytes(line.request_digest) != _digest(value):
        raise IdempotencyMismatch(field="input")
    return Accepted(line.id, line.thread_id, State(line.state), line.accepted_seq, replayed=True)


def _digest(value: Any) -> bytes:
    """What tells one input from another, whatever the order of its members."""
    return hashlib.sha256(msgspec.json.encode(value, order="sorted")).digest()


def _checked_key(key: str) -> str:
    if not key.strip() or not key.isprintable() or len(key) > LONGEST_KEY:
        raise InvalidInput(f"An idempotency key has 1 to {LONGEST_KEY} printable characters.", field="Idempotency-Key")
    return key
