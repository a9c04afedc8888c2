"""What a hosted agent's requests to its models took, as rows that only the run's user sees; see `netra.models.calls`.

An answer that is in the log is not asked for again, so a resumed run does not count it a second time. A row is written
whatever becomes of the step it belongs to: what was answered was paid, even if the process dies before the log says so.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from netra.agents.context import Context
from netra.clock import SystemClock
from netra.datasets.offload import in_thread
from netra.ids import new_uuid
from netra.models import calls
from netra.models.calls import BegunCall, CallStatus, EndedCall
from netra.models.cost import cost_of

CLOCK: Final = SystemClock()


@dataclass(frozen=True, slots=True)
class Taken:
    """Tokens that one answer took. `cached` are those of the input that the provider had read before."""

    input: int
    output: int
    cached: int = 0


class ModelRequests:
    """The requests of one run of a hosted agent."""

    def __init__(self, ctx: Context, agent: str, *, own_key: bool) -> None:
        """`own_key`: whether the model is made for each run, of its user's secrets, and not the operator's for everybody."""
        self._ctx = ctx
        self._agent = agent
        self._own_key = own_key

    async def begin(self, model: str) -> BegunCall:
        """Note a request to `model` (`provider:name`) before it is sent."""
        ctx = self._ctx
        call = BegunCall(ctx.user.id, new_uuid(), ctx.run_id, self._agent, "model", model, self._own_key)
        await calls.begin(ctx.db, call)
        return call

    async def end(self, call: BegunCall, status: CallStatus, seconds: float, taken: Taken | None) -> None:
        """Note how it ended after so many seconds, and what it took; None when nobody said."""
        latency = round(seconds * 1000, 3)
        ended = EndedCall(call.user_id, call.id, status, latency)
        if taken is not None:
            cost = await in_thread(_cost, call.model, taken)
            ended = EndedCall(call.user_id, call.id, status, latency, taken.input, taken.output, taken.cached, cost)
        await calls.end_alone(self._ctx.db, ended)


def _cost(model: str, taken: Taken) -> Decimal | None:
    try:
        return cost_of(model, CLOCK.now(), taken.input, taken.output, taken.cached)
    except ModuleNotFoundError:  # the price list comes with the extra `llm`, and the Agents SDK can be hosted without it
        return None
