"""What a workload is like: how much comes, how evenly, of which size, and from whom.

Volume, tokens, busy hours and concentration are measured as in every report (`netra.analytics.measure`). What is added here
is what capacity depends on: the rate of arrival, its burstiness, and who sends what.

Burstiness is the index of dispersion: requests are counted in windows of one length, and the variance of the counts is divided
by their mean. Arrivals that know nothing of each other (a Poisson process) give 1 for every length; more says that requests
come in bursts, and the length of the window says how long the bursts are.
"""

from datetime import datetime, timedelta
from fractions import Fraction
from typing import Final, Literal, get_args

from netra.analytics import measure
from netra.analytics.figures import Measurement, Quantity, RowSelection, as_number, as_shown, as_time
from netra.datasets.query import DatasetQuery
from netra.datasets.store import DatasetInfo
from netra.db.sql import NamedQueries

SQL: Final = NamedQueries("netra.analytics", "workload.sql")

Dimension = Literal["model", "user", "feature"]
DIMENSIONS: Final[tuple[Dimension, ...]] = get_args(Dimension)

WINDOWS: Final = (1, 10, 60, 600, 3600)
"""Seconds of a window, in which requests are counted."""
FEWEST_WINDOWS: Final = 10
"""Windows below which their variance says more of chance than of the workload."""
MICROSECOND: Final = timedelta(microseconds=1)


async def workload(query: DatasetQuery, dataset: DatasetInfo, *, top: int = measure.LARGEST_NAMES) -> Measurement:
    """Everything below, and what `measure` has. `top` bounds the entries of a breakdown by name."""
    measured = await measure.volume(query, dataset) + await measure.tokens(query) + await sides(query)
    measured += await measure.concentration(query)
    for dimension in DIMENSIONS:
        measured += await by_name(query, dimension, top)
    return measured + (await measure.busy_hours(query) or Measurement()) + await arrivals(query)


async def sides(query: DatasetQuery) -> Measurement:
    """How input compares with output."""
    rows = await measure.all_rows(query)
    inputs, outputs, answered, middle = await query.fetch_one(SQL["compare_sides"])
    if not outputs:
        return Measurement(notes=("No request has any output tokens, so input cannot be compared with output.",))
    with_output = measure.select_rows(query, "rows with output tokens", answered)
    ratio = rows.figure(
        "input_output_ratio",
        "Input tokens for each output token",
        as_number(float(Fraction(int(inputs), int(outputs)))),
        "ratio",
        "sum(input_tokens) / sum(output_tokens)",
    )
    median = with_output.figure(
        "input_output_ratio_p50",
        "Input tokens for each output token of a request, p50",
        as_number(middle),
        "ratio",
        measure.QUANTILE.format(column="input_tokens / output_tokens", level=0.5),
    )
    return Measurement(figures=(ratio, median))


async def by_name(query: DatasetQuery, dimension: Dimension, top: int) -> Measurement:
    """Requests and tokens of each user, model or feature."""
    found = await query.fetch(SQL["sum_by_name"], column=dimension, limit=top)
    *_, groups, names = found[0]
    if not names:
        return Measurement(missing=(dimension,))
    rows = await measure.all_rows(query)
    quantities = (
        Quantity(id="share_of_requests", unit="share", formula="count(*) / count(*) of all rows"),
        Quantity(id="input_tokens", unit="tokens", formula="sum(input_tokens)"),
        Quantity(id="output_tokens", unit="tokens", formula="sum(output_tokens)"),
    )
    entries = [
        (name and as_shown(name), requests, (requests / rows.count, int(inputs), int(outputs)))
        for name, requests, inputs, outputs, *_ in found
    ]
    table = rows.breakdown(f"by_{dimension}", f"Workload by {dimension}", dimension, quantities, entries, of=groups)
    return Measurement(breakdowns=(table,))


async def arrivals(query: DatasetQuery) -> Measurement:
    """At which rate requests come, by hour of the day, and how unevenly."""
    span = await time_span(query)
    if span is None:
        return Measurement(missing=("at",), notes=("No row has a time, so nothing is said of when requests come.",))
    timed, first, last = span
    if first == last:
        return Measurement(notes=("All requests have the same time, so they have no rate.",))
    return await _rates(query, timed, first, last) + await burstiness(query, timed, first, last)


async def time_span(query: DatasetQuery) -> tuple[RowSelection, datetime, datetime] | None:
    """The rows with a time, and when the first and the last of them came; None when there is none."""
    _, first, last, (count, *_) = await query.fetch_one(measure.SQL["count_columns"])
    return None if first is None else (measure.select_rows(query, "rows with a time", count), first, last)


async def _rates(query: DatasetQuery, timed: RowSelection, first: datetime, last: datetime) -> Measurement:
    rate = timed.figure(
        "arrival_rate",
        "Requests a second, mean",
        timed.count / ((last - first) / timedelta(seconds=1)),
        "requests/s",
        "count(*) / (max(at) − min(at))",
    )
    quantities = (
        Quantity(id="seconds", unit="s", formula="seconds from min(at) to max(at) that lie in this hour of the day"),
        Quantity(id="rate", unit="requests/s", formula="count(*) / seconds"),
        Quantity(id="input_tokens", unit="tokens", formula="sum(input_tokens)"),
        Quantity(id="output_tokens", unit="tokens", formula="sum(output_tokens)"),
    )
    entries = [
        (hour, requests, (as_number(seconds), requests / seconds if seconds else None, int(inputs), int(outputs)))
        for hour, requests, inputs, outputs, seconds in await query.fetch(SQL["count_by_hour_of_day"], first=first, last=last)
    ]
    table = timed.breakdown("by_hour", "Arrivals by hour of the day (UTC)", "hour(at), UTC", quantities, entries)
    return Measurement(figures=(rate,), breakdowns=(table,))


async def burstiness(query: DatasetQuery, timed: RowSelection, first: datetime, last: datetime) -> Measurement:
    """The index of dispersion for each length of window of which there are enough between the first request and the last."""
    entries = []
    for seconds in WINDOWS:
        length = timedelta(seconds=seconds)
        windows = (last - first) // length
        if windows < FEWEST_WINDOWS:
            break
        total, squares, most, fullest = await query.fetch_one(
            SQL["count_by_window"], first=first, length=length // MICROSECOND, windows=windows
        )
        mean = Fraction(int(total), windows)
        dispersion = (Fraction(int(squares), windows) - mean * mean) / mean
        peak = as_time(first + int(fullest) * length)
        entries.append(
            (
                seconds,
                int(total),
                (windows, as_number(float(mean)), as_number(float(dispersion)), most, float(most / mean), peak),
            )
        )
    if not entries:
        return Measurement(notes=(f"The log spans fewer than {FEWEST_WINDOWS} seconds: too few to speak of bursts.",))
    quantities = (
        Quantity(id="windows", unit="windows", formula="whole windows of that length from min(at) to max(at), empty ones too"),
        Quantity(id="mean", unit="requests", formula="requests in whole windows / windows"),
        Quantity(
            id="dispersion",
            unit="ratio",
            formula="index of dispersion: (sum(c²) / windows − mean²) / mean, where c is the number of requests in a window; "
            "1 when requests come independently of each other, more when they come in bursts",
        ),
        Quantity(id="peak", unit="requests", formula="max(c)"),
        Quantity(id="peak_to_mean", unit="ratio", formula="max(c) / mean"),
        Quantity(id="peak_at", unit="UTC", formula="where the fullest window begins, the earlier one where equal"),
    )
    table = timed.breakdown("burstiness", "How bursty arrivals are", "seconds of a window", quantities, entries)
    return Measurement(breakdowns=(table,))
