"""What changes over time: periods that stand out, a level that shifts, a trend that holds.

The requests, tokens and cost of each whole period (minute, hour or day, by the length of the log) are three series. The
first and the last period are left out, because the log covers only a part of them. Three questions are asked of each series:

- **Which periods stand out?** By the robust z-score of Iglewicz and Hoaglin (*How to Detect and Handle Outliers*, 1993):
  distance from the median / median absolute deviation × 0.6745, beyond 3.5; where more than half of the periods are alike,
  distance / (1.2533 × mean absolute deviation). And by Tukey's fences (*Exploratory Data Analysis*, 1977): beyond the
  quartiles by more than one and a half times their distance.
- **Did the level shift?** By Pettitt's test (*A non-parametric approach to the change-point problem*, Applied Statistics 28,
  1979), with its approximation p = 2 exp(−6 K² / (n³ + n²)).
- **Is there a trend?** By the slope of Theil and Sen, the median of the slopes between all pairs of periods, with the interval
  of Sen (*Estimates of the regression coefficient based on Kendall's tau*, JASA 63, 1968) out of the ranks of those slopes.

None of them takes the values to be distributed normally, which those of a busy log never are. The last two take the periods
to be independent of each other. Those of a daily rhythm are not: an hour of a log of at least a week is compared with the same
hour of other days, and its shift is looked for after the median of its hour is taken off.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import NormalDist
from typing import Any, Final

from netra.analytics import measure
from netra.analytics.bills import price_rows
from netra.analytics.figures import Measurement, Quantity, RowSelection, as_number, as_time
from netra.analytics.prices import PriceList
from netra.analytics.workload import time_span
from netra.datasets.query import DatasetQuery
from netra.db.sql import NamedQueries

SQL: Final = NamedQueries("netra.analytics", "changes.sql")

UNITS: Final = {"requests": "requests", "tokens": "tokens", "cost": "USD"}
PERIODS: Final = (
    ("minute", timedelta(minutes=1), timedelta(hours=3)),
    ("hour", timedelta(hours=1), timedelta(days=28)),
    ("day", timedelta(days=1), timedelta(days=1000)),
    ("week", timedelta(weeks=1), timedelta.max),
)
"""How long a log may be that is looked at in periods of a length. Pairs of periods are compared, so there are at most 1,000."""
FEWEST_PERIODS: Final = 12
"""Whole periods below which nothing is said: Pettitt's p-value is a limit for many."""
DAILY: Final = timedelta(days=7)
"""The length of a log from which an hour is compared with the same hour of other days."""
MAD_SCALE: Final = 0.6745
MEAN_SCALE: Final = 1.253314
"""What makes deviations of a normal distribution comparable with its standard deviation: the median and the mean absolute."""
FURTHEST: Final = 3.5
FENCE: Final = 1.5
SIGNIFICANT: Final = 0.01
"""The p-value below which a shift is called one."""
CONFIDENCE: Final = 0.95


@dataclass(frozen=True, slots=True)
class _Series:
    """Whole periods of a log."""

    rows: RowSelection
    period: str
    periods: int
    daily: bool

    def label(self, begins: datetime) -> str:
        """A period as it is named."""
        return as_time(begins) if self.period in ("minute", "hour") else f"{begins:%Y-%m-%d}"


async def changes(query: DatasetQuery, lists: Mapping[str, PriceList], *, top: int = measure.LARGEST_NAMES) -> Measurement:
    """Outliers, shifts and trends of requests, tokens and cost; `top` bounds the periods that are named.

    `lists` holds the price list of each name of a model that has one (`costs.lists_of`); other rows count as costing nothing.
    """
    await price_rows(query, lists)
    series = await _keep(query)
    if not isinstance(series, _Series):
        return series
    rhythm = " of the same hour of other days" if series.daily else ""
    found = await query.fetch(
        SQL["list_outliers"], mad_scale=MAD_SCALE, mean_scale=MEAN_SCALE, fence=FENCE, furthest=FURTHEST, limit=top
    )
    measured = _outliers(series, found, rhythm)
    measured += _shifts(series, await query.fetch(SQL["find_shifts"]))
    measured += await _trends(query, series)
    return measured + await _charts(query, series)


async def _keep(query: DatasetQuery) -> _Series | Measurement:
    """Put the series down; where there is none to speak of, say why."""
    span = await time_span(query)
    if span is None:
        return Measurement(missing=("at",), notes=("No row has a time, so nothing is said of changes.",))
    _, first, last = span
    period, step, _ = next(each for each in PERIODS if last - first <= each[2])
    begins = _floor(first, period) + step
    ends = _floor(last, period)
    periods = max(0, (ends - begins) // step)
    if periods < FEWEST_PERIODS:
        note = f"The log has {periods} whole {period}s; below {FEWEST_PERIODS} nothing is said of what changes."
        return Measurement(notes=(note,))
    daily = period == "hour" and ends - begins >= DAILY
    await query.fetch(SQL["keep_series"], period=period, first=begins, last=ends, step=step, daily=daily)
    words = f"rows with a time from {as_time(begins)} to before {as_time(ends)} UTC"
    ((count,),) = await query.fetch(SQL["count_rows"], first=begins, last=ends)
    return _Series(measure.select_rows(query, words, count), period, periods, daily)


def _floor(moment: datetime, period: str) -> datetime:
    """The beginning of the period that a moment is in; a week begins on Monday."""
    if period == "minute":
        return moment.replace(second=0, microsecond=0)
    if period == "hour":
        return moment.replace(minute=0, second=0, microsecond=0)
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - timedelta(days=midnight.weekday()) if period == "week" else midnight


def _outliers(series: _Series, found: Sequence[Sequence[Any]], rhythm: str) -> Measurement:
    tables = []
    for name, unit in UNITS.items():
        theirs = [each for each in found if each[0] == name]
        quantities = (
            Quantity(id="value", unit=unit, formula=f"{name} of the {series.period}"),
            Quantity(id="median", unit=unit, formula=f"median of all {series.period}s{rhythm}"),
            Quantity(
                id="z",
                unit="ratio",
                formula=f"{MAD_SCALE} × (value − median) / median absolute deviation; where that is 0, (value − median) / "
                f"({MEAN_SCALE} × mean absolute deviation); beyond ±{FURTHEST} it stands out (Iglewicz and Hoaglin, 1993)",
            ),
            Quantity(id="low_fence", unit=unit, formula=f"first quartile − {FENCE} × (third − first){rhythm} (Tukey, 1977)"),
            Quantity(id="high_fence", unit=unit, formula=f"third quartile + {FENCE} × (third − first){rhythm}"),
            Quantity(id="by", unit="test", formula="which of the two it stands out by"),
        )
        entries = [
            (
                series.label(begins),
                1,
                (
                    *map(as_number, (amount, middle, score, low, high)),
                    "both" if outside and abs(score) > FURTHEST else "fences" if outside else "z",
                ),
            )
            for _, begins, amount, middle, score, low, high, outside, _ in theirs
        ]
        title = f"{series.period.capitalize()}s whose {name} stand out"
        by = f"date_trunc('{series.period}', at), UTC; the furthest first"
        of = theirs[0][-1] if theirs else 0
        tables.append(series.rows.breakdown(f"outliers_{name}", title, by, quantities, entries, of=of))
    return Measurement(breakdowns=tuple(tables))


def _shifts(series: _Series, found: Sequence[Sequence[Any]]) -> Measurement:
    off = ", after the median of the same hour of other days is taken off" if series.daily else ""
    quantities = (
        Quantity(id="at", unit="UTC", formula=f"the {series.period} from which on the level is another"),
        Quantity(id="before", unit="amount", formula="median of the periods before it"),
        Quantity(id="after", unit="amount", formula="median of the periods from it on"),
        Quantity(id="k", unit="ranks", formula=f"Pettitt's K: max over t of |2 × sum of the first t ranks − t × (n + 1)|{off}"),
        Quantity(id="p", unit="probability", formula="2 exp(−6 K² / (n³ + n²)), at most 1 (Pettitt, 1979)"),
        Quantity(id="shifted", unit="answer", formula=f"p < {SIGNIFICANT}"),
    )
    entries = []
    for name, largest, periods, at, before, after in found:
        p = min(1.0, 2 * math.exp(-6 * float(largest) ** 2 / (periods**3 + periods**2)))
        shift = "yes" if p < SIGNIFICANT else "no"
        values = (series.label(at), as_number(before), as_number(after), as_number(largest), p, shift)
        entries.append((name, periods, values))
    title = f"Whether the level of a {series.period} shifted"
    return Measurement(breakdowns=(series.rows.breakdown("shifts", title, "series", quantities, entries),))


async def _trends(query: DatasetQuery, series: _Series) -> Measurement:
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    names, lowers, uppers = [], [], []
    for name, periods, ties in await query.fetch(SQL["count_ties"]):
        pairs = periods * (periods - 1) // 2
        variance = (periods * (periods - 1) * (2 * periods + 5) - int(ties)) / 18
        within = z * math.sqrt(variance)
        names.append(name)
        lowers.append(max(1, math.floor((pairs - within) / 2)))
        uppers.append(min(pairs, math.ceil((pairs + within) / 2) + 1))
    found = await query.fetch(SQL["find_slopes"], measures=names, lowers=lowers, uppers=uppers)
    quantities = (
        Quantity(
            id="slope",
            unit=f"a {series.period}",
            formula="median over all pairs of periods i < j of (x_j − x_i) / (j − i) (Theil, 1950; Sen, 1968)",
        ),
        Quantity(
            id="low",
            unit=f"a {series.period}",
            formula=f"the slope number (N − C) / 2, rounded down, of N in rising order; C = {z:.4f} × √(variance of Kendall's "
            "S, ties counted)",
        ),
        Quantity(
            id="high", unit=f"a {series.period}", formula="the slope number (N + C) / 2 + 1, rounded up, of N in rising order"
        ),
        Quantity(
            id="trend", unit="answer", formula=f"rising or falling where 0 is not between low and high ({CONFIDENCE:.0%})"
        ),
    )
    entries = [
        (
            name,
            series.periods,
            (
                *map(as_number, (slope, low, high)),
                "rising" if low > 0 else "falling" if high < 0 else "none",
            ),
        )
        for name, slope, low, high in found
    ]
    title = f"How much more there is with each {series.period}"
    return Measurement(breakdowns=(series.rows.breakdown("trends", title, "series", quantities, entries),))


async def _charts(query: DatasetQuery, series: _Series) -> Measurement:
    found = await query.fetch(SQL["list_series"])
    charts = []
    for name, unit in UNITS.items():
        points = [(series.label(begins), as_number(amount)) for each, begins, amount in found if each == name]
        formula = {"requests": "sum(requests)", "tokens": "sum(input_tokens + output_tokens)", "cost": "sum of the cost"}[name]
        charts.append(
            series.rows.chart(
                f"series_{name}",
                f"{name.capitalize()} a {series.period} (UTC)",
                "line",
                (f"{series.period}, UTC", unit),
                points,
                f"{formula} by date_trunc('{series.period}', at), UTC",
            )
        )
    return Measurement(charts=tuple(charts))
