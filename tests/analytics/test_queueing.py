"""Erlang's formula against what others have printed, its definition, and a simulation that knows no formula."""

import heapq
import math
import random
import statistics
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra.analytics import queueing
from netra.analytics.queueing import LoadTooLarge, ServerQueue, erlang_c, fewest_servers


def by_definition(servers: int, load: Fraction) -> Fraction:
    """Erlang's C out of its sum over the states, in exact arithmetic."""
    top = load**servers / math.factorial(servers) * Fraction(servers) / (servers - load)
    return top / (sum((load**state / math.factorial(state) for state in range(servers)), Fraction(0)) + top)


def simulated(servers: int, arrival_rate: float, service: float, requests: int, seed: int) -> list[float]:
    """What each request waits, when whoever comes takes the server that is free first."""
    source = random.Random(seed)
    free, now, waits = [0.0] * servers, 0.0, []
    for _ in range(requests):
        now += source.expovariate(arrival_rate)
        begin = max(now, free[0])
        waits.append(begin - now)
        heapq.heapreplace(free, begin + source.expovariate(1 / service))
    return waits[requests // 20 :]  # the first found everything idle


@given(servers=st.integers(1, 60), utilisation=st.fractions(Fraction(1, 100), Fraction(99, 100)))
def test_the_recursion_equals_the_definition(servers: int, utilisation: Fraction) -> None:
    load = servers * utilisation
    assert erlang_c(servers, float(load)) == pytest.approx(float(by_definition(servers, load)), rel=1e-9)


def test_the_county_hospital_of_hillier_and_lieberman() -> None:
    # Introduction to Operations Research, the chapter on queueing: two patients an hour, twenty minutes each.
    one, two = ServerQueue(1, 2, 1 / 3), ServerQueue(2, 2, 1 / 3)
    assert one.waiting_probability() == pytest.approx(2 / 3)
    assert one.mean_wait() == pytest.approx(2 / 3)
    assert two.waiting_probability() == pytest.approx(1 / 6)
    assert two.mean_wait() == pytest.approx(1 / 24)
    assert two.wait_at(1 - 0.022) == pytest.approx(1 / 2, abs=0.01)  # P(wait > 1/2 h) is printed as 0.022


def test_the_call_centre_that_textbooks_work_out() -> None:
    # 360 calls in half an hour, four minutes each, 55 agents. Printed: 23.9 % wait, 8.2 s in the mean, 84.5 % within 15 s.
    centre = ServerQueue(55, 360 / 1800, 240)
    assert centre.load == pytest.approx(48)
    assert centre.waiting_probability() == pytest.approx(0.239, abs=0.0005)
    assert centre.mean_wait() == pytest.approx(8.2, abs=0.05)
    assert centre.wait_at(0.8457) == pytest.approx(15, abs=0.1)


@pytest.mark.parametrize(("servers", "utilisation"), [(1, 0.5), (1, 0.8), (3, 0.7), (8, 0.85), (25, 0.9)])
def test_a_simulation_that_knows_no_formula_waits_just_as_long(servers: int, utilisation: float) -> None:
    service = 2.0
    queue = ServerQueue(servers, servers * utilisation / service, service)
    waits = simulated(servers, queue.arrival_rate, service, 300_000, seed=servers)
    # Waits of neighbours are alike, so the mean of 300,000 is as sure as that of a few thousand that are independent.
    assert sum(wait > 0 for wait in waits) / len(waits) == pytest.approx(queue.waiting_probability(), rel=0.05)
    assert statistics.fmean(waits) == pytest.approx(queue.mean_wait(), rel=0.1)
    assert statistics.quantiles(waits, n=100)[94] == pytest.approx(queue.wait_at(0.95), rel=0.1, abs=0.02)


@given(
    arrival_rate=st.floats(0.01, 50),
    service=st.floats(0.01, 10),
    wait=st.floats(0, 20),
    share=st.sampled_from([0.5, 0.95, 0.99]),
)
def test_the_fewest_servers_are_enough_and_one_fewer_are_not(
    arrival_rate: float, service: float, wait: float, share: float
) -> None:
    servers = fewest_servers(arrival_rate, service, wait, share)
    assert ServerQueue(servers, arrival_rate, service).wait_at(share) <= wait
    if servers > 1:
        assert ServerQueue(servers - 1, arrival_rate, service).wait_at(share) > wait


def test_a_load_that_cannot_be_served_has_no_wait() -> None:
    queue = ServerQueue(2, 4, 0.5)
    assert not queue.is_stable
    assert (queue.utilisation, queue.waiting_probability()) == (1, 1)
    assert queue.mean_wait() == queue.wait_at(0.5) == math.inf


def test_a_queue_of_many_servers_neither_overflows_nor_cancels() -> None:
    assert 0 < erlang_c(10_000, 9_900) < 1
    assert erlang_c(10_000, 1) == 0
    assert erlang_c(5, 0) == 0


def test_a_load_beyond_all_servers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queueing, "MOST_SERVERS", 10)
    assert fewest_servers(5, 1, 1000, 0.95) <= 10
    with pytest.raises(LoadTooLarge):
        fewest_servers(10, 1, 1000, 0.95)
