"""What each request costs at the list prices of the model that answered it, and who and what causes that.

A log that names models is priced row by row, each at its own model's prices. A name that the price list does not have is never
guessed: its rows are listed, and stay out of every sum, until somebody says which model it is. Rows without a model are
priced only when a model is given for them. What the log itself records as paid is compared with what the list prices give.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from netra.analytics import measure
from netra.analytics.figures import Breakdown, Figure, Measurement, Quantity, RowSelection, as_number, as_shown
from netra.analytics.prices import PriceList, find_prices, nearest_models, price_list
from netra.datasets.offload import in_thread
from netra.datasets.query import DatasetQuery
from netra.db.sql import NamedQueries

SQL: Final = NamedQueries("netra.analytics", "costs.sql")

MOST_MODELS: Final = 200
"""Names of models that are looked up, those with the most tokens first."""
NO_MODEL: Final = ""
"""Stands for the rows that name no model; a name in a dataset is never empty."""
MOST_SUGGESTED: Final = 10
"""Unknown names for which near ones are looked for; each search takes milliseconds."""
HOURS: Final = 24

COST: Final = "sum over these rows of the formula in `prices` of each row's model"
CACHED: Final = "What the provider's cache gave (cached_input_tokens) is billed at the list price of that, if there is one."
SEVERAL: Final = "Rows that stand for several requests are billed at the size of their mean one; counts and means are of rows."


@dataclass(frozen=True, slots=True)
class _Sum:
    """One group of rows, with its costs in dollars."""

    kind: str
    key: str | None
    requests: int
    priced: int
    input_tokens: int
    output_tokens: int
    input_cost: Decimal
    output_cost: Decimal
    request_cost: Decimal
    compared: int
    recorded: float | None
    recomputed: Decimal
    groups: int
    keys: int

    @property
    def cost(self) -> Decimal:
        return self.input_cost + self.output_cost + self.request_cost


async def models_of(query: DatasetQuery) -> dict[str, int]:
    """The names of models that the rows have, with their rows; `NO_MODEL` stands for rows that have none."""
    return dict(await query.fetch(SQL["list_models"], limit=MOST_MODELS))


async def lists_of(names: Sequence[str], at: datetime, aliases: Mapping[str, str]) -> dict[str, PriceList]:
    """The price list of each name that has one at the moment `at`, where `aliases` say under which name the list knows it.

    Raises `UnknownModel` for an alias whose model the list does not have.
    """

    def look_up() -> dict[str, PriceList]:
        given = {name: price_list(model, at) for name, model in aliases.items()}
        found = {name: given.get(name) or (find_prices(name, at) if name else None) for name in names}
        return {name: prices for name, prices in found.items() if prices is not None}

    return await in_thread(look_up)


async def lists_in(
    query: DatasetQuery, at: datetime, *, default_model: str | None = None, aliases: Mapping[str, str] | None = None
) -> dict[str, PriceList]:
    """The price list of each name in the dataset that has one, where `default_model` is that of the rows which name none.

    Raises `UnknownModel` for a model of the caller's that the list does not have.
    """
    known = dict(aliases or {}) | ({NO_MODEL: default_model} if default_model is not None else {})
    return await lists_of(list(await models_of(query)), at, known)


async def costs(
    query: DatasetQuery,
    at: datetime,
    *,
    default_model: str | None = None,
    aliases: Mapping[str, str] | None = None,
    top: int = measure.LARGEST_NAMES,
) -> Measurement:
    """Cost in all, by model, user, feature and hour, against what the log records, at the prices of the moment `at`.

    `default_model` prices the rows that name none; `aliases` says for names of the log which model of the price list they are;
    `top` bounds the entries of each breakdown. Raises `UnknownModel` for a model of the caller's that the list does not have.
    """
    names = await models_of(query)
    known = dict(aliases or {}) | ({NO_MODEL: default_model} if default_model is not None else {})
    lists = await lists_of(list(names), at, known)
    unknown = [name for name in names if name and name not in lists]
    suggested = await in_thread(lambda: {name: nearest_models(name, at) for name in unknown[:MOST_SUGGESTED]})
    most = max(top, MOST_MODELS)
    found = await query.fetch(SQL["sum_costs"], **_tariffs(lists), largest=measure.LARGEST_COST, limit=most)
    sums = [_read(row) for row in found]
    whole = next(each for each in sums if each.kind == "all")
    rows = measure.select_rows(query, "rows whose model has a list price", whole.priced)
    measured = _unpriced(query, whole, names, unknown, suggested, top)
    cached, several = await query.fetch_one(SQL["count_special_rows"])
    if whole.priced:
        notes = tuple(note for note, count in ((CACHED, cached), (SEVERAL, several)) if count)
        groups = _groups(rows, sums, lists, top, cached=cached > 0)
        measured = _totals(query, rows, whole, lists) + groups + measured + Measurement(notes=notes)
        alike = not notes and whole.priced == whole.requests and len({prices.model for prices in lists.values()}) == 1
        if alike and whole.cost:
            # Which requests cost most is measured at the prices of one model, and knows no cache.
            measured += Measurement(figures=tuple(await measure.cost_shares(query, next(iter(lists.values())))))
    return measured


def _read(row: Sequence[Any]) -> _Sum:
    kind, key, requests, priced, inputs, outputs, *money, compared, recorded, recomputed, groups, keys = row
    input_cost, output_cost, request_cost, again = [(each or Decimal(0)) / 1_000_000 for each in (*money, recomputed)]
    return _Sum(
        kind,
        key,
        requests,
        priced,
        int(inputs),
        int(outputs),
        input_cost,
        output_cost,
        request_cost,
        compared,
        recorded,
        again,
        groups,
        keys,
    )


def _tariffs(lists: Mapping[str, PriceList]) -> dict[str, list[Any]]:
    """The price lists as columns: one line for each model, part of the day and size of the input."""
    columns = ("names", "begins", "ends", "above", "up_to", "input_rates", "cached_rates", "output_rates", "request_rates")
    lines = [
        (
            name,
            *(bracket.begins, bracket.ends, bracket.above, bracket.up_to),
            *(round(rate, 9) for rate in (bracket.input, bracket.cached, bracket.output, bracket.request * 1_000_000)),
        )
        for name, prices in lists.items()
        for bracket in prices.brackets()
    ]
    return {column: [line[place] for line in lines] for place, column in enumerate(columns)}


def _totals(query: DatasetQuery, rows: RowSelection, whole: _Sum, lists: Mapping[str, PriceList]) -> Measurement:
    source = next(iter(lists.values()))
    formula = f"{COST} (see cost_by_model), {source.version} as of {source.read_at:%Y-%m-%d}"
    mean = f"({formula}) / count(*)"
    figures: list[Figure] = [
        rows.figure("cost_total", "Cost at list prices", as_number(whole.cost), "USD", formula),
        rows.figure(
            "cost_input", "Cost of the input tokens", as_number(whole.input_cost), "USD", f"{formula}; the term of input_tokens"
        ),
        rows.figure(
            "cost_output",
            "Cost of the output tokens",
            as_number(whole.output_cost),
            "USD",
            f"{formula}; the term of output_tokens",
        ),
        rows.figure("cost_mean", "Cost of a request, mean", as_number(whole.cost / whole.priced), "USD", mean),
    ]
    if whole.compared and whole.recorded is not None:
        both = measure.select_rows(query, "rows with a recorded cost whose model has a list price", whole.compared)
        figures += [
            both.figure("cost_recorded", "Cost as the log has it", as_number(whole.recorded), "USD", "sum(cost_usd)"),
            both.figure("cost_recomputed", "Cost of the same rows at list prices", as_number(whole.recomputed), "USD", formula),
        ]
        if whole.recomputed:
            ratio = as_number(whole.recorded / float(whole.recomputed))
            label = "What was paid, compared with list prices"
            figures.append(both.figure("recorded_to_list", label, ratio, "ratio", "cost_recorded / cost_recomputed"))
    return Measurement(figures=tuple(figures))


QUANTITIES: Final = (
    Quantity(id="cost", unit="USD", formula=COST),
    Quantity(id="share", unit="share", formula="cost / cost_total"),
    Quantity(id="input_cost", unit="USD", formula="cost; the term of input_tokens"),
    Quantity(id="output_cost", unit="USD", formula="cost; the term of output_tokens"),
    Quantity(id="mean", unit="USD", formula="cost / rows of the group that have a list price"),
    Quantity(id="recorded", unit="USD", formula="sum(cost_usd) over the rows that have one and a list price"),
    Quantity(id="priced", unit="rows", formula="rows of the group whose model has a list price"),
)


def _groups(rows: RowSelection, sums: Sequence[_Sum], lists: Mapping[str, PriceList], top: int, *, cached: bool) -> Measurement:
    total = next(each.cost for each in sums if each.kind == "all")
    tables: list[Breakdown] = []
    missing = []
    for kind in ("model", "user", "feature", "hour"):
        groups = [each for each in sums if each.kind == kind]
        if not groups[0].keys:
            missing.append("at" if kind == "hour" else kind)
        if kind == "model":
            groups = [each for each in groups if each.priced]
        elif not groups[0].keys:
            continue
        in_all = len(groups) if kind == "model" else groups[0].groups
        if kind == "hour":
            groups.sort(key=lambda each: HOURS if each.key is None else int(each.key))
        else:
            groups = groups[:top]
        quantities, entries = [*QUANTITIES], [(_key(each), each.requests, _values(each, total)) for each in groups]
        if kind == "model":
            quantities += [
                Quantity(id="priced_as", unit="model", formula="the model of the price list that the name stands for"),
                Quantity(id="prices", unit="formula", formula="USD a request at the list prices of that model"),
            ]
            of = [lists[each.key or NO_MODEL] for each in groups]
            entries = [
                (key, count, (*values, prices.model, prices.formula(cached=cached)))
                for (key, count, values), prices in zip(entries, of, strict=True)
            ]
        title = "hour of the day (UTC)" if kind == "hour" else kind
        by = "hour(at), UTC" if kind == "hour" else kind
        tables.append(rows.breakdown(f"cost_by_{kind}", f"Cost by {title}", by, quantities, entries, of=in_all))
    return Measurement(breakdowns=tuple(tables), missing=tuple(missing))


def _key(group: _Sum) -> int | str | None:
    if group.key is None:
        return None
    return int(group.key) if group.kind == "hour" else as_shown(group.key)


def _values(group: _Sum, total: Decimal) -> tuple[Any, ...]:
    return (
        as_number(group.cost),
        float(group.cost / total) if total else None,
        as_number(group.input_cost),
        as_number(group.output_cost),
        as_number(group.cost / group.priced) if group.priced else None,
        None if group.recorded is None else as_number(group.recorded),
        group.priced,
    )


def _unpriced(
    query: DatasetQuery,
    whole: _Sum,
    names: Mapping[str, int],
    unknown: Sequence[str],
    suggested: Mapping[str, Sequence[str]],
    top: int,
) -> Measurement:
    """The rows that no price was found for, and why."""
    if whole.priced == whole.requests:
        return Measurement()
    rows = measure.select_rows(query, "rows without a list price", whole.requests - whole.priced)
    notes = ["Rows without a list price stay out of every sum; nothing is guessed for them."]
    tables = []
    if unknown:
        quantity = Quantity(id="near", unit="models", formula="models of the price list with a name like this one")
        entries = [(as_shown(name), names[name], (", ".join(suggested.get(name, ())) or None,)) for name in unknown[:top]]
        title = "Models that the price list does not have"
        tables.append(rows.breakdown("unknown_models", title, "model", [quantity], entries, of=len(unknown)))
    if list(names) == [NO_MODEL]:
        notes.append("No row names its model: bring the model of each request, or name one to price all of them at.")
    elif len(names) == MOST_MODELS:
        notes.append(f"Only the {MOST_MODELS} model names with the most tokens were looked up.")
    figure = rows.figure("unpriced_rows", "Requests without a list price", rows.count, "requests", "count(*)")
    return Measurement(
        figures=(figure,),
        breakdowns=tuple(tables),
        missing=("model",) if NO_MODEL in names else (),
        notes=tuple(notes),
    )
