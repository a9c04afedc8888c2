"""The shape of a workload, against the same in plain Python, and on arrivals whose burstiness is known."""

import asyncio
import itertools
import random
import statistics
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra.analytics.figures import Measurement
from netra.analytics.workload import FEWEST_WINDOWS, WINDOWS, arrivals, workload
from tests.analytics.test_measure import EXAMPLES, MOMENT, Request, opened, written
from tests.datasets.traces import Trace, trace  # noqa: F401 - a fixture


async def measured(content: bytes, top: int = 10) -> Measurement:
    async with opened(content) as (query, dataset):
        return await workload(query, dataset, top=top)


def windows(times: list[datetime], seconds: int) -> list[int]:
    """Requests in each whole window from the first request on."""
    length, first = timedelta(seconds=seconds), min(times)
    whole = (max(times) - first) // length
    counts = Counter((at - first) // length for at in times)
    return [counts[number] for number in range(whole)]


def check_bursts(found: Measurement, times: list[datetime]) -> None:
    lengths = [seconds for seconds in WINDOWS if len(windows(times, seconds)) >= FEWEST_WINDOWS]
    if not lengths:
        assert "burstiness" not in {table.id for table in found.breakdowns}
        return
    table = found.breakdown("burstiness")
    assert [entry.key for entry in table.entries] == lengths
    for seconds in lengths:
        counts = windows(times, seconds)
        mean = statistics.mean(counts)
        assert table.column("windows")[seconds] == len(counts)
        assert table.column("dispersion")[seconds] == pytest.approx(statistics.pvariance(counts) / mean, rel=1e-9)
        assert table.column("peak")[seconds] == max(counts)
        assert table.column("peak_to_mean")[seconds] == pytest.approx(max(counts) / mean)
        begins = min(times) + counts.index(max(counts)) * timedelta(seconds=seconds)
        assert datetime.fromisoformat(table.column("peak_at")[seconds]).replace(tzinfo=UTC) == begins


async def test_the_shape_of_an_azure_trace_equals_an_independent_computation(trace: Trace) -> None:  # noqa: F811
    found = await measured(trace.path.read_bytes())
    times = list(trace.times)
    values = found.values()
    assert values["requests"] == len(times)
    assert values["input_output_ratio"] == pytest.approx(sum(trace.input_tokens) / sum(trace.output_tokens))
    ratios = [i / o for i, o in zip(trace.input_tokens, trace.output_tokens, strict=True) if o]
    assert values["input_output_ratio_p50"] == pytest.approx(statistics.median(ratios))
    assert values["arrival_rate"] == pytest.approx(len(times) / (max(times) - min(times)).total_seconds())
    check_bursts(found, times)
    # Both services are burstier than chance.
    assert found.breakdown("burstiness").column("dispersion")[60] > 2 or not trace.is_whole
    assert found.missing == ("model", "user", "feature")
    by_hour = found.breakdown("by_hour")
    assert {entry.key: entry.count for entry in by_hour.entries} == Counter(at.hour for at in times)
    assert sum(by_hour.column("seconds").values()) == pytest.approx((max(times) - min(times)).total_seconds())


TIMES = st.timedeltas(timedelta(0), timedelta(hours=30)).map(lambda passed: datetime(2025, 12, 30, 5, tzinfo=UTC) + passed)
REQUESTS = st.lists(
    st.builds(
        Request, st.none() | TIMES, st.integers(0, 3000), st.integers(0, 500), st.none() | st.sampled_from(["a", "b", "c"])
    ),
    min_size=1,
    max_size=60,
)


@EXAMPLES
@given(requests=REQUESTS, top=st.integers(1, 5))
def test_every_figure_equals_plain_python_over_the_same_rows(requests: list[Request], top: int) -> None:
    found = asyncio.run(measured(written(requests), top))
    times = [request.at for request in requests if request.at]
    if len(set(times)) > 1:
        check_bursts(found, times)
        by_hour = found.breakdown("by_hour")
        assert sum(entry.count for entry in by_hour.entries) == len(times)
        assert sum(by_hour.column("seconds").values()) == pytest.approx((max(times) - min(times)).total_seconds())
        for entry in by_hour.entries:
            of_hour = [r for r in requests if r.at and r.at.hour == entry.key]
            assert entry.count == len(of_hour)
            assert by_hour.column("input_tokens")[entry.key] == sum(r.input_tokens for r in of_hour)
    users = {request.user for request in requests}
    if users == {None}:
        assert "user" in found.missing
    else:
        table = found.breakdown("by_user")
        assert (table.of, len(table.entries)) == (len(users), min(top, len(users)))
        ranked = sorted(users, key=lambda u: (-sum(r.tokens for r in requests if r.user == u), u is None, u))
        assert [entry.key for entry in table.entries] == ranked[:top]
        for entry in table.entries:
            theirs = [request for request in requests if request.user == entry.key]
            assert entry.count == len(theirs)
            assert entry.values == (
                len(theirs) / len(requests),
                sum(r.input_tokens for r in theirs),
                sum(r.output_tokens for r in theirs),
            )
    assert ("at" in found.missing) == (not times)
    for table in found.breakdowns:
        assert all(quantity.formula for quantity in table.quantities)


async def test_independent_arrivals_have_a_dispersion_of_one_and_bursts_of_ten_have_ten() -> None:
    source = random.Random(1)
    moments = list(itertools.accumulate(source.expovariate(0.5) for _ in range(5_000)))
    for size in (1, 10):
        requests = [Request(MOMENT + timedelta(seconds=at), 1, 1) for at in moments for _ in range(size)]
        async with opened(written(requests)) as (query, _):
            found = await arrivals(query)
        # The sample variance of thousands of windows strays by a few hundredths.
        assert found.breakdown("burstiness").column("dispersion")[10] == pytest.approx(size, rel=0.1)


async def test_arrivals_as_regular_as_a_clock_have_no_dispersion() -> None:
    async with opened(written([Request(MOMENT + timedelta(seconds=second), 1, 1) for second in range(61)])) as (query, _):
        found = await arrivals(query)
    assert found.breakdown("burstiness").column("dispersion") == {1: 0}


async def test_requests_of_one_moment_have_no_rate() -> None:
    async with opened(written([Request(MOMENT, 1, 1)] * 3)) as (query, _):
        found = await arrivals(query)
    assert (found.figures, found.breakdowns) == ((), ())
    assert "same time" in found.notes[0]


async def test_requests_without_output_have_no_ratio() -> None:
    found = await measured(written([Request(MOMENT, 5, 0)] * 3))
    assert "input_output_ratio" not in found.values()
    assert any("output" in note for note in found.notes)
