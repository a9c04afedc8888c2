"""Is this server alive, and may it be given work? The answers of `/health/live`, `/health/ready` and `/health`, as values.

Checks are handed in by whoever knows the thing that is checked; here they are run in parallel, each within its time, and
weighed. A check that hangs must not make the answer hang, and many callers must not make many checks: callers share one
round, and a check whose last run still hangs is not started again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import TracebackType
from typing import Any, Final, Self

import structlog

from netra.clock import Clock, SystemClock
from netra.errors import NetraError

CHECK_LIMIT: Final = 2.0
"""Seconds that one check may take."""

ROUND_LIMIT: Final = 6.0
"""Seconds within which every caller has an answer, whatever hangs."""

FRESH: Final = 1.0
"""Seconds for which one answer serves every caller, so that asking often costs the database nothing."""

_log = structlog.get_logger(__name__)


class Weight(StrEnum):
    """What it means for users when a check fails."""

    CRITICAL = "critical"
    """Nothing works: the server is not ready."""

    IMPORTANT = "important"
    """Something that everybody misses: ready, but degraded."""

    OPTIONAL = "optional"
    """Something that few miss: ready, but degraded."""


SCORES: Final[Mapping[Weight, float]] = {Weight.CRITICAL: 0.0, Weight.IMPORTANT: 0.5, Weight.OPTIONAL: 1.0}
"""What is left of the score 1.0 when a check of that weight fails."""


@dataclass(frozen=True, slots=True)
class Check:
    """A named question. `probe` returns when all is well, and raises when it is not.

    The words of a `NetraError` are shown to everybody who asks; of any other error only that it happened.
    """

    name: str
    weight: Weight
    probe: Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """What came of one check: how long it took, and why it failed where it did."""

    name: str
    weight: Weight
    milliseconds: float
    failure: str | None = None

    @property
    def ok(self) -> bool:
        return self.failure is None

    def as_json(self) -> dict[str, Any]:
        """The members `state`, `ms` and `required`, and `reason` where it failed."""
        state = {"state": "ok"} if self.ok else {"state": "failed", "reason": self.failure}
        return {**state, "ms": round(self.milliseconds, 1), "required": self.weight is Weight.CRITICAL}


@dataclass(frozen=True, slots=True)
class Readiness:
    """All outcomes of one round, and what they mean together."""

    outcomes: tuple[CheckOutcome, ...]

    @property
    def failed(self) -> tuple[CheckOutcome, ...]:
        return tuple(outcome for outcome in self.outcomes if not outcome.ok)

    @property
    def ready(self) -> bool:
        return all(outcome.weight is not Weight.CRITICAL for outcome in self.failed)

    @property
    def degraded(self) -> bool:
        return self.ready and bool(self.failed)

    @property
    def score(self) -> float:
        """1.0 when nothing that matters fails, 0.5 when something important does, 0.0 when something critical does."""
        return min((SCORES[outcome.weight] for outcome in self.failed), default=1.0)

    @property
    def http_status(self) -> int:
        return 200 if self.ready else 503

    def as_json(self) -> dict[str, Any]:
        """The body of `/health/ready`: `status`, `degraded`, the names that `failed`, and each of the `checks`."""
        return {
            "status": "ready" if self.ready else "not_ready",
            "degraded": self.degraded,
            "failed": [outcome.name for outcome in self.failed],
            "checks": {outcome.name: outcome.as_json() for outcome in self.outcomes},
        }


@dataclass(frozen=True, slots=True)
class Liveness:
    """That the event loop answers. Nothing outside of this process is asked, or a database's outage would restart us."""

    service: str
    version: str
    environment: str
    at: datetime

    def as_json(self) -> dict[str, Any]:
        """The body of `/health/live`."""
        return {
            "status": "healthy",
            "service": self.service,
            "version": self.version,
            "timestamp": self.at.isoformat(),
            "environment": self.environment,
        }


@dataclass(frozen=True, slots=True)
class Summary:
    """Liveness and readiness together, with a score."""

    liveness: Liveness
    readiness: Readiness

    @property
    def status(self) -> str:
        if not self.readiness.ready:
            return "unhealthy"
        return "degraded" if self.readiness.degraded else "healthy"

    @property
    def http_status(self) -> int:
        return self.readiness.http_status

    def as_json(self) -> dict[str, Any]:
        """The body of `/health`."""
        readiness = self.readiness.as_json()
        return {
            **self.liveness.as_json(),
            "status": self.status,
            "score": self.readiness.score,
            "failed": readiness["failed"],
            "checks": readiness["checks"],
        }


@dataclass(slots=True)
class Checkup:
    """The checks of this server. Open it with `async with`; leaving ends what still hangs."""

    service: str
    version: str
    environment: str
    checks: Sequence[Check]
    clock: Clock = field(default_factory=SystemClock)
    _round: asyncio.Task[Readiness] | None = None
    _ended_at: float = 0.0
    _running: dict[str, asyncio.Task[object]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [check.name for check in self.checks]
        if len(names) != len(set(names)):
            raise ValueError("two checks have the same name")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        left: list[asyncio.Task[Any]] = [*self._running.values(), *([self._round] if self._round else [])]
        for task in left:
            task.cancel()
        # A driver may take its time to give up a connection; a stopping server does not wait longer than a caller would.
        if left:
            await asyncio.wait(left, timeout=ROUND_LIMIT)

    def live(self) -> Liveness:
        """Answer that this process is alive, which to answer at all is the proof of."""
        return Liveness(self.service, self.version, self.environment, self.clock.now())

    async def ready(self) -> Readiness:
        """Run every check, or share the round that runs or has only just ended."""
        running = self._round
        if running is None or (running.done() and self.clock.monotonic() - self._ended_at > FRESH):
            running = self._round = asyncio.create_task(self._run_all(), name="health checks")
        # Shielded, because a caller that hangs up must not take the answer from the others.
        return await asyncio.shield(running)

    async def summary(self) -> Summary:
        """Both together."""
        return Summary(self.live(), await self.ready())

    async def _run_all(self) -> Readiness:
        outcomes = await asyncio.gather(*(self._run(check) for check in self.checks))
        self._ended_at = self.clock.monotonic()
        return Readiness(tuple(outcomes))

    async def _run(self, check: Check) -> CheckOutcome:
        started = self.clock.monotonic()
        failure: str | None = "the check before this one still hangs"
        if check.name not in self._running:
            task = self._running[check.name] = asyncio.create_task(_ask(check), name=f"health check {check.name}")
            task.add_done_callback(lambda task: self._forget(check, task))
            # Not `asyncio.timeout`, which waits for the cancelled probe: a driver whose server is frozen gives up late.
            await asyncio.wait([task], timeout=CHECK_LIMIT)
            if task.done():
                failure = _failure(task)
            else:
                task.cancel()
                failure = f"there was no answer within {CHECK_LIMIT:g} seconds"
        return CheckOutcome(check.name, check.weight, (self.clock.monotonic() - started) * 1000, failure)

    def _forget(self, check: Check, task: asyncio.Task[object]) -> None:
        """A check has ended, perhaps long after its time."""
        del self._running[check.name]
        # Looked at here too: asyncio complains of an error that nobody saw, and the round may have left without it.
        error = None if task.cancelled() else task.exception()
        if error is not None:
            # Its kind only: what an unexpected error says may quote a URL with a password in it.
            _log.warning("health check failed", check=check.name, error=type(error).__name__)


async def _ask(check: Check) -> object:
    return await check.probe()


def _failure(task: asyncio.Task[object]) -> str | None:
    """Return a sentence about how a check ended that may be shown to anybody; None when all is well."""
    if task.cancelled():
        return "the check was given up"
    error = task.exception()
    if error is None:
        return None
    return error.detail if isinstance(error, NetraError) else "the check failed"
