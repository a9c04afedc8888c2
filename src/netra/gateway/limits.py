"""How much one client may ask of this process. No I/O; the time is handed in.

What must hold over all processes (sign-in attempts, allowances of a plan) is counted in PostgreSQL; these limits protect the
memory and the turns of the one process that holds the sockets.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from netra.errors import InvalidInput, TooManyRequests


class TooManyConnections(TooManyRequests):
    """You have as many open connections as one user may; close one first."""

    code = "too_many_connections"


class TooManyMessages(TooManyRequests):
    """You send more messages than one user may; wait a little and connect again."""

    code = "too_many_messages"


class BodyTooLarge(InvalidInput):
    """The request's body is larger than this server takes."""

    code: ClassVar[str] = "body_too_large"
    status: ClassVar[int] = 413


@dataclass(slots=True)
class TokenBucket:
    """`burst` at once, `rate` a second on average. Times are seconds of a clock that never goes back."""

    rate: float
    burst: float
    _tokens: float = field(init=False)
    _at: float = field(init=False, default=float("-inf"))

    def __post_init__(self) -> None:
        self._tokens = self.burst

    def take(self, now: float) -> float:
        """Take one token and return 0, or take none and return the seconds until there is one."""
        self._refill(now)
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / self.rate

    def full(self, now: float) -> bool:
        """Whether nothing would be lost by forgetting this bucket."""
        self._refill(now)
        return self._tokens >= self.burst

    def _refill(self, now: float) -> None:
        if now > self._at:
            # The first time, everything is there already.
            self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
            self._at = now
