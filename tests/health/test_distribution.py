"""`netra.health.distribution`: counting into buckets and taking quantiles, against the definition of both."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra.health.distribution import Distribution, SlidingWindow

VALUES = st.lists(st.floats(0, 100), max_size=200)


@given(VALUES, st.lists(st.floats(0, 100), min_size=1, max_size=10, unique=True))
def test_a_bucket_counts_what_is_not_above_its_bound(values: list[float], bounds: list[float]) -> None:
    spread = Distribution(bounds)
    for value in values:
        spread.observe(value)
    buckets = spread.buckets()
    assert [float(bound) for bound, _ in buckets] == [*sorted(bounds), float("inf")]
    for bound, count in buckets:
        assert count == sum(value <= float(bound) for value in values)
    assert spread.total == pytest.approx(sum(values))


@given(st.lists(st.floats(0, 100), min_size=1, max_size=50), st.floats(0, 1))
def test_a_quantile_is_the_smallest_value_with_that_share_below(values: list[float], share: float) -> None:
    window = SlidingWindow(1000)
    for value in values:
        window.add(value)
    answer = window.quantile(share)
    enough = [v for v in values if sum(other <= v for other in values) >= share * len(values)]
    assert answer == min(enough)


def test_the_median_of_an_odd_number_of_values_is_the_middle_one() -> None:
    window = SlidingWindow(10)
    for value in (5.0, 1.0, 3.0):
        window.add(value)
    assert window.quantile(0.5) == statistics.median([5.0, 1.0, 3.0])


@given(VALUES, st.integers(1, 20))
def test_a_window_holds_the_newest_values_only(values: list[float], size: int) -> None:
    window = SlidingWindow(size)
    for value in values:
        window.add(value)
    assert window.quantile(1.0) == max(values[-size:], default=0.0)
