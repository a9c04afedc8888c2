"""Which model to choose when cost, latency and quality pull apart: the candidates that no other beats in everything.

A candidate dominates another when it is no worse in any objective and better in at least one. Those that nobody dominates are
the Pareto frontier; a choice outside of it gives something away for nothing. Which one of the frontier is right depends on
what counts, and that is the caller's to say, by weights.

Where the numbers come from: **cost** is what the whole dataset would cost if this model answered every request, each billed at
its own size and hour at list prices. **Latency** is the median of the dataset's own rows of this model, or what the caller
declares where there are too few. **Quality** is what the caller declares, on any scale on which more is better; Netra does
not know it and does not invent it. An objective that not every candidate has a value for is left out, and it is said which.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints

from netra.analytics import measure
from netra.analytics.costs import lists_of, models_of
from netra.analytics.figures import Measurement, Quantity, ReportPart, RowSelection, as_number
from netra.analytics.prices import PriceList
from netra.datasets.query import DatasetQuery
from netra.db.sql import NamedQueries
from netra.errors import InvalidInput

SQL: Final = NamedQueries("netra.analytics", "frontier.sql")

FEWEST_TIMED: Final = 20
"""Rows of a model below which their median latency says more of chance than of the model."""

SHOWN_DOMINATORS: Final = 3
"""Candidates that a table names as dominating another; one would do, and with all of them it is the table of a square."""

Objective = Literal["cost", "latency", "quality"]
Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Weight = Annotated[float, Field(ge=0, le=1e6)]


class Candidate(ReportPart):
    """A model that could answer the requests, and what is known of it besides its price."""

    model: Label
    """As the price list has it: `name` or `provider:name`."""
    name: Label | None = None
    """What to call it, where one model stands twice, for example with and without a longer prompt."""
    latency_ms: float | None = Field(default=None, ge=0, le=1e9)
    """Where the dataset has too few rows of this model to measure it."""
    quality: float | None = Field(default=None, ge=-1e9, le=1e9)
    """By the caller's own evaluation; more is better."""

    @property
    def label(self) -> str:
        return self.name or self.model


class Weights(ReportPart):
    """What counts how much. Only their proportions matter."""

    cost: Weight = 1
    latency: Weight = 1
    quality: Weight = 1


class FrontierPoint(ReportPart):
    """A candidate with its values."""

    name: str
    model: str
    """`provider:model`, as the price list has it."""
    cost_usd: float
    latency_ms: float | None
    latency_source: Literal["measured", "declared"] | None
    latency_rows: int
    """How many rows the latency was measured on; 0 where it was declared."""
    quality: float | None
    dominated_by: tuple[str, ...] = ()
    """The candidates that are no worse in any objective and better in one; empty on the frontier."""
    score: float | None = None
    """The weighted distance to the best of the frontier in each objective, 0 to 1; None off the frontier."""


class Frontier(ReportPart):
    """What nobody beats, and what the weights choose of it."""

    objectives: tuple[Objective, ...]
    """Those that every candidate has a value for."""
    points: tuple[FrontierPoint, ...]
    choice: str
    measurement: Measurement


def dominators(points: Sequence[Sequence[float]]) -> list[tuple[int, ...]]:
    """For each point the positions of those that dominate it, where less is better in every coordinate."""
    return [tuple(place for place, other in enumerate(points) if _dominates(other, point)) for point in points]


def _dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    pairs = list(zip(one, other, strict=True))
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


def scores(points: Sequence[Sequence[float]], weights: Sequence[float]) -> list[float]:
    """The weighted mean of each point's coordinates, where the least of all points counts 0 and the most 1."""
    ranges = [(min(column), max(column)) for column in zip(*points, strict=True)]
    return [
        sum(
            weight * ((value - least) / (most - least) if most > least else 0.0)
            for value, (least, most), weight in zip(point, ranges, weights, strict=True)
        )
        / sum(weights)
        for point in points
    ]


async def frontier(
    query: DatasetQuery, candidates: Sequence[Candidate], at: datetime, weights: Weights | None = None
) -> Frontier:
    """The frontier of the candidates over the dataset's requests, at the prices of the moment `at`.

    Raises `UnknownModel` for a candidate that has no list price, and `InvalidInput` for two of one name or for weights that are
    all zero on the objectives that can be compared.
    """
    weights = weights or Weights()
    labels = [candidate.label for candidate in candidates]
    if len(set(labels)) < len(labels):
        raise InvalidInput("Two candidates have one name; give each its own.", field="candidates")
    models = [candidate.model for candidate in candidates]
    lists = await lists_of(models, at, {model: model for model in models})
    valued = await _valued(query, candidates, lists, at)
    objectives, coordinates = _comparable(valued)
    weighed = [getattr(weights, objective) for objective in objectives]
    if not any(weighed):
        raise InvalidInput(f"The weights are zero on all that can be compared ({', '.join(objectives)}).", field="weights")
    beaten = dominators(coordinates)
    unbeaten = [place for place, by in enumerate(beaten) if not by]
    scored = dict(zip(unbeaten, scores([coordinates[place] for place in unbeaten], weighed), strict=True))
    chosen = min(unbeaten, key=lambda place: (scored[place], coordinates[place], labels[place]))
    points = tuple(
        point.model_copy(update={"dominated_by": tuple(labels[by] for by in beaten[place]), "score": scored.get(place)})
        for place, point in enumerate(valued)
    )
    rows = await measure.all_rows(query)
    measurement = _describe(rows, points, points[chosen], objectives, weights, lists)
    return Frontier(objectives=objectives, points=points, choice=labels[chosen], measurement=measurement)


async def _valued(
    query: DatasetQuery, candidates: Sequence[Candidate], lists: Mapping[str, PriceList], at: datetime
) -> list[FrontierPoint]:
    """The candidates with their cost, latency and quality, not yet compared."""
    bills = {prices.model: await measure.bill(query, prices) for prices in lists.values()}
    medians = await _medians(query, at, lists)
    points = []
    for candidate in candidates:
        model = lists[candidate.model].model
        timed, median = medians.get(model, (0, None))
        source: Literal["measured", "declared"] | None = "measured"
        if median is None:
            source = None if candidate.latency_ms is None else "declared"
        points.append(
            FrontierPoint(
                name=candidate.label,
                model=model,
                cost_usd=float(bills[model].total),
                latency_ms=candidate.latency_ms if median is None else median,
                latency_source=source,
                latency_rows=timed,
                quality=candidate.quality,
            )
        )
    return points


async def _medians(query: DatasetQuery, at: datetime, lists: Mapping[str, PriceList]) -> dict[str, tuple[int, float]]:
    """The rows and the median latency of each model of the price list that the dataset has enough rows of."""
    names = await models_of(query)
    known = await lists_of(list(names), at, {})
    medians = {}
    for model in {prices.model for prices in lists.values()}:
        same = [name for name, prices in known.items() if prices.model == model]
        timed, median = await query.fetch_one(SQL["latency_of_models"], names=same, longest=measure.LONGEST_LATENCY)
        if timed >= FEWEST_TIMED:
            medians[model] = timed, median
    return medians


def _comparable(points: Sequence[FrontierPoint]) -> tuple[tuple[Objective, ...], list[tuple[float, ...]]]:
    """The objectives that every candidate has, and the candidates' coordinates in them, where less is better."""
    columns: dict[Objective, list[float | None]] = {
        "cost": [point.cost_usd for point in points],
        "latency": [point.latency_ms for point in points],
        "quality": [None if point.quality is None else -point.quality for point in points],
    }
    complete: dict[Objective, list[float]] = {}
    for objective, column in columns.items():
        known = [value for value in column if value is not None]
        if len(known) == len(points):
            complete[objective] = known
    return tuple(complete), list(zip(*complete.values(), strict=True))


LATENCY: Final = (
    "median of latency_ms of the rows of this model, where latency_source is measured; else what the caller declared"
)


def _describe(
    rows: RowSelection,
    points: Sequence[FrontierPoint],
    chosen: FrontierPoint,
    objectives: Sequence[Objective],
    weights: Weights,
    lists: Mapping[str, PriceList],
) -> Measurement:
    formulas = {prices.model: prices.formula() for prices in lists.values()}
    source = next(iter(lists.values()))
    origin = f"{source.version} as of {source.read_at:%Y-%m-%d}"
    quantities = (
        Quantity(id="model", unit="model", formula="the model of the price list"),
        Quantity(id="cost", unit="USD", formula=f"sum over all rows of the formula in `prices`; {origin}"),
        Quantity(id="latency", unit="ms", formula=LATENCY),
        Quantity(id="latency_source", unit="measured or declared", formula="where latency comes from"),
        Quantity(id="latency_rows", unit="rows", formula="rows of this model with a latency; 0 where it was declared"),
        Quantity(id="quality", unit="points", formula="as the caller declared it"),
        Quantity(
            id="dominated_by",
            unit="candidates",
            formula=f"the first {SHOWN_DOMINATORS} of those no worse in {', '.join(objectives)} and better in one of them; "
            "none: on the frontier",
        ),
        Quantity(id="score", unit="ratio", formula=_score(objectives, weights)),
        Quantity(id="prices", unit="formula", formula="USD a request at the list prices of that model"),
    )

    def shown(point: FrontierPoint) -> tuple[Any, ...]:
        return (
            point.model,
            as_number(point.cost_usd),
            None if point.latency_ms is None else as_number(point.latency_ms),
            point.latency_source,
            point.latency_rows,
            None if point.quality is None else as_number(point.quality),
            ", ".join(point.dominated_by[:SHOWN_DOMINATORS]) or None,
            point.score,
            formulas[point.model],
        )

    table = rows.breakdown(
        "candidates", "Candidates", "candidate", quantities, [(point.name, rows.count, shown(point)) for point in points]
    )
    least = f"least score of the frontier: {_score(objectives, weights)}"
    choice = rows.figure("choice", "The choice by these weights", chosen.name, "candidate", least)
    cost = rows.figure(
        "choice_cost",
        "Cost of all requests with that choice",
        as_number(chosen.cost_usd),
        "USD",
        f"sum over all rows of {formulas[chosen.model]}; {origin}",
    )
    return Measurement(figures=(choice, cost), breakdowns=(table,), notes=tuple(_notes(points, objectives)))


def _score(objectives: Sequence[Objective], weights: Weights) -> str:
    terms = ", ".join(f"{getattr(weights, objective):g} × {objective}" for objective in objectives)
    return f"weighted mean of {terms}, each 0 for the best and 1 for the worst of the frontier"


def _notes(points: Sequence[FrontierPoint], objectives: Sequence[Objective]) -> list[str]:
    notes = ["Another model may count tokens otherwise and answer at another length; the cost takes both as the log has them."]
    for objective, lacking in (
        ("latency", [point.name for point in points if point.latency_ms is None]),
        ("quality", [point.name for point in points if point.quality is None]),
    ):
        if lacking:
            notes.append(f"The frontier leaves {objective} out, because it is not known of: {', '.join(lacking)}.")
    if "latency" in objectives and {point.latency_source for point in points} == {"measured", "declared"}:
        notes.append("Some latencies were measured on the log's own rows and others declared: compare them with care.")
    return notes
