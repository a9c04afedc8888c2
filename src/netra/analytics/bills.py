"""What requests cost as they were, and what they would have cost otherwise.

A trial is a set of levers in one case (low, expected or high). Each row that has a list price is changed by the levers of the
trial, one after the other in the order of `LEVERS`, and billed as it then is: at the rates of the model, hour and size that
it has then. So whatever set of levers is tried, a row costs no less than nothing, and what the set saves is no more than
what was spent. Row and bill are the same query for every trial, so that what is compared differs in nothing else.

The rows are read once. Those that every lever treats alike, and that are billed at the same rates with and without it, are a
class; within one a bill is linear in tokens. So a trial bills the sums of the classes, which are few, and gives what billing
each of millions of rows would.

A row that stands for several requests (`requests`) is billed for all of them at the size of the mean one, and keeps its size:
nothing is known of how long each was.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from netra.analytics.capability import CASES, Case
from netra.analytics.prices import PriceList
from netra.analytics.terms import SavingTerms
from netra.datasets.query import DatasetQuery
from netra.db.sql import NamedQueries

SQL: Final = NamedQueries("netra.analytics", "bills.sql")

ROW_LEVERS: Final = (
    *("answer_cache", "model_substitution", "prompt_length", "output_cap", "prompt_caching", "off_peak", "batching"),
)
"""The levers that change single rows, in the order in which they are applied."""
MOST_FEATURES: Final = 200
"""Features that have limits of their own, those with the most tokens; the others count as one, with the rows that have none."""
SECOND: Final = 1_000_000
"""Microseconds."""


@dataclass(frozen=True, slots=True)
class RowGroup:
    """The priced rows of one feature and model, and how large their requests are."""

    number: int
    feature: str | None
    model: str
    """As the log has it; empty where it has none."""
    rows: int
    single: int
    """Rows that stand for one request."""
    input_levels: tuple[float, ...]
    output_levels: tuple[float, ...]
    """Quantiles of the single ones at the levels of the terms, in the order of `CASES`; none where there is no single one."""
    largest: int
    """Tokens of the largest request and its answer."""


@dataclass(frozen=True, slots=True)
class RowLimit:
    """What the levers do to one group in one case."""

    input_limit: int | None = None
    output_limit: int | None = None
    substitute: str | None = None
    caches: bool = False


@dataclass(frozen=True, slots=True)
class Trial:
    """Levers that are tried together."""

    case: Case
    levers: frozenset[str] = frozenset()
    variant: int | None = None
    """Whose limits; those of the case, unless another is named."""


@dataclass(frozen=True, slots=True)
class TriedBill:
    """What the rows of one group cost in a trial, in US dollars."""

    cost: float
    before: float
    changed: int
    """Rows that the lever of the trial reaches; of several levers, the most that one of them does."""


@dataclass(frozen=True, slots=True)
class Commitment:
    """Throughput of one model that is paid for every hour."""

    saving: float
    """US dollars over the period."""
    level: float
    """US dollars of requests, at list prices, that it takes in an hour."""
    busy: int
    """Hours in which there were any."""


async def list_features(query: DatasetQuery) -> list[str]:
    """The features that have limits of their own."""
    return [feature for (feature,) in await query.fetch(SQL["list_features"], limit=MOST_FEATURES)]


async def keep_prices(query: DatasetQuery, lists: Mapping[str, PriceList], terms: SavingTerms) -> None:
    """Put down what the models cost: those of the log, and those that could take their place."""
    columns = ("names", "begins", "ends", "above", "up_to")
    rates = ("input_rates", "cached_rates", "written_rates", "output_rates", "request_rates", "discounts")
    lines = []
    for name, prices in lists.items():
        discount = terms.batch_discounts.get(prices.model.partition(":")[0], 0.0)
        for each in prices.brackets():
            per_token = (float(rate) / 1e6 for rate in (each.input, each.cached, each.written, each.output))
            place = name, each.begins, each.ends, each.above, each.up_to
            lines.append((*place, *per_token, float(each.request), discount))
    await query.fetch(SQL["keep_tariffs"], **_columns((*columns, *rates), lines))
    shifts = [shift for name, prices in lists.items() for shift in _shifts(name, prices)]
    await query.fetch(SQL["keep_shifts"], **_columns(("names", "begins", "ends", "cheapest"), shifts))


async def price_rows(query: DatasetQuery, lists: Mapping[str, PriceList]) -> None:
    """Make the view `priced_usage`: every row with its cost, in US dollars."""
    await keep_prices(query, lists, SavingTerms())
    await query.fetch(SQL["define_priced_usage"])


def _shifts(name: str, prices: PriceList) -> list[tuple[Any, ...]]:
    """The parts of the day in which a model is dearer than in the cheapest one, and when the next of those begins."""
    sums = [tariff.input.base + tariff.output.base for tariff in prices.tariffs]
    cheapest = [tariff.begins for tariff, each in zip(prices.tariffs, sums, strict=True) if each == min(sums)]
    following = [*(tariff.begins for tariff in prices.tariffs[1:]), None]
    return [
        (name, tariff.begins, ends, next((at for at in cheapest if at > tariff.begins), cheapest[0]))
        for tariff, ends, each in zip(prices.tariffs, following, sums, strict=True)
        if each > min(sums)
    ]


async def keep_groups(
    query: DatasetQuery, features: Sequence[str], models: Sequence[str], terms: SavingTerms
) -> list[RowGroup]:
    """Put down the groups of the rows that have a list price, and return them."""
    levels = {f"{side}_levels": list(getattr(terms, f"{side}_level").values()) for side in ("input", "output")}
    await query.fetch(SQL["keep_groups"], features=list(features), models=list(models), **levels)
    return [
        RowGroup(number, feature, name, rows, single, tuple(inputs or ()), tuple(outputs or ()), largest)
        for number, feature, name, rows, single, inputs, outputs, largest in await query.fetch(SQL["list_groups"])
    ]


async def keep_rows(
    query: DatasetQuery,
    features: Sequence[str],
    terms: SavingTerms,
    *,
    answering: bool = True,
    caching: bool = True,
    hourly: bool = True,
) -> None:
    """Read every row, once, and put down the classes of rows that are billed alike.

    The groups are down, and so is how long requests are left in each case (`keep_limits`): that stays as it is. Without
    `answering` no row is reached by a cache of answers, without `caching` none is in a conversation, and without `hourly` no
    commitment can be found, but the rows are read sooner.
    """
    if answering:
        times = [round(seconds * SECOND) for seconds in terms.answer_seconds.values()]
        await query.fetch(SQL["keep_answers"], answer_times=times)
    else:
        await query.fetch(SQL["keep_no_answers"])
    await query.fetch(
        SQL["keep_rows"],
        features=list(features),
        tolerant=list(terms.tolerant_features),
        quiet=list(terms.quiet_hours),
        shortest=terms.cache_shortest,
        cache_times=[round(seconds * SECOND) for seconds in terms.cache_seconds.values()],
        patiences=[round(hours * 3600 * SECOND) for hours in terms.patience_hours.values()],
        caching=caching,
        hourly=hourly,
    )
    await query.fetch(SQL["keep_classes"])


async def keep_limits(query: DatasetQuery, limits: Mapping[tuple[int, int], RowLimit]) -> None:
    """Put down what the levers do, by variant and group. The first variants are those of the `CASES`, in their order."""
    columns = ("variants", "groups", "input_limits", "output_limits", "substitutes", "caches")
    lines = [
        (variant, group, limit.input_limit, limit.output_limit, limit.substitute, limit.caches)
        for (variant, group), limit in limits.items()
    ]
    await query.fetch(SQL["keep_limits"], **_columns(columns, lines))


async def try_levers(query: DatasetQuery, trials: Collection[Trial], terms: SavingTerms) -> dict[Trial, dict[int, TriedBill]]:
    """What each group of rows costs in each trial."""
    numbered = list(trials)
    await _keep_trials(query, numbered, terms)
    bills: dict[Trial, dict[int, TriedBill]] = {trial: {} for trial in numbered}
    for number, group, cost, before, changed in await query.fetch(SQL["sum_bills"]):
        bills[numbered[number]][group] = TriedBill(cost, before, changed)
    return bills


async def find_commitments(
    query: DatasetQuery, trials: Collection[Trial], terms: SavingTerms, hours: int
) -> dict[Trial, dict[str, Commitment]]:
    """The throughput that is best paid for all of the `hours`, by model, on what each trial leaves."""
    numbered = list(trials)
    await _keep_trials(query, numbered, terms, hourly=True)
    discounts = [terms.commitment_discount.of(trial.case) for trial in numbered]
    found: dict[Trial, dict[str, Commitment]] = {trial: {} for trial in numbered}
    for number, model, saving, level, busy in await query.fetch(SQL["sum_commitments"], discounts=discounts, hours=hours):
        found[numbered[number]][model] = Commitment(saving, level, busy)
    return found


async def _keep_trials(query: DatasetQuery, trials: Sequence[Trial], terms: SavingTerms, *, hourly: bool = False) -> None:
    columns = ("trials", "variants", "cases", *ROW_LEVERS, "cache_times", "patiences", "shortest")
    lines = [
        (
            number,
            CASES.index(trial.case) if trial.variant is None else trial.variant,
            CASES.index(trial.case),
            *(lever in trial.levers for lever in ROW_LEVERS),
            round(terms.cache_seconds.of(trial.case) * SECOND),
            round(terms.patience_hours.of(trial.case) * 3600 * SECOND),
            terms.cache_shortest,
        )
        for number, trial in enumerate(trials)
    ]
    await query.fetch(SQL["keep_trials"], **_columns(columns, lines))
    await query.fetch(SQL["bill_each_hour"] if hourly else SQL["bill_all_hours"])
    await query.fetch(SQL["define_bill"])


def _columns(names: Sequence[str], lines: Sequence[Sequence[Any]]) -> dict[str, list[Any]]:
    """Lines of a table as the columns that a statement takes."""
    return {name: [line[place] for line in lines] for place, name in enumerate(names)}
