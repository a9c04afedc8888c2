"""What is known of each request to a language model: who made it for what, how it ended, what it took.

A request is noted before it is sent, in a transaction of its own, because from then on the provider may count it. Its end is
written together with the log's word that the step happened, so that a step that is replayed is not counted a second time. One
that is cancelled gets its end then, and one whose process dies gets it when its run ends.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID

from netra.db.scope import UserScope
from netra.db.sql import NamedQueries
from netra.db.uncut import uncut
from netra.errors import Unavailable
from netra.ids import RunId, UserId
from netra.streams.streams import Transaction

QUERIES: Final = NamedQueries("netra.models", "calls.sql")

MODELS_COUNTED: Final = 200
"""Models that a process counts by their names; what others are asked is counted as `other`. A hosted agent may ask whichever
its user names, and each name is a series in `/metrics` for ever."""

LATENCIES_KEPT: Final = 10_000
"""Latencies that wait for a scrape of `/metrics`; of more, the oldest are not shown."""


class CallStatus(StrEnum):
    """How a request ended."""

    OK = "ok"
    TIMED_OUT = "timed_out"
    RATE_LIMITED = "rate_limited"
    UNREACHABLE = "unreachable"
    UNAVAILABLE = "unavailable"
    """The provider says that the fault is its own."""
    CUT_OFF = "cut_off"
    """The answer ends before its end."""
    INVALID = "invalid"
    """The answer cannot be read, or is not what was asked for."""
    DECLINED = "declined"
    """The model does not want to answer, or its provider does not let it."""
    REJECTED = "rejected"
    """The provider does not take the request: the key, the model's name, its size."""
    CANCELLED = "cancelled"
    """Nobody waited for its end: its run was stopped, or its process died."""
    FAILED = "failed"
    """It ended in an error that says nothing of the model."""


UNPAID: Final = frozenset({CallStatus.RATE_LIMITED, CallStatus.REJECTED})
"""Refused before anything was read, so that it is known to have taken nothing."""


@dataclass(frozen=True, slots=True)
class BegunCall:
    """A request that is about to be sent."""

    user_id: UserId
    id: UUID
    run_id: RunId
    agent: str
    purpose: str
    model: str
    """`provider:name`"""
    own_key: bool
    """Whether the user's own key pays, and not the operator's."""


@dataclass(frozen=True, slots=True)
class EndedCall:
    """What became of a request. A number that nobody said is None, never 0."""

    user_id: UserId
    id: UUID
    status: CallStatus
    latency_ms: float
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    cost_usd: Decimal | None = None


@dataclass(slots=True)
class CallTally:
    """What this process has asked of models since its start, by model and status. No user is named."""

    calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    tokens: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By model and kind: `input`, `output`, `cached`."""
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=LATENCIES_KEPT))
    """Seconds."""
    _named: set[str] = field(default_factory=set)

    def note(self, model: str, ended: EndedCall) -> None:
        """Count a request that has ended."""
        if len(self._named) < MODELS_COUNTED:
            self._named.add(model)
        model = model if model in self._named else "other"
        self.calls[model, ended.status] += 1
        for kind, count in (("input", ended.input_tokens), ("output", ended.output_tokens), ("cached", ended.cached_tokens)):
            if count is not None:
                self.tokens[model, kind] += count
        self.latencies.append(ended.latency_ms / 1000)


async def begin(scope: UserScope, call: BegunCall) -> None:
    """Note a request before it is sent, in a transaction of its own."""
    async with scope.transaction() as connection:
        await connection.execute(QUERIES["begin_call"], asdict(call))


async def end_alone(scope: UserScope, call: EndedCall) -> None:
    """Write how a request ended in a transaction of its own: it was made by others than Netra, within a step of theirs."""
    async with scope.transaction() as connection:
        await connection.execute(QUERIES["end_call"], asdict(call))


async def end_anyway(scope: UserScope, call: EndedCall) -> None:
    """Write how a request ended that gave no answer, while its run is being cancelled as well.

    Where the database is away it is left out: what ended the request is to be told, and a status it gets when its run ends.
    """
    with suppress(Unavailable):
        await uncut(end_alone(scope, call))


def refused_with(code: int) -> CallStatus:
    """How a request ended that a provider has answered with this HTTP status of an error."""
    if code == 429:
        return CallStatus.RATE_LIMITED
    return CallStatus.UNAVAILABLE if code >= 500 else CallStatus.REJECTED


def broken_off(error: BaseException) -> CallStatus:
    """How a request ended that neither an answer nor a word of its provider has ended, but this."""
    return CallStatus.CANCELLED if isinstance(error, asyncio.CancelledError) else CallStatus.FAILED


async def end(transaction: Transaction, calls: Iterable[EndedCall]) -> None:
    """Write how requests ended, in the transaction that also says that their step happened."""
    for call in calls:
        await transaction.connection.execute(QUERIES["end_call"], asdict(call))
