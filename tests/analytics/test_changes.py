"""Outliers, shifts and trends, against the same tests in plain Python by their textbook definitions."""

import asyncio
import itertools
import math
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from statistics import NormalDist

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netra.analytics.changes import FEWEST_PERIODS, changes
from netra.analytics.costs import lists_in
from netra.analytics.figures import Measurement
from tests.analytics.test_measure import EXAMPLES, MOMENT, opened
from tests.datasets.traces import Trace, trace  # noqa: F401 - a fixture

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


async def changed(rows: Sequence[tuple[datetime, int, int]], step: timedelta) -> Measurement:
    """Rows of time, tokens and requests, with a request before the first period and one after the last."""
    ends = [(rows[0][0] - step, 0, 1), (max(at for at, *_ in rows) + step, 0, 1)]
    lines = [f"{at.isoformat()},{tokens},0,{requests}" for at, tokens, requests in (*rows, *ends)]
    content = "\n".join(["at,input_tokens,output_tokens,requests", *lines])
    async with opened(content.encode()) as (query, _):
        lists = await lists_in(query, MOMENT, default_model="gpt-4o")
        return await changes(query, lists, top=1000)


def pettitt(values: Sequence[float]) -> tuple[int, int]:
    """The largest distance, and before which period; by the definition, sign by sign."""
    count = len(values)
    distances = [
        abs(sum((values[i] > values[j]) - (values[i] < values[j]) for i in range(t) for j in range(t, count)))
        for t in range(1, count + 1)
    ]
    return max(distances), distances.index(max(distances)) + 1


AMOUNTS = st.lists(st.integers(0, 9) | st.integers(0, 10_000), min_size=FEWEST_PERIODS, max_size=40)


def hour(place: int) -> str:
    """The name of an hour of the log."""
    return f"{MONDAY + timedelta(hours=place):%Y-%m-%d %H:%M}"


@settings(EXAMPLES, max_examples=15)
@given(amounts=AMOUNTS)
def test_every_test_is_what_its_definition_gives_on_the_same_hours(amounts: list[int]) -> None:
    rows = [(MONDAY + timedelta(hours=place), amount, 1) for place, amount in enumerate(amounts)]
    found = asyncio.run(changed(rows, timedelta(hours=1)))

    middle = statistics.median(amounts)
    spread = statistics.median(abs(each - middle) for each in amounts)
    mean_spread = statistics.fmean(abs(each - middle) for each in amounts)
    first, _, third = statistics.quantiles(amounts, n=4, method="inclusive")
    expected = {}
    for place, amount in enumerate(amounts):
        away = amount - middle
        score = 0.6745 * away / spread if spread else away / (1.253314 * mean_spread) if mean_spread else 0
        outside = not first - 1.5 * (third - first) <= amount <= third + 1.5 * (third - first)
        if abs(score) > 3.5 or outside:
            expected[hour(place)] = pytest.approx(score)
    assert found.breakdown("outliers_tokens").column("z") == expected

    largest, at = pettitt(amounts)
    count = len(amounts)
    shifts = found.breakdown("shifts")
    assert shifts.column("k")["tokens"] == largest
    p = min(1.0, 2 * math.exp(-6 * largest**2 / (count**3 + count**2)))
    assert shifts.column("p")["tokens"] == pytest.approx(p)
    if largest:
        assert shifts.column("at")["tokens"] == hour(at)
        assert shifts.column("before")["tokens"] == statistics.median(amounts[:at])

    slopes = sorted((amounts[j] - amounts[i]) / (j - i) for i, j in itertools.combinations(range(count), 2))
    ties = [amounts.count(each) for each in set(amounts)]
    variance = (count * (count - 1) * (2 * count + 5) - sum(t * (t - 1) * (2 * t + 5) for t in ties)) / 18
    within = NormalDist().inv_cdf(0.975) * math.sqrt(variance)
    low = slopes[max(1, math.floor((len(slopes) - within) / 2)) - 1]
    high = slopes[min(len(slopes), math.ceil((len(slopes) + within) / 2) + 1) - 1]
    trends = found.breakdown("trends")
    assert [trends.column(name)["tokens"] for name in ("slope", "low", "high")] == [
        pytest.approx(statistics.median(slopes)),
        pytest.approx(low),
        pytest.approx(high),
    ]
    assert trends.column("trend")["tokens"] == ("rising" if low > 0 else "falling" if high < 0 else "none")


async def test_a_doubled_load_is_a_shift_on_its_day_and_rows_of_several_requests_count_for_all_of_them() -> None:
    rows = [(MONDAY + timedelta(days=day), 10, (5 if day < 20 else 10) + day % 3) for day in range(40)]
    found = await changed(rows, timedelta(days=1))
    shifts = found.breakdown("shifts")
    assert (shifts.column("at")["requests"], shifts.column("shifted")["requests"]) == ("2026-03-22", "yes")
    assert (shifts.column("before")["requests"], shifts.column("after")["requests"]) == (6, 11)
    assert shifts.column("shifted")["tokens"] == "no"
    assert found.breakdown("trends").column("trend") == {"cost": "none", "requests": "rising", "tokens": "none"}


async def test_a_daily_rhythm_is_no_outlier_but_a_busy_night_is() -> None:
    hours = [MONDAY + timedelta(hours=hour) for hour in range(24 * 10)]
    busy = MONDAY + timedelta(days=5, hours=3)
    rows = [(at, 0, 1000 + at.day if 8 <= at.hour < 18 else 300 if at == busy else 10 + at.day) for at in hours]
    found = await changed(rows, timedelta(hours=1))
    assert found.breakdown("outliers_requests").entries[0].key == "2026-03-07 03:00"
    assert len(found.breakdown("outliers_requests").entries) == 1


async def test_a_log_without_times_or_with_few_periods_says_so() -> None:
    async with opened(b"input_tokens,output_tokens\n1,1\n") as (query, _):
        found = await changes(query, {})
    assert found.missing == ("at",)
    found = await changed([(MONDAY + timedelta(hours=2 * place), 1, 1) for place in range(3)], timedelta(hours=2))
    assert "below 12 nothing is said" in found.notes[0]


async def test_a_trace_of_an_hour_is_looked_at_by_the_minute(trace: Trace) -> None:  # noqa: F811
    async with opened(trace.path.read_bytes()) as (query, _):
        found = await changes(query, await lists_in(query, MOMENT, default_model="gpt-4o"))
    (chart,) = [chart for chart in found.charts if chart.id == "series_requests"]
    first = min(trace.times).replace(second=0, microsecond=0) + timedelta(minutes=1)
    last = max(trace.times).replace(second=0, microsecond=0)
    assert sum(point.y for point in chart.points) == sum(first <= at < last for at in trace.times) == chart.rows.count
    assert len(chart.points) == (last - first) // timedelta(minutes=1)
