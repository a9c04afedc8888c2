"""What a hosted agent's requests to its models took, as rows that only the run's user sees; see `netra.models.calls`.

An answer that is in the log is not asked for again, so a resumed run does not count it a second time. A row is written
whatever becomes of the step it belongs to: what was answered was paid, even if the process dies before the log says so.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from types import TracebackType
from typing import Final, Self

from netra.agents.context import Context
from netra.clock import SystemClock
from netra.datasets.offload import in_thread
from netra.db.scope import UserScope
from netra.db.uncut import uncut
from netra.hosting.frameworks import HostedAgentFailed
from netra.ids import new_uuid
from netra.models import calls
from netra.models.calls import BegunCall, CallStatus, CallTally, EndedCall
from netra.models.cost import cost_of

CLOCK: Final = SystemClock()


@dataclass(frozen=True, slots=True)
class Taken:
    """Tokens that one answer took. `cached` are those of the input that the provider had read before."""

    input: int
    output: int
    cached: int = 0


NOTHING: Final = Taken(0, 0)
"""What a request took that was refused before anything was read."""


@dataclass(frozen=True, slots=True)
class CalledModel:
    """A model as its framework calls it."""

    provider: str
    """As the price list names it, or as the framework does; `unknown` where neither says."""
    name: str
    own_key: bool
    """Whether it is asked with a secret of the run's user, and not with a key of the operator's."""

    def __str__(self) -> str:
        return f"{self.provider}:{self.name}"


StatusOf = Callable[[BaseException | None], CallStatus]
"""From the error of a framework to how a request ended for which it is raised."""


class ModelRequests:
    """The requests of one run of a hosted agent."""

    def __init__(self, ctx: Context, agent: str) -> None:
        self._ctx = ctx
        self._agent = agent
        self._rows: dict[asyncio.Task[None], asyncio.Future[Taken | None]] = {}

    def one(self, model: CalledModel, status: StatusOf) -> "ModelRequest":
        """A request to `model`, for the length of an `async with`: it is sent within, and what ends the block is its end."""
        ctx = self._ctx
        call = BegunCall(ctx.user.id, new_uuid(), ctx.run_id, self._agent, "model", str(model), model.own_key)
        return ModelRequest(ctx.db, call, ctx.asks_a_model(), status)

    def note(self, model: CalledModel, end: "asyncio.Future[Taken | None]", status: StatusOf) -> None:
        """Note a request that somebody else makes just now, and that ends when `end` does."""
        self._rows[asyncio.create_task(self._keep(model, end, status), name="model request")] = end

    async def settled(self) -> None:
        """Wait until those that have been noted and have ended are written down. Raises what kept them from it."""
        await asyncio.sleep(0)  # what other threads have told by now is in the loop's queue
        written = [row for row, end in self._rows.items() if end.done()]
        if written:
            await asyncio.wait(written)
        for row in written:
            self._rows.pop(row, None)
            row.result()

    async def close(self) -> None:
        """Cancel those that have been noted and go on, and wait until all are written down."""
        await asyncio.sleep(0)
        for end in self._rows.values():
            end.cancel()
        await asyncio.gather(*self._rows, return_exceptions=True)

    async def _keep(self, model: CalledModel, end: "asyncio.Future[Taken | None]", status: StatusOf) -> None:
        begun = CLOCK.monotonic()
        with suppress(HostedAgentFailed, asyncio.CancelledError):
            async with self.one(model, status) as request:
                request.begun = begun
                request.taken = await end


class ModelRequest:
    """A request: noted before it is sent, and ended once, with an answer, an error or a cancellation."""

    def __init__(self, scope: UserScope, call: BegunCall, tally: CallTally, status: StatusOf) -> None:
        self._scope = scope
        self._call = call
        self._tally = tally
        self._status = status
        self.begun = 0.0
        """When it was sent, by `CLOCK`."""
        self.taken: Taken | None = None
        """What the answer took; None when nobody said."""

    async def __aenter__(self) -> Self:
        await calls.begin(self._scope, self._call)
        self.begun = CLOCK.monotonic()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        latency = round((CLOCK.monotonic() - self.begun) * 1000, 3)
        if error is None:
            await uncut(self._answered(latency))
            return
        status = self._status_after(error)
        ended = self._ended(status, latency, NOTHING if status in calls.UNPAID else None, Decimal(0))
        self._tally.note(self._call.model, ended)
        await calls.end_anyway(self._scope, ended)

    async def _answered(self, latency: float) -> None:
        cost = None if self.taken is None else await in_thread(_cost, self._call.model, self.taken)
        ended = self._ended(CallStatus.OK, latency, self.taken, cost)
        self._tally.note(self._call.model, ended)
        await calls.end_alone(self._scope, ended)

    def _ended(self, status: CallStatus, latency: float, taken: Taken | None, cost: Decimal | None) -> EndedCall:
        call = self._call
        if taken is None:
            return EndedCall(call.user_id, call.id, status, latency)
        return EndedCall(call.user_id, call.id, status, latency, taken.input, taken.output, taken.cached, cost)

    def _status_after(self, error: BaseException) -> CallStatus:
        if isinstance(error, HostedAgentFailed):
            return self._status(error.__cause__)
        return calls.broken_off(error)


def _cost(model: str, taken: Taken) -> Decimal | None:
    try:
        return cost_of(model, CLOCK.now(), taken.input, taken.output, taken.cached)
    except ModuleNotFoundError:  # the price list comes with the extra `llm`, and the Agents SDK can be hosted without it
        return None
