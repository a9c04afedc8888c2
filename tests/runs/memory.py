"""A run without a database: its log is a list, and it can be made to die at any append."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar, cast

import msgspec

from netra.clock import SystemClock
from netra.errors import NetraError
from netra.events.codec import Draft, draft
from netra.events.model import EventData, MessageDelta
from netra.ids import PlanId, RunId, ThreadId, UserId, new_uuid
from netra.runs.context import RunContext, RunFacts
from netra.runs.journal import Journal, decode
from netra.runs.pen import Pen
from netra.streams.streams import Transaction
from netra.streams.writer import LogUnavailable

T = TypeVar("T")


class Parked(BaseException):  # like the cancellation that ends an agent in the real thing, no error of a step
    """The run waits for its user."""


class Nowhere:
    """A transaction of no database: what an effect writes is gone, what it tells the log is kept."""

    @property
    def connection(self) -> "Nowhere":
        return self

    async def execute(self, statement: Any, parameters: Any = None) -> None: ...


class MemoryRun:
    """One run over as many attempts as it takes. What `append` has returned for is in `drafts`, whatever comes then."""

    def __init__(self) -> None:
        self.drafts: list[Draft] = []
        self.answers: dict[str, Any] = {}
        self.cancelled = False
        self.attempt = 0
        self.dies_after: int | None = None
        """Appends that still work; None: all."""
        self._ids = UserId(new_uuid()), ThreadId(new_uuid()), RunId(new_uuid())

    async def execute(self, work: Callable[[RunContext], Awaitable[T]], dies_after: int | None = None) -> T:
        """One attempt. Raises `LogUnavailable` where it dies, `Parked` where it asks."""
        self.attempt += 1
        self.dies_after = dies_after
        user_id, thread_id, run_id = self._ids
        facts = RunFacts(user_id, "Alice", thread_id, run_id, PlanId("free", 1), self.attempt, None, self.answers)
        self._journal = Journal.of((item.agent, decode(item.type, item.body)) for item in self.drafts)
        broken: list[NetraError] = []
        async with Pen(self.append, 0.0, broken.append) as pen:
            self._pen = pen
            result = await work(RunContext(facts, "agent", self._journal, pen, self, SystemClock()))
            await pen.settle()
        return result

    async def append(self, drafts: Sequence[Draft]) -> None:
        self._live_on()
        self.drafts += drafts

    async def commit(self, work: Callable[[Transaction], Awaitable[T]], agent: str, tell: Callable[[T], EventData]) -> T:
        async with self._pen.held():
            self._live_on()
            result = await work(cast(Transaction, Nowhere()))
            data = tell(result)
            self.drafts.append(draft(data, SystemClock().now(), agent=agent))
            self._journal.note(agent, data)
        self._live_on()
        return result

    async def park(self, request_id: str, event: Draft) -> None:
        async with self._pen.held():
            self._live_on()
            self.drafts.append(event)
        raise Parked(request_id)

    def events(self) -> list[tuple[str | None, EventData]]:
        """The log without times, and with adjacent pieces of a message joined: a death may cut a piece in two."""
        found: list[tuple[str | None, EventData]] = []
        for item in self.drafts:
            data: Any = decode(item.type, item.body)
            if hasattr(data, "duration_ms"):
                data = msgspec.structs.replace(data, duration_ms=0.0)
            last = found[-1][1] if found else None
            if isinstance(data, MessageDelta) and isinstance(last, MessageDelta) and _one_message(data, last):
                found[-1] = item.agent, msgspec.structs.replace(data, text=last.text + data.text)
            else:
                found.append((item.agent, data))
        return found

    def _live_on(self) -> None:
        if self.dies_after is not None:
            if self.dies_after == 0:
                raise LogUnavailable
            self.dies_after -= 1


def _one_message(one: MessageDelta, other: MessageDelta) -> bool:
    return (one.message_id, one.within) == (other.message_id, other.within)
