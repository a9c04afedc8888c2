"""How long requests wait for one of several servers: the M/M/c queue, without I/O.

Requests come independently of each other at a mean rate λ (a Poisson process), each takes a time that is exponentially
distributed with the mean S, c servers take them in the order they came, and nobody gives up. The offered load a = λ S is the
mean number of servers at work; with a ≥ c the queue grows without bound and no wait exists.

The probability to wait is Erlang's C (A. K. Erlang, 1917), computed out of Erlang's B by its recursion over the servers,
which neither overflows nor cancels: B(0) = 1, B(n) = a B(n − 1) / (n + a B(n − 1)), C = c B(c) / (c − a (1 − B(c))).
A wait then lasts longer than t with probability C e^(−(c − a) t / S).
"""

import math
from dataclasses import dataclass
from typing import Final

from netra.errors import InvalidInput

MOST_SERVERS: Final = 10_000
"""Servers up to which a queue is computed. The recursion takes one step for each, 3 ms in all, on the event loop."""


class LoadTooLarge(InvalidInput):
    """So much load would need more servers than can be computed with."""

    code = "load_too_large"


@dataclass(frozen=True, slots=True)
class ServerQueue:
    """`servers` that are offered requests at `arrival_rate` a second, each of which takes `service` seconds in the mean."""

    servers: int
    arrival_rate: float
    service: float

    @property
    def load(self) -> float:
        """The offered load in Erlang: servers at work in the mean."""
        return self.arrival_rate * self.service

    @property
    def utilisation(self) -> float:
        """The share of the servers' time that is taken; 1 or more cannot be served."""
        return self.load / self.servers

    @property
    def is_stable(self) -> bool:
        return self.load < self.servers

    def waiting_probability(self) -> float:
        """The probability that a request finds every server taken; 1 when the queue grows without bound."""
        return erlang_c(self.servers, self.load) if self.is_stable else 1.0

    def mean_wait(self) -> float:
        """Seconds from a request's arrival to its begin, over all requests; infinite when the queue grows without bound."""
        return self.waiting_probability() * self.service / (self.servers - self.load) if self.is_stable else math.inf

    def wait_at(self, share: float) -> float:
        """Seconds within which this share of the requests has begun."""
        if not self.is_stable:
            return math.inf
        return _wait_at(share, self.waiting_probability(), self.service / (self.servers - self.load))


def erlang_b(servers: int, load: float) -> float:
    """The probability that all servers are taken when nobody waits; only a step on the way to Erlang's C."""
    blocked = 1.0
    for number in range(1, servers + 1):
        blocked = load * blocked / (number + load * blocked)
    return blocked


def erlang_c(servers: int, load: float) -> float:
    """The probability to wait, for a load below the number of servers."""
    return _waiting(servers, load, erlang_b(servers, load))


def fewest_servers(arrival_rate: float, service: float, wait: float, share: float) -> int:
    """The smallest number of servers with which this share of the requests begins within `wait` seconds.

    Raises `LoadTooLarge` when that would be more than `MOST_SERVERS`.
    """
    load, blocked = arrival_rate * service, 1.0
    for servers in range(1, MOST_SERVERS + 1):
        blocked = load * blocked / (servers + load * blocked)
        if servers > load and _wait_at(share, _waiting(servers, load, blocked), service / (servers - load)) <= wait:
            return servers
    raise LoadTooLarge(f"The load would need more than {MOST_SERVERS:,} servers.")


def _waiting(servers: int, load: float, blocked: float) -> float:
    return servers * blocked / (servers - load * (1 - blocked))


def _wait_at(share: float, waiting: float, scale: float) -> float:
    """The quantile of a wait that is 0 but with probability `waiting`, and then exponential with the mean `scale`."""
    beyond = 1 - share
    return scale * math.log(waiting / beyond) if waiting > beyond else 0.0
