"""What DuckDB measures, against the same in plain Python over the same rows."""

import asyncio
import csv
import io
import math
import statistics
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from genai_prices.data import providers
from genai_prices.data_snapshot import DataSnapshot
from genai_prices.types import Usage
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from netra.analytics import measure
from netra.analytics.figures import Chart, Figure, Measurement
from netra.analytics.prices import PriceList, Rate, Tariff, price_list
from netra.datasets.importer import import_file
from netra.datasets.query import DatasetQuery, open_query
from netra.datasets.store import DatasetInfo
from netra.ids import DatasetId, new_uuid
from tests.datasets.traces import Trace, trace  # noqa: F401 - a fixture

EXAMPLES = settings(max_examples=40, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
MOMENT = datetime(2026, 11, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Request:
    at: datetime | None
    input_tokens: int
    output_tokens: int
    user: str | None = None

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens


@asynccontextmanager
async def opened(content: bytes) -> AsyncIterator[tuple[DatasetQuery, DatasetInfo]]:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in"), Path(folder, "out")
        await asyncio.to_thread(source.write_bytes, content)
        imported = await import_file(source, target)
        dataset = DatasetInfo(
            DatasetId(new_uuid()),
            "test",
            imported.format,
            imported.mapping.sources,
            imported.rows,
            imported.rejected,
            (),
            imported.notes,
            len(content),
            "",
            imported.first_at,
            imported.last_at,
            MOMENT,
        )
        async with open_query(dataset.id, target) as query:
            yield query, dataset


def written(requests: Sequence[Request]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["at", "input_tokens", "output_tokens", "user"])
    for request in requests:
        writer.writerow(
            [request.at.isoformat() if request.at else "", request.input_tokens, request.output_tokens, request.user]
        )
    return text.getvalue().encode()


async def measured(content: bytes, prices: PriceList) -> dict[str, Measurement]:
    async with opened(content) as (query, dataset):
        return {
            "volume": await measure.volume(query, dataset),
            "tokens": await measure.tokens(query),
            "busy_hours": await measure.busy_hours(query) or Measurement(),
            "concentration": await measure.concentration(query),
            "cost": await measure.cost(query, prices),
        }


def values(measurement: Measurement) -> dict[str, Any]:
    return {figure.id: figure.value for figure in measurement.figures}


def percentile(numbers: Sequence[int], level: float) -> float:
    """Type 7 by its definition, in exact arithmetic."""
    ordered = sorted(numbers)
    position = Fraction(str(level)) * (len(ordered) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return float(ordered[below] + (position - below) * (ordered[above] - ordered[below]))


def gini(numbers: Sequence[int]) -> float:
    """Half of the mean absolute difference over the mean, pair by pair: another way to the same number."""
    pairs = sum(abs(a - b) for a in numbers for b in numbers)
    return pairs / (2 * len(numbers) ** 2 * statistics.mean(numbers))


# --- The traces ---------------------------------------------------------------------------------------------------------


async def test_the_figures_of_an_azure_trace_equal_an_independent_computation(trace: Trace) -> None:  # noqa: F811
    prices = await asyncio.to_thread(price_list, "openai:gpt-4o", MOMENT)
    found = await measured(trace.path.read_bytes(), prices)
    for side, numbers in (("input", trace.input_tokens), ("output", trace.output_tokens)):
        figures = values(found["tokens"])
        assert figures[f"{side}_total"] == sum(numbers)
        assert figures[f"{side}_max"] == max(numbers)
        assert figures[f"{side}_mean"] == pytest.approx(statistics.fmean(numbers), rel=1e-12)
        assert figures[f"{side}_p50"] == statistics.median(numbers)
        cuts = statistics.quantiles(numbers, n=100, method="inclusive")
        for level in (90, 95, 99):
            assert figures[f"{side}_p{level}"] == pytest.approx(cuts[level - 1], rel=1e-12)
    volume = values(found["volume"])
    assert volume["requests"] == len(trace.times)
    assert volume["hours_covered"] == pytest.approx((max(trace.times) - min(trace.times)) / timedelta(hours=1), rel=1e-12)
    hours = Counter(at.strftime("%Y-%m-%d %H:00") for at in trace.times).most_common()
    busy = values(found["busy_hours"])
    assert [(busy[f"busy_hour_{rank}"], busy[f"busy_hour_{rank}_requests"]) for rank in range(1, len(hours) + 1)] == hours
    minutes = Counter(at.strftime("%Y-%m-%d %H:%M") for at in trace.times)
    over_time = next(chart for chart in found["busy_hours"].charts if chart.id == "requests_over_time")
    assert {point.x: point.y for point in over_time.points} == dict(minutes)
    every = sorted((i + o for i, o in zip(trace.input_tokens, trace.output_tokens, strict=True)), reverse=True)
    shares = values(found["concentration"])
    assert shares["tokens_top_1_percent"] == pytest.approx(sum(every[: math.ceil(len(every) / 100)]) / sum(every), rel=1e-12)
    assert shares["tokens_top_10_percent"] == pytest.approx(sum(every[: math.ceil(len(every) / 10)]) / sum(every), rel=1e-12)
    snapshot = DataSnapshot(providers=providers, from_auto_update=False)
    costs = [
        snapshot.calc(Usage(input_tokens=i, output_tokens=o), "gpt-4o", "openai", None, MOMENT).total_price
        for i, o in zip(trace.input_tokens, trace.output_tokens, strict=True)
    ]
    cost = values(found["cost"])
    assert cost["cost_total"] == float(sum(costs))
    assert cost["cost_mean"] == pytest.approx(float(sum(costs) / len(costs)), rel=1e-12)
    largest = sorted(costs, reverse=True)[: math.ceil(len(costs) / 100)]
    assert cost["cost_top_1_percent"] == pytest.approx(float(sum(largest) / sum(costs)), rel=1e-9)


# --- Laws ---------------------------------------------------------------------------------------------------------------

# Rates that step with size and change with the hour, so that no shortcut over totals gives the right cost.
HARD = PriceList(
    "test:hard",
    "list 0",
    MOMENT,
    (
        Tariff(time(0), Rate(Decimal("0.25")), Rate(Decimal("1.5")), Decimal("0.001")),
        Tariff(
            time(6, 30),
            Rate(Decimal("1.25"), ((100, Decimal("2.5")), (1000, Decimal(5)))),
            Rate(Decimal(10), ((100, Decimal(15)),)),
            Decimal(0),
        ),
        Tariff(time(18), Rate(Decimal("0.5")), Rate(Decimal(3), ((1000, Decimal(4)),)), Decimal(0)),
    ),
)
TIMES = st.timedeltas(timedelta(0), timedelta(days=4)).map(lambda passed: datetime(2025, 12, 30, tzinfo=UTC) + passed)
REQUESTS = st.lists(
    st.builds(
        Request, st.none() | TIMES, st.integers(0, 3000), st.integers(0, 500), st.none() | st.sampled_from(["a", "b", "c"])
    ),
    min_size=1,
    max_size=60,
)


def expected_cost(request: Request) -> Decimal:
    clock = request.at.time() if request.at else time(0)
    tariff = [tariff for tariff in HARD.tariffs if tariff.begins <= clock][-1]

    def rate(rates: Rate) -> Decimal:
        found = rates.base
        for start, dollars in rates.steps:
            if request.input_tokens > start:
                found = dollars
        return found

    tokens = request.input_tokens * rate(tariff.input) + request.output_tokens * rate(tariff.output)
    return tokens / 1_000_000 + tariff.request


@EXAMPLES
@given(requests=REQUESTS)
def test_every_figure_equals_plain_python_over_the_same_rows(requests: list[Request]) -> None:
    found = asyncio.run(measured(written(requests), HARD))
    count = len(requests)
    timed = [request.at for request in requests if request.at]

    volume = values(found["volume"])
    assert volume["requests"] == count
    named = sum(request.user is not None for request in requests)
    assert volume["data_completeness"] == pytest.approx((len(timed) + 2 * count + named) / (8 * count))
    assert ("hours_covered" in volume) == bool(timed)

    tokens = values(found["tokens"])
    for side in ("input", "output"):
        numbers = [getattr(request, f"{side}_tokens") for request in requests]
        assert (tokens[f"{side}_total"], tokens[f"{side}_max"]) == (sum(numbers), max(numbers))
        for name, level in measure.LEVELS.items():
            assert tokens[f"{side}_{name}"] == pytest.approx(percentile(numbers, level), rel=1e-12)
        largest = next(figure for figure in found["tokens"].figures if figure.id == f"{side}_max")
        assert largest.rows.lines == (numbers.index(max(numbers)) + 2,)

    busy = values(found["busy_hours"])
    hours = Counter(at.replace(minute=0, second=0, microsecond=0) for at in timed)
    ranked = sorted(hours.items(), key=lambda hour: (-hour[1], hour[0]))[: measure.BUSIEST]
    assert [busy[f"busy_hour_{rank}_requests"] for rank in range(1, len(ranked) + 1)] == [number for _, number in ranked]
    assert [busy[f"busy_hour_{rank}"] for rank in range(1, len(ranked) + 1)] == [f"{hour:%Y-%m-%d %H:%M}" for hour, _ in ranked]
    for chart in found["busy_hours"].charts:
        assert sum(point.y for point in chart.points) == len(timed)

    weights = sorted(((request.tokens, -line) for line, request in enumerate(requests, 2)), reverse=True)
    total = sum(weight for weight, _ in weights)
    shares = {figure.id: figure for figure in found["concentration"].figures}
    assert ("tokens_gini" in shares) == (total > 0)
    if total:
        ten = weights[: math.ceil(count / 10)]
        assert shares["tokens_top_10_percent"].value == pytest.approx(sum(weight for weight, _ in ten) / total)
        assert shares["tokens_top_10_percent"].rows.count == len(ten)
        assert shares["tokens_top_10_percent"].rows.lines == tuple(-line for _, line in ten[: measure.NAMED])
        assert shares["tokens_gini"].value == pytest.approx(gini([request.tokens for request in requests]))
    users: Counter[str] = Counter()
    for request in requests:
        if request.user:
            users[request.user] += request.tokens
    if sum(users.values()):
        name, most = min(users.items(), key=lambda user: (-user[1], user[0]))
        assert (shares["users"].value, shares["largest_user"].value) == (len(users), name)
        assert shares["largest_user_share"].value == pytest.approx(most / sum(users.values()))

    cost = values(found["cost"])
    costs = [expected_cost(request) for request in requests]
    assert cost["cost_total"] == float(sum(costs))
    assert cost["cost_input"] + cost["cost_output"] <= cost["cost_total"] * (1 + 1e-12)
    assert cost["requests_above_step"] == sum(request.input_tokens > 100 for request in requests)
    if sum(costs):
        largest_costs = sorted(costs, reverse=True)[: math.ceil(count / 10)]
        assert cost["cost_top_10_percent"] == pytest.approx(float(sum(largest_costs) / sum(costs)), rel=1e-9)


@EXAMPLES
@given(requests=REQUESTS)
def test_every_figure_and_chart_names_its_rows_and_formula(requests: list[Request]) -> None:
    found = asyncio.run(measured(written(requests), HARD))
    parts: list[Figure | Chart] = [figure for group in found.values() for figure in group.figures]
    parts += [chart for group in found.values() for chart in group.charts]
    assert len({part.rows.dataset_id for part in parts}) == 1
    for part in parts:
        assert part.formula
        assert 0 < part.rows.count <= len(requests)
        assert all(2 <= line <= len(requests) + 1 for line in part.rows.lines)


# --- Corners ------------------------------------------------------------------------------------------------------------


async def test_a_cost_by_totals_would_be_another_one() -> None:
    requests = [Request(None, 100, 0)] * 3 + [Request(None, 101, 0)]
    stepped = PriceList(
        "m", "l", MOMENT, (Tariff(time(0), Rate(Decimal(1), ((100, Decimal(10)),)), Rate(Decimal(0)), Decimal(0)),)
    )
    async with opened(written(requests)) as (query, _):
        cost = values(await measure.cost(query, stepped))
    assert cost["cost_total"] == (300 * 1 + 101 * 10) / 1e6
    assert cost["requests_above_step"] == 1


@pytest.mark.parametrize(("rate", "cached_cost"), [(Rate(Decimal(1)), 60), (None, 600)])
async def test_what_a_cache_gave_is_billed_at_its_own_price_where_the_list_has_one(rate: Rate | None, cached_cost: int) -> None:
    prices = PriceList("m", "l", MOMENT, (Tariff(time(0), Rate(Decimal(10)), Rate(Decimal(0)), Decimal(0), rate),))
    # Where a log has more of it than input, that is a mistake of the log.
    content = b"input_tokens,output_tokens,cached_input_tokens\n10,1,\n50,1,80\n20,1,10\n"
    async with opened(content) as (query, _):
        found = await measure.cost(query, prices)
        in_full = await measure.bill(query, prices)
    cost = values(found)
    assert cost["cost_total"] == cost["cost_input"] == (200 + cached_cost) / 1e6
    assert cost["input_cached"] == 60
    assert cost["cost_top_10_percent"] == pytest.approx((500 if rate is None else 110) / (200 + cached_cost))
    assert ("cached_input_tokens × $1" in found.figures[0].formula) == (rate is not None)
    assert ["in full" in note for note in found.notes] == [rate is None]
    assert in_full.total * 1_000_000 == 800


async def test_a_log_of_empty_requests_has_no_shares() -> None:
    async with opened(written([Request(MOMENT, 0, 0, "a")] * 3)) as (query, _):
        assert values(await measure.concentration(query)) == {}
        free = PriceList("m", "l", MOMENT, (Tariff(time(0), Rate(Decimal(0)), Rate(Decimal(0)), Decimal(0)),))
        assert values(await measure.cost(query, free)) == {"cost_total": 0, "cost_input": 0, "cost_output": 0, "cost_mean": 0}


async def test_a_log_without_times_has_no_busy_hours() -> None:
    async with opened(b"input_tokens,output_tokens\n1,2\n") as (query, _):
        assert await measure.busy_hours(query) is None


async def test_recorded_cost_counts_only_the_rows_that_have_one() -> None:
    async with opened(b"input_tokens,output_tokens,cost_usd\n1,2,0.5\n1,2,\n1,2,0.25\n") as (query, _):
        found = await measure.cost(query, HARD)
    recorded = next(figure for figure in found.figures if figure.id == "cost_recorded")
    assert (recorded.value, recorded.rows.count) == (0.75, 2)


async def test_completeness_counts_the_rows_that_could_not_be_read() -> None:
    async with opened(b"input_tokens,output_tokens\n1,2\nx,2\n") as (query, dataset):
        volume = values(await measure.volume(query, dataset))
    assert (volume["requests"], volume["rejected_rows"]) == (1, 1)
    assert volume["data_completeness"] == 2 / 8 / 2


@pytest.mark.parametrize(
    ("span", "period"),
    [
        (timedelta(hours=3), "minute"),
        (timedelta(hours=3, seconds=1), "hour"),
        (timedelta(days=15), "day"),
        (timedelta(days=366), "month"),
    ],
)
async def test_a_chart_over_time_has_a_step_that_fits_the_log(span: timedelta, period: str) -> None:
    async with opened(written([Request(MOMENT, 1, 1), Request(MOMENT + span, 1, 1)])) as (query, _):
        busy = await measure.busy_hours(query)
    assert busy is not None
    assert busy.charts[0].x_label == f"{period}, UTC"


async def test_a_name_with_control_characters_can_be_shown() -> None:
    async with opened(b'{"input_tokens": 1, "output_tokens": 2, "user": "a\\u0000b\\u001b"}') as (query, _):
        assert values(await measure.concentration(query))["largest_user"] == "a�b�"
