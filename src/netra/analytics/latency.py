"""How long requests take: percentiles over all of them and over groups, and the slowest by their lines.

Latency is what the log has as `latency_ms`, the milliseconds until an answer was complete. Groups are by model, feature, user,
hour of the day (UTC) and size of the input, because a slow model, a busy hour and a long prompt ask for different remedies.
"""

from collections.abc import Sequence
from typing import Any, Final, Literal

from netra.analytics import measure
from netra.analytics.figures import Measurement, Quantity, RowSelection, as_number, as_shown, as_time
from netra.datasets.query import DatasetQuery
from netra.db.sql import NamedQueries

SQL: Final = NamedQueries("netra.analytics", "latency.sql")

Grouping = Literal["model", "feature", "user", "hour", "size"]
COLUMN_OF: Final[dict[Grouping, str]] = {
    "model": "model",
    "feature": "feature",
    "user": "user",
    "hour": "at",
    "size": "input_tokens",
}
"""What each grouping needs of a row."""
SIZE_EDGES: Final = (256, 1024, 4096, 16384, 65536)
"""Input tokens up to which a request is of one size; each band takes in its upper edge."""
HOURS: Final = 24

_BOUNDS: Final[dict[str, Any]] = {"levels": list(measure.LEVELS.values()), "longest": measure.LONGEST_LATENCY}


async def latency(query: DatasetQuery, *, top: int = measure.LARGEST_NAMES) -> Measurement:
    """Overall, by group, and the slowest rows. `top` bounds the entries of a breakdown by name and the rows that are named."""
    count, mean, quantiles, slowest, line = await query.fetch_one(SQL["describe_latency"], **_BOUNDS)
    if not count:
        return Measurement(missing=("latency_ms",), notes=("No row has a latency, so nothing is said of it.",))
    (beyond,) = await query.fetch_one(SQL["count_beyond"], longest=measure.LONGEST_LATENCY)
    words = f"rows with a latency of at most {measure.LONGEST_LATENCY:.0f} ms" if beyond else "rows with a latency"
    rows = measure.select_rows(query, words, count)
    measured = _overall(rows, mean, quantiles, slowest, line) + await _pace(query)
    for grouping in COLUMN_OF:
        measured += await _by(query, rows, grouping, top)
    return measured + await _slowest(query, rows, top)


def _overall(rows: RowSelection, mean: float, quantiles: Sequence[float], slowest: float, line: int) -> Measurement:
    levels = dict(zip(measure.LEVELS, quantiles, strict=True))
    there = rows.model_copy(update={"lines": (line,)})
    figures = [
        rows.figure("latency_mean", "Latency, mean", as_number(mean), "ms", "sum(latency_ms) / count(*)"),
        *(
            rows.figure(
                f"latency_{name}",
                f"Latency, {name}",
                as_number(value),
                "ms",
                measure.QUANTILE.format(column="latency_ms", level=measure.LEVELS[name]),
            )
            for name, value in levels.items()
        ),
        there.figure("latency_max", "Latency of the slowest request", as_number(slowest), "ms", "max(latency_ms)"),
    ]
    if levels["p50"]:
        figures.append(
            rows.figure(
                "latency_tail_ratio",
                "How many times the median the slowest hundredth takes at least",
                as_number(levels["p99"] / levels["p50"]),
                "ratio",
                "latency_p99 / latency_p50",
            )
        )
    points = [*((name, as_number(value)) for name, value in levels.items()), ("max", as_number(slowest))]
    formula = measure.QUANTILE.format(column="latency_ms", level="p")
    chart = rows.chart("latency_percentiles", "Latency", "bar", ("percentile", "ms"), points, formula)
    return Measurement(figures=tuple(figures), charts=(chart,))


async def _pace(query: DatasetQuery) -> Measurement:
    """The latency for each output token, which is comparable between requests of different length."""
    count, quantiles = await query.fetch_one(SQL["describe_pace"], **_BOUNDS)
    if not count:
        return Measurement()
    rows = measure.select_rows(query, "rows with a latency and output tokens", count)
    return Measurement(
        figures=tuple(
            rows.figure(
                f"latency_per_output_token_{name}",
                f"Latency for each output token, {name}",
                as_number(value),
                "ms",
                measure.QUANTILE.format(column="latency_ms / output_tokens", level=measure.LEVELS[name]),
            )
            for name, value in zip(measure.LEVELS, quantiles, strict=True)
            if name in {"p50", "p95"}
        )
    )


async def _by(query: DatasetQuery, rows: RowSelection, grouping: Grouping, top: int) -> Measurement:
    bounded = {"hour": HOURS + 1, "size": len(SIZE_EDGES) + 1}
    found = await query.fetch(
        SQL["describe_groups"],
        by=grouping,
        edges=list(SIZE_EDGES),
        **_BOUNDS,
        limit=bounded.get(grouping, top),
    )
    *_, groups, keys = found[0]
    if not keys:
        return Measurement(missing=(COLUMN_OF[grouping],))
    if grouping in bounded:
        found.sort(key=lambda group: HOURS if group[0] is None else int(group[0]))
    quantities = (
        Quantity(id="mean", unit="ms", formula="sum(latency_ms) / count(*)"),
        *(
            Quantity(id=name, unit="ms", formula=measure.QUANTILE.format(column="latency_ms", level=level))
            for name, level in measure.LEVELS.items()
        ),
        Quantity(id="max", unit="ms", formula="max(latency_ms)"),
        Quantity(id="tail_ratio", unit="ratio", formula="p99 / p50"),
    )
    entries = [
        (
            _key(grouping, key),
            requests,
            (
                as_number(mean),
                *map(as_number, quantiles),
                as_number(slowest),
                as_number(quantiles[-1] / quantiles[0]) if quantiles[0] else None,
            ),
        )
        for key, requests, mean, quantiles, slowest, *_ in found
    ]
    words = {"hour": "hour(at), UTC", "size": "band of input_tokens"}.get(grouping, grouping)
    title = {"hour": "hour of the day (UTC)", "size": "input tokens"}.get(grouping, grouping)
    table = rows.breakdown(f"latency_by_{grouping}", f"Latency by {title}", words, quantities, entries, of=groups)
    return Measurement(breakdowns=(table,))


def _key(grouping: Grouping, key: str | None) -> int | str | None:
    match grouping, key:
        case _, None:
            return None
        case "hour", _:
            return int(key)
        case "size", _:
            band = int(key)
            return f"above {SIZE_EDGES[-1]:,}" if band == len(SIZE_EDGES) else f"up to {SIZE_EDGES[band]:,}"
        case _:
            return as_shown(key)


async def _slowest(query: DatasetQuery, rows: RowSelection, top: int) -> Measurement:
    found = await query.fetch(SQL["list_slowest"], longest=measure.LONGEST_LATENCY, limit=top)
    quantities = (
        Quantity(id="latency_ms", unit="ms", formula="latency_ms"),
        Quantity(id="input_tokens", unit="tokens", formula="input_tokens"),
        Quantity(id="output_tokens", unit="tokens", formula="output_tokens"),
        Quantity(id="model", unit="model", formula="model"),
        Quantity(id="at", unit="UTC", formula="at"),
    )
    entries = [
        (line, 1, (as_number(taken), inputs, outputs, model and as_shown(model), at and as_time(at)))
        for line, taken, inputs, outputs, model, at in found
    ]
    title = "The slowest requests, the earlier line first where equal"
    return Measurement(breakdowns=(rows.breakdown("slowest", title, "line of the file", quantities, entries, of=rows.count),))
