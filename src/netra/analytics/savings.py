"""What could be saved: levers, each with the saving that it gives alone and what it adds to the others.

A lever is a change to requests: another model, fewer tokens, a cheaper hour. Its saving is computed by billing every request
once as it was and once as it would have been (`netra.analytics.bills`), over the period of the dataset. Levers interact: a
prompt that is cut short saves less on a model that is cheaper. So the combined saving is not their sum. They are applied one
after the other to what is left of each request (`netra.analytics.combination`), which cannot be less than nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pydantic import Field

from netra.analytics import bills, measure
from netra.analytics.bills import RowGroup, RowLimit
from netra.analytics.capability import CASES, Case
from netra.analytics.combination import COMMITMENT, Combination, Tried, combine
from netra.analytics.costs import lists_in
from netra.analytics.figures import Breakdown, Figure, Name, Quantity, ReportPart, RowSelection, Text, as_number, as_shown
from netra.analytics.levers import LEVERS, Degree, LeverFacts, LeverKind
from netra.analytics.limits import Limits, choose_lengths, choose_limits, find_candidates
from netra.analytics.terms import SavingTerms, Span
from netra.datasets.query import DatasetQuery

HOURS: Final = 24
NAMELESS: Final = "(none)"
"""Stands for the feature or the model of rows that name none."""


class Lever(ReportPart):
    """One way to spend less, and what it would have saved over the period of the dataset."""

    id: Name
    kind: LeverKind
    title: Text
    saving: Figure
    """US dollars, this lever alone."""
    low: Figure
    high: Figure
    added: Figure
    """US dollars that this lever adds to those that the combination applies before it; 0 where it adds nothing."""
    assumptions: tuple[Text, ...] = Field(min_length=1)
    """What has to be true for it, in sentences."""
    effort: Degree
    """How much work this kind of lever is: declared of the kind, not measured."""
    risk: Degree
    """How much this kind of lever can do to answers and latency: declared of the kind, not measured."""
    breakdown: Breakdown | None = None
    """Where the saving comes from, by feature and model."""

    def figures(self) -> tuple[Figure, ...]:
        """Every figure of the lever."""
        return self.saving, self.low, self.high, self.added


class UncomputedLever(ReportPart):
    """A lever of which nothing can be said, and why."""

    id: Name
    kind: LeverKind
    title: Text
    missing: tuple[str, ...]
    """The columns that the data would have to have; none when the data has all, and there is nothing to save."""
    reason: Text


class Savings(ReportPart):
    """What could be saved on the requests of a dataset."""

    spend: Figure
    """US dollars at list prices, over the rows that have one."""
    levers: tuple[Lever, ...]
    """Those that save something, the largest saving first."""
    uncomputed: tuple[UncomputedLever, ...]
    combined: Figure
    """US dollars with all levers together; never more than `spend`."""
    combined_low: Figure
    combined_high: Figure
    missing: tuple[str, ...]
    """The columns that the data would have to have for the rest."""
    notes: tuple[Text, ...]
    """What was left out, in sentences."""

    def figures(self) -> Iterator[Figure]:
        """Every figure, the totals first."""
        yield from (self.spend, self.combined, self.combined_low, self.combined_high)
        for lever in self.levers:
            yield from lever.figures()


@dataclass(frozen=True, slots=True)
class _Columns:
    """How many rows carry what the levers need."""

    rows: int
    at: int
    feature: int
    session: int
    prompt: int
    cached_input_tokens: int
    several: int
    """Rows that stand for more than one request."""
    first: datetime | None
    last: datetime | None

    @property
    def hours(self) -> int:
        """Calendar hours from the first request to the last."""
        if self.first is None or self.last is None:
            return 0
        begins, ends = (moment.replace(minute=0, second=0, microsecond=0) for moment in (self.first, self.last))
        return (ends - begins) // timedelta(hours=1) + 1

    def lacking(self, lever: str, terms: SavingTerms) -> tuple[str, ...]:
        """The columns without which nothing can be said of a lever."""
        needed = {
            "answer_cache": ("prompt", "at"),
            "prompt_caching": ("session", "at"),
            "off_peak": ("at",),
            "batching": ("feature",) if terms.tolerant_features else ("at",),
            "commitment": ("at",),
        }
        return tuple(name for name in needed.get(lever, ()) if not getattr(self, name))


@dataclass(frozen=True, slots=True)
class _Found:
    """Everything that the values are made of."""

    query: DatasetQuery
    terms: SavingTerms
    columns: _Columns
    groups: Mapping[int, RowGroup]
    limits: Limits
    combination: Combination
    prices: str
    """Which price list, and of when."""

    @property
    def priced(self) -> int:
        """Rows that have a list price."""
        return sum(group.rows for group in self.groups.values())

    def rows(self, words: str, count: int) -> RowSelection:
        """Some of the priced rows."""
        return measure.select_rows(self.query, f"rows with a list price{words}", count)


async def find_savings(
    query: DatasetQuery,
    at: datetime,
    *,
    default_model: str | None = None,
    aliases: Mapping[str, str] | None = None,
    terms: SavingTerms | None = None,
) -> Savings:
    """What each lever would have saved on the requests of a dataset, and all together, at the prices of the moment `at`.

    `default_model` prices the rows that name none; `aliases` says for names of the log which model of the price list they are;
    `terms` are the declared parameters. Raises `UnknownModel` for a model of the caller's that the list does not have. It makes
    temporary tables in the connection of `query`.
    """
    terms = terms or SavingTerms()
    lists = await lists_in(query, at, default_model=default_model, aliases=aliases)
    candidates = await find_candidates(lists, at, terms)
    columns = _Columns(*await query.fetch_one(bills.SQL["count_columns"]))
    await bills.keep_prices(query, {**candidates.named(), **lists}, terms)
    # What cannot save anything is not tried.
    futile = set()
    if columns.hours < terms.commitment_days * HOURS:
        futile.add(COMMITMENT)
    if all(len(prices.tariffs) == 1 for prices in (*lists.values(), *candidates.lists.values())):
        futile.add("off_peak")
    possible = [facts.id for facts in LEVERS if facts.id not in futile and not columns.lacking(facts.id, terms)]
    features, caching = await bills.list_features(query), "prompt_caching" in possible
    groups = {group.number: group for group in await bills.keep_groups(query, features, list(lists), terms)}
    await bills.keep_limits(query, choose_lengths(groups))
    answering, hourly = "answer_cache" in possible, COMMITMENT in possible
    await bills.keep_rows(query, features, terms, answering=answering, caching=caching, hourly=hourly)
    limits = await choose_limits(query, groups, lists, candidates, terms, caching=caching)
    combination = await combine(query, terms, possible, columns.hours)
    version = next((f"{prices.version} as of {at:%Y-%m-%d}" for prices in lists.values()), "no price list")
    return _savings(_Found(query, terms, columns, groups, limits, combination, version))


def _savings(found: _Found) -> Savings:
    levers, uncomputed = [], []
    for facts in LEVERS:
        tried = found.combination.alone.get(facts.id)
        if tried is not None and max(each.saving for each in tried.values()) > 0:
            levers.append(_lever(found, facts, tried))
        else:
            uncomputed.append(_uncomputed(found, facts))
    missing = [name for lever in uncomputed for name in lever.missing]
    if found.priced < found.columns.rows:
        missing.append("model")
    formula = f"sum over these rows of the cost at list prices, what a cache gave at its own price; {found.prices}"
    all_rows = found.rows("", found.priced)
    totals = {case: found.combination.together(case) for case in CASES}

    def combined(suffix: str, label: str, case: Case) -> Figure:
        applied = [facts.id for facts in LEVERS if case in found.combination.added.get(facts.id, {})]
        whole = f"spend − the cost of these rows with {', '.join(applied) or 'no lever'}, one after the other on what is left"
        value = as_number(totals[case])
        return all_rows.figure(
            f"combined{suffix}", f"Saving of all levers together{label}", value, "USD", f"{whole}; the {case} case"
        )

    return Savings(
        spend=all_rows.figure("spend", "Spend at list prices", as_number(found.combination.spend), "USD", formula),
        levers=tuple(sorted(levers, key=lambda each: (-float(each.saving.value), -float(each.high.value), each.id))),
        uncomputed=tuple(uncomputed),
        combined=combined("", "", "expected"),
        combined_low=combined("_low", ", low", min(CASES, key=lambda case: totals[case])),
        combined_high=combined("_high", ", high", max(reversed(CASES), key=lambda case: totals[case])),
        missing=tuple(dict.fromkeys(missing)),
        notes=tuple(_notes(found)),
    )


def _lever(found: _Found, facts: LeverFacts, tried: Mapping[Case, Tried]) -> Lever:
    formula = f"sum over these rows of the cost at list prices − the cost with {facts.id} alone; {found.prices}"
    if facts.id == COMMITMENT:
        formula = (
            "sum over models of the most that a level x saves, where x takes the place of what the requests of an hour cost up "
            f"to x, and costs x × (1 − discount) in each of the {found.columns.hours} hours; {found.prices}"
        )

    def figure(suffix: str, label: str, case: Case) -> Figure:
        each = tried[case]
        models = each.commitments
        count = sum(group.rows for group in found.groups.values() if group.model in models) if models else each.changed
        rows = found.rows(f" that {facts.change}", count)
        return rows.figure(
            f"{facts.id}_{suffix}", f"{facts.title}: {label}", as_number(each.saving), "USD", f"{formula}; the {case} case"
        )

    adds = found.combination.added[facts.id].get("expected", 0.0)
    before = [each.id for each in LEVERS[: LEVERS.index(facts)] if "expected" in found.combination.added.get(each.id, {})]
    added = found.rows("", found.priced).figure(
        f"{facts.id}_added",
        f"{facts.title}: what it adds to the others",
        as_number(adds),
        "USD",
        f"cost of these rows with {', '.join(before) or 'no lever'} − their cost with {facts.id} as well; the expected case",
    )
    return Lever(
        id=facts.id,
        kind=facts.kind,
        title=facts.title,
        saving=figure("saving", "saving", "expected"),
        low=figure("low", "saving, low", "low"),
        high=figure("high", "saving, high", "high"),
        added=added,
        assumptions=facts.assumptions(found.terms),
        effort=facts.effort,
        risk=facts.risk,
        breakdown=_by_model(found, tried["expected"]) if facts.id == COMMITMENT else _by_group(found, facts, tried["expected"]),
    )


def _by_group(found: _Found, facts: LeverFacts, tried: Tried) -> Breakdown:
    """Where the saving comes from, the most of it first."""
    case = CASES.index("expected")
    quantities = [
        Quantity(id="saving", unit="USD", formula="spend − cost of the group's rows with this lever alone"),
        Quantity(id="spend", unit="USD", formula="cost of the group's rows at list prices"),
        Quantity(id="changed", unit="rows", formula="rows of the group that this lever reaches"),
    ]
    chosen: dict[str, tuple[Quantity, Callable[[RowLimit], str | int | None]]] = {
        "model_substitution": (
            Quantity(id="substitute", unit="model", formula="the model that these rows cost least with"),
            lambda limit: limit.substitute and limit.substitute.strip(),
        ),
        "prompt_length": (
            Quantity(id="limit", unit="tokens", formula=_quantile("input_tokens", found.terms.input_level)),
            lambda limit: limit.input_limit,
        ),
        "output_cap": (
            Quantity(id="limit", unit="tokens", formula=_quantile("output_tokens", found.terms.output_level)),
            lambda limit: limit.output_limit,
        ),
    }
    quantity, choose = chosen.get(facts.id, (None, None))
    ranked = sorted(
        ((bill.before - bill.cost, number) for number, bill in tried.groups.items() if bill.cost < bill.before),
        key=lambda each: (-each[0], each[1]),
    )
    entries = []
    for saving, number in ranked[: measure.LARGEST_NAMES]:
        group, bill = found.groups[number], tried.groups[number]
        values: list[str | int | float | None] = [as_number(saving), as_number(bill.before), bill.changed]
        if choose is not None:
            values.append(choose(found.limits[case, number]))
        key = f"{as_shown(group.feature or NAMELESS)}, {as_shown(group.model or NAMELESS)}"
        entries.append((key, group.rows, values))
    return found.rows("", found.priced).breakdown(
        f"{facts.id}_by_group",
        f"{facts.title}: where the saving comes from",
        "feature, model",
        [*quantities, *([quantity] if quantity is not None else [])],
        entries,
        of=len(ranked),
    )


def _by_model(found: _Found, tried: Tried) -> Breakdown:
    """What to commit to, by model."""
    quantities = (
        Quantity(id="saving", unit="USD", formula="what the level saves over the hours of the log"),
        Quantity(id="level", unit="USD an hour", formula="requests at list prices that the throughput takes in an hour"),
        Quantity(id="busy_hours", unit="hours", formula="hours in which there were requests"),
    )
    ranked = sorted(tried.commitments.items(), key=lambda each: (-each[1].saving, each[0]))
    entries = [
        (
            as_shown(model or NAMELESS),
            sum(group.rows for group in found.groups.values() if group.model == model),
            (as_number(each.saving), as_number(each.level), each.busy),
        )
        for model, each in ranked[: measure.LARGEST_NAMES]
    ]
    return found.rows("", found.priced).breakdown(
        "commitment_by_model", "What to commit to", "model", quantities, entries, of=len(ranked)
    )


def _quantile(column: str, levels: Span) -> str:
    return measure.QUANTILE.format(column=column, level=levels.expected) + "; rounded up"


def _uncomputed(found: _Found, facts: LeverFacts) -> UncomputedLever:
    missing = found.columns.lacking(facts.id, found.terms)
    reason = facts.nothing
    if not found.priced:
        reason = "No row has a list price, so there is no cost to lower."
    elif missing:
        reason = f"The data has no {' and no '.join(missing)}."
    elif facts.id == COMMITMENT and found.columns.hours < found.terms.commitment_days * HOURS:
        reason = (
            f"The log touches {found.columns.hours} hours. Below {found.terms.commitment_days:g} days a steady load cannot be "
            "told from a busy day."
        )
    return UncomputedLever(id=facts.id, kind=facts.kind, title=facts.title, missing=missing, reason=reason)


def _notes(found: _Found) -> Iterator[str]:
    """What the numbers leave out."""
    columns = found.columns
    if found.priced < columns.rows:
        yield f"{columns.rows - found.priced} rows have no list price and stay out of every sum."
    if columns.several:
        yield (
            f"{columns.several} rows stand for several requests. They are billed at the size of their mean request, and no "
            "lever that goes by the length of a request or by its conversation is applied to them."
        )
    if not columns.cached_input_tokens:
        yield "The log does not say what a provider's cache gave: all input is billed in full, and one may be in use already."
    if not columns.feature:
        yield "No row names a feature, so long prompts and answers are told by model alone."
    elif len({group.feature for group in found.groups.values()}) > bills.MOST_FEATURES:
        yield f"Features beyond the {bills.MOST_FEATURES} with the most tokens count as one."
