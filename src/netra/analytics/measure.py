"""What a usage log says about spend: pure functions from its rows to figures.

Each asks DuckDB for what it needs and returns figures and charts that name their formula and rows; none of them writes prose,
remembers anything or knows about runs. Percentiles are `quantile_cont`: with the values in rising order, the value at position
`p × (n − 1)`, linearly interpolated between its two neighbours (NumPy's default, R's type 7, and for p = 0.5 the median).
All times are UTC.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import time, timedelta
from decimal import Decimal
from typing import Final, Literal

from netra.analytics.figures import Figure, Measurement, RowSelection, as_number, as_shown, as_time
from netra.analytics.prices import PriceList
from netra.datasets.query import DatasetQuery
from netra.datasets.store import DatasetInfo
from netra.db.sql import NamedQueries

SQL: Final = NamedQueries("netra.analytics", "measure.sql")

LEVELS: Final = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
QUANTILE: Final = (
    "quantile_cont({column}, {level}): the value at position {level} × (n − 1) in rising order, interpolated linearly"
)
BUSIEST: Final = 3
"""Calendar hours that are named as the busiest."""
NAMED: Final = 5
"""Requests that are named by their lines as the largest."""
LONGEST_LATENCY: Final = 1e9
"""Milliseconds (eleven days) above which a latency is taken for a mistake of the log, and left out."""
LARGEST_COST: Final = 1e9
"""Dollars above which the recorded cost of one request is taken for a mistake of the log, and left out."""
LARGEST_NAMES: Final = 10
"""Users, models or features in a chart."""

# The length of a log up to which it is shown by the minute, the hour, the day; beyond, by the month. A chart of a year then
# has no more than 366 points.
PERIODS: Final = (("minute", timedelta(hours=3)), ("hour", timedelta(days=14)), ("day", timedelta(days=365)))


async def volume(query: DatasetQuery, dataset: DatasetInfo) -> Measurement:
    """How many requests there are, over which time, and how much of them the file says."""
    count, first, last, columns = await query.fetch_one(SQL["count_columns"])
    rows = select_rows(query, "all rows", count)
    file = select_rows(query, "all rows of the file", count + dataset.rejected)
    known = sum(column / count for column in columns) / len(columns) * count / file.count
    figures = [
        rows.figure("requests", "Requests", count, "requests", "count(*)"),
        file.figure(
            "rejected_rows", "Rows that could not be read", dataset.rejected, "rows", "rows of the file − rows that were read"
        ),
        file.figure(
            "data_completeness",
            "Completeness of the data",
            known,
            "share",
            "mean of count(c) / count(*) over the columns c = at, input_tokens, output_tokens, model, user, feature, "
            "latency_ms, cost_usd; times rows that were read / rows of the file",
        ),
    ]
    if first is not None:
        timed = select_rows(query, "rows with a time", columns[0])
        hours = as_number((last - first) / timedelta(hours=1))
        figures += [
            timed.figure("first_at", "First request", as_time(first), "UTC", "min(at)"),
            timed.figure("last_at", "Last request", as_time(last), "UTC", "max(at)"),
            timed.figure("hours_covered", "Time covered", hours, "hours", "(max(at) − min(at)) / 1 h"),
        ]
    (several,) = await query.fetch_one(SQL["sum_requests"])
    notes = (f"The rows stand for {several} requests; what is counted as requests is rows.",) if several > count else ()
    return Measurement(figures=tuple(figures), notes=notes)


async def tokens(query: DatasetQuery) -> Measurement:
    """Sums, means, percentiles and maxima of input and output tokens."""
    found = await query.fetch_one(SQL["describe_tokens"], levels=list(LEVELS.values()))
    rows = select_rows(query, "all rows", found[0])
    return _tokens(rows, "input", *found[1:6]) + _tokens(rows, "output", *found[6:])


def _tokens(
    rows: RowSelection, side: str, total: int, mean: float, quantiles: Sequence[float], largest: int, line: int
) -> Measurement:
    column = f"{side}_tokens"
    levels = {name: as_number(value) for name, value in zip(LEVELS, quantiles, strict=True)}
    there = rows.model_copy(update={"lines": (line,)})
    figures = (
        rows.figure(f"{side}_total", f"Tokens, {side}", int(total), "tokens", f"sum({column})"),
        rows.figure(f"{side}_mean", f"Tokens a request, {side}, mean", as_number(mean), "tokens", f"sum({column}) / count(*)"),
        *(
            rows.figure(
                f"{side}_{name}",
                f"Tokens a request, {side}, {name}",
                value,
                "tokens",
                QUANTILE.format(column=column, level=LEVELS[name]),
            )
            for name, value in levels.items()
        ),
        there.figure(f"{side}_max", f"Tokens of the largest request, {side}", largest, "tokens", f"max({column})"),
    )
    chart = rows.chart(
        f"{side}_percentiles",
        f"{side.capitalize()} tokens a request",
        "bar",
        ("percentile", "tokens"),
        [*levels.items(), ("max", largest)],
        QUANTILE.format(column=column, level="p"),
    )
    return Measurement(figures=figures, charts=(chart,))


async def busy_hours(query: DatasetQuery) -> Measurement | None:
    """When the requests came. None when no row has a time."""
    _, first, last, (count, *_) = await query.fetch_one(SQL["count_columns"])
    if first is None:
        return None
    timed = select_rows(query, "rows with a time", count)
    figures: list[Figure] = []
    for rank, (hour, requests) in enumerate(await query.fetch(SQL["count_by_hour"], limit=BUSIEST), 1):
        end = as_time(hour + timedelta(hours=1))
        within = select_rows(query, f"rows with a time from {as_time(hour)} to before {end} UTC", requests)
        formula = f"number {rank} of date_trunc('hour', at), UTC, by count(*), the earlier hour first where equal"
        figures += [
            timed.figure(f"busy_hour_{rank}", f"Busy hour {rank}", as_time(hour), "UTC", formula),
            within.figure(f"busy_hour_{rank}_requests", f"Requests in busy hour {rank}", requests, "requests", "count(*)"),
            timed.figure(
                f"busy_hour_{rank}_share",
                f"Share of busy hour {rank} in all requests with a time",
                requests / count,
                "share",
                f"count(*) of {within.filter} / count(*)",
            ),
        ]
    of_day = dict(await query.fetch(SQL["count_by_hour_of_day"]))
    by_hour = timed.chart(
        "requests_by_hour_of_day",
        "Requests by hour of the day (UTC)",
        "bar",
        ("hour, UTC", "requests"),
        [(hour, of_day.get(hour, 0)) for hour in range(24)],
        "count(*) by hour(at), UTC",
    )
    period = next((name for name, longest in PERIODS if last - first <= longest), "month")
    over_time = timed.chart(
        "requests_over_time",
        f"Requests a {period} (UTC)",
        "line",
        (f"{period}, UTC", "requests"),
        [(as_time(at), requests) for at, requests in await query.fetch(SQL["count_by_period"], period=period)],
        f"count(*) by date_trunc('{period}', at), UTC; a {period} without requests is left out",
    )
    return Measurement(figures=tuple(figures), charts=(over_time, by_hour))


async def concentration(query: DatasetQuery) -> Measurement:
    """How unevenly the tokens are spread: over requests, and over the users, models and features that the rows name."""
    rows = await all_rows(query)
    one, ten = _largest(rows.count)
    total, top_one, top_ten, spread, lines = await query.fetch_one(
        SQL["concentrate_tokens"], requests=rows.count, one_percent=one, ten_percent=ten, named=NAMED
    )
    measured = Measurement()
    if total:
        shares = {1: (one, float(top_one / total)), 10: (ten, float(top_ten / total))}
        gini = rows.figure(
            "tokens_gini",
            "Gini coefficient of tokens over requests",
            as_number(spread / (rows.count * total)),
            "ratio",
            "sum((2 i − n − 1) × x_i) / (n × sum(x)), where x = input_tokens + output_tokens in rising order and i runs from "
            "1 to n; 0 when all are alike, near 1 when one request has all",
        )
        measured = Measurement(figures=(*_shares(rows, "tokens", "input_tokens + output_tokens", shares, lines), gini))
    for column in ("user", "model", "feature"):
        measured += await _by_name(query, column)
    return measured


async def _by_name(query: DatasetQuery, column: Literal["user", "model", "feature"]) -> Measurement:
    found = await query.fetch(SQL["share_by_name"], column=column, limit=LARGEST_NAMES)
    if not found or not found[0][3]:
        return Measurement()
    name, largest, names, total, requests = found[0]
    rows = select_rows(query, f"rows that name a {column}", int(requests))
    formula = f"sum(input_tokens + output_tokens) by {column}"
    title = f"Tokens by {column}" + (f", the largest {LARGEST_NAMES}" if names > LARGEST_NAMES else "")
    points = [(as_shown(each), int(weight)) for each, weight, *_ in found]
    return Measurement(
        figures=(
            rows.figure(f"{column}s", f"Different {column}s", names, f"{column}s", f"count(DISTINCT {column})"),
            rows.figure(
                f"largest_{column}", f"The {column} with the most tokens", as_shown(name), column, f"{formula}; the largest"
            ),
            rows.figure(
                f"largest_{column}_share",
                f"Share of that {column} in the tokens of all {column}s",
                float(largest / total),
                "share",
                f"{formula}; the largest / the sum of all",
            ),
        ),
        charts=(rows.chart(f"tokens_by_{column}", title, "bar", (column, "tokens"), points, formula),),
    )


@dataclass(frozen=True, slots=True)
class Bill:
    """What the requests of a dataset cost, in US dollars."""

    inputs: Decimal
    outputs: Decimal
    requests: Decimal
    """What is billed a request, whatever its size."""
    above_step: int
    """How many requests are so long that they are billed at another rate."""
    cached_tokens: int = 0
    """Input tokens that are billed as what the provider's cache gave."""

    @property
    def total(self) -> Decimal:
        return self.inputs + self.outputs + self.requests


async def bill(query: DatasetQuery, prices: PriceList, *, cached: bool = False) -> Bill:
    """What the requests cost at the list prices of one model, each billed at its own size and hour.

    With `cached`, input that a cache gave is billed at the price of that; else in full, as if none had been there.
    """
    begins, starts = _brackets(prices)
    inputs = outputs = requests = Decimal(0)
    above = given = 0
    # Within a bracket every request has the same rates, so exact sums of tokens give the exact cost.
    for part, steps, count, input_tokens, output_tokens, cached_tokens in await query.fetch(
        SQL["sum_by_tariff"], begins=begins, starts=starts
    ):
        tariff, size = prices.tariffs[part], _size(prices, steps)
        of_cache = int(cached_tokens) if cached else 0
        inputs += tariff.price(0, int(input_tokens), 0, size, cached_tokens=of_cache)
        outputs += tariff.price(0, 0, int(output_tokens), size)
        requests += tariff.price(count, 0, 0, size)
        above += count if steps else 0
        given += of_cache
    return Bill(inputs, outputs, requests, above, given)


async def cost(query: DatasetQuery, prices: PriceList) -> Measurement:
    """The bill at the list prices of one model, how it is spread over requests, and what the log itself records."""
    rows = await all_rows(query)
    billed = await bill(query, prices, cached=True)
    total = billed.total
    formula = f"sum over requests of {prices.formula(cached=billed.cached_tokens > 0)}"
    figures = [
        rows.figure("cost_total", f"Cost at the list prices of {prices.model}", as_number(total), "USD", formula),
        rows.figure(
            "cost_input", "Cost of the input tokens", as_number(billed.inputs), "USD", f"{formula}; the term of input_tokens"
        ),
        rows.figure(
            "cost_output",
            "Cost of the output tokens",
            as_number(billed.outputs),
            "USD",
            f"{formula}; the term of output_tokens",
        ),
        rows.figure("cost_mean", "Cost of a request, mean", as_number(total / rows.count), "USD", f"({formula}) / count(*)"),
    ]
    if billed.cached_tokens:
        label, sum_of = "Input tokens that the provider's cache gave", "sum(least(cached_input_tokens, input_tokens))"
        figures.append(rows.figure("input_cached", label, billed.cached_tokens, "tokens", sum_of))
    if starts := prices.steps:
        label = f"Requests with more than {starts[0]:,} input tokens, which are billed higher"
        condition = f"count(*) where input_tokens > {starts[0]}"
        figures.append(rows.figure("requests_above_step", label, billed.above_step, "requests", condition))
    if total:
        figures += await cost_shares(query, prices)
    recorded, paid = await query.fetch_one(SQL["sum_recorded_cost"], largest=LARGEST_COST)
    if recorded:
        with_cost = select_rows(query, "rows with a recorded cost", recorded)
        figures.append(with_cost.figure("cost_recorded", "Cost as the log has it", as_number(paid), "USD", "sum(cost_usd)"))
    return Measurement(figures=tuple(figures), notes=(_about_cache(prices),) if billed.cached_tokens else ())


def _about_cache(prices: PriceList) -> str:
    """How input is billed that a cache gave."""
    if prices.bills_cache_in_full:
        return f"The price list has no price for what a cache gives of {prices.model}: cached_input_tokens are billed in full."
    return f"What the provider's cache gave (cached_input_tokens) is billed at the list price of that for {prices.model}."


async def cost_shares(query: DatasetQuery, prices: PriceList) -> Iterator[Figure]:
    """How much of the cost at the list prices of one model the most expensive requests cause, and where those stand."""
    rows = await all_rows(query)
    begins, starts = _brackets(prices)
    every = [(tariff, _size(prices, steps)) for tariff in prices.tariffs for steps in range(len(starts) + 1)]
    one, ten = _largest(rows.count)
    total, top_one, top_ten, lines = await query.fetch_one(
        SQL["concentrate_cost"],
        begins=begins,
        starts=starts,
        input_rates=[float(tariff.input.at(size)) / 1e6 for tariff, size in every],
        cached_rates=[float((tariff.cached or tariff.input).at(size)) / 1e6 for tariff, size in every],
        output_rates=[float(tariff.output.at(size)) / 1e6 for tariff, size in every],
        request_rates=[float(tariff.request) for tariff, _ in every],
        one_percent=one,
        ten_percent=ten,
        named=NAMED,
    )
    return _shares(rows, "cost", "cost of the request", {1: (one, top_one / total), 10: (ten, top_ten / total)}, lines)


def _shares(
    rows: RowSelection, what: str, weight: str, shares: dict[int, tuple[int, float]], lines: Sequence[int]
) -> Iterator[Figure]:
    """The share of the largest requests; `shares` gives for each percentage their number and their share."""
    for percent, (count, share) in shares.items():
        words = f"the {count} rows with the most {what}: {percent} % of {rows.count}, rounded up; the earlier line where equal"
        largest = RowSelection(
            dataset_id=rows.dataset_id,
            filter=words,
            count=count,
            lines=tuple(lines[:count]),
        )
        yield largest.figure(
            f"{what}_top_{percent}_percent",
            f"Share of the largest {percent} % of requests in all {what}",
            share,
            "share",
            f"sum({weight}) over these rows / sum({weight}) over all rows",
        )


def select_rows(query: DatasetQuery, words: str, count: int) -> RowSelection:
    """Rows of the dataset that is being read, in words."""
    return RowSelection(dataset_id=query.dataset_id, filter=words, count=count)


async def all_rows(query: DatasetQuery) -> RowSelection:
    """Every row of the dataset."""
    count, *_ = await query.fetch_one(SQL["count_columns"])
    return select_rows(query, "all rows", count)


def _largest(rows: int) -> tuple[int, int]:
    """How many requests 1 % and 10 % are, rounded up."""
    return -(-rows // 100), -(-rows // 10)


def _brackets(prices: PriceList) -> tuple[list[time], list[int]]:
    """When the rates change within a day after midnight, and above how many input tokens."""
    return [tariff.begins for tariff in prices.tariffs[1:]], list(prices.steps)


def _size(prices: PriceList, steps: int) -> int:
    """A number of input tokens that is above just so many of the price steps."""
    return prices.steps[steps - 1] + 1 if steps else 0
