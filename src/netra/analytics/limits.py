"""What each lever does to the requests of a feature and model: how many tokens it leaves, which model answers, where it pays.

Quantiles come from the data. Which model is cheapest, and where a cache pays, is found by billing the rows with each of them
(`netra.analytics.bills`).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from netra.analytics import bills
from netra.analytics.bills import RowGroup, RowLimit, Trial
from netra.analytics.capability import CASES, CapabilityClass, Case, candidates, class_of
from netra.analytics.prices import PriceList, find_prices
from netra.analytics.terms import SavingTerms
from netra.datasets.offload import in_thread
from netra.datasets.query import DatasetQuery

FEWEST_IN_GROUP: Final = 20
"""Requests of a feature and model below which nothing is said of which of them are long."""
SUBSTITUTE: Final = " "
"""Before the name of a model that could take another's place, so that it is no name of the log: those are trimmed."""

Limits = dict[tuple[int, int], RowLimit]
"""By variant and group; the first variants are the cases."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """The models that could take the place of others."""

    used: tuple[str, ...]
    """The models that the log has."""
    lists: Mapping[str, PriceList]

    def named(self) -> dict[str, PriceList]:
        """Their price lists under names that are none of the log's."""
        return {SUBSTITUTE + model: prices for model, prices in self.lists.items()}

    def rings(self, model: str, wanted: CapabilityClass | None) -> dict[Case, tuple[str, ...]]:
        """Those that may take the place of a model where `wanted` is needed, by default its own class; none if it has none."""
        needed = wanted or class_of(model)
        return {} if needed is None else candidates(self.used, model.partition(":")[0], needed)


async def find_candidates(lists: Mapping[str, PriceList], at: datetime, terms: SavingTerms) -> Candidates:
    """The models of the classes that the log's models have or that features are declared to need, where they have prices."""
    used = tuple(dict.fromkeys(prices.model for prices in lists.values()))
    wanted = {class_of(model) for model in used} | set(terms.feature_classes.values())
    models = {
        model
        for needed in wanted
        if needed is not None
        for provider in {each.partition(":")[0] for each in used}
        for model in candidates(used, provider, needed)["high"]
    }

    def look_up() -> dict[str, PriceList]:
        found = {model: find_prices(model, at) for model in sorted(models)}
        # A provider that does not have the model would be answered for by another.
        return {model: prices for model, prices in found.items() if prices is not None and prices.model == model}

    return Candidates(used, await in_thread(look_up))


def choose_lengths(groups: Mapping[int, RowGroup]) -> Limits:
    """How many tokens the levers leave to the requests of each group in each case."""
    return {(variant, number): _lengths(group, variant) for number, group in groups.items() for variant in range(len(CASES))}


async def choose_limits(
    query: DatasetQuery,
    groups: Mapping[int, RowGroup],
    lists: Mapping[str, PriceList],
    found: Candidates,
    terms: SavingTerms,
    *,
    caching: bool,
) -> Limits:
    """What the levers do to each group in each case; the rows have been billed as they were.

    Where a cache pays is looked for only with `caching`.
    """
    limits = choose_lengths(groups)
    for (variant, number), model in (await _substitutes(query, groups, lists, found, terms)).items():
        limits[variant, number] = replace(limits[variant, number], substitute=SUBSTITUTE + model)
    if caching:
        await _pay(query, limits, terms)
    await bills.keep_limits(query, limits)
    return limits


async def _pay(query: DatasetQuery, limits: Limits, terms: SavingTerms) -> None:
    """Mark the groups for which a cache of prompts costs less than it saves."""
    await bills.keep_limits(query, {key: replace(limit, caches=True) for key, limit in limits.items()})
    cached = {case: Trial(case, frozenset({"prompt_caching"})) for case in CASES}
    tried = await bills.try_levers(query, cached.values(), terms)
    for variant, case in enumerate(CASES):
        for number, bill in tried[cached[case]].items():
            limits[variant, number] = replace(limits[variant, number], caches=bill.cost < bill.before)


def _lengths(group: RowGroup, variant: int) -> RowLimit:
    if group.single < FEWEST_IN_GROUP:
        return RowLimit()
    # Rounded first, so that the last bit of an interpolation does not make a token.
    inputs, outputs = (round(levels[variant], 6) for levels in (group.input_levels, group.output_levels))
    return RowLimit(math.ceil(inputs), math.ceil(outputs))


async def _substitutes(
    query: DatasetQuery,
    groups: Mapping[int, RowGroup],
    lists: Mapping[str, PriceList],
    found: Candidates,
    terms: SavingTerms,
) -> dict[tuple[int, int], str]:
    """The model that the requests of a group cost least with, by case and group, where that is less than their own."""
    models = list(found.lists)
    rings = {
        number: found.rings(lists[group.model].model, terms.feature_classes.get(group.feature or ""))
        for number, group in groups.items()
    }
    limits: Limits = {}
    for place, model in enumerate(models, len(CASES)):
        window = found.lists[model].context_window
        for number, group in groups.items():
            fits = window is None or group.largest <= window
            if fits and model != lists[group.model].model and model in rings[number].get("high", ()):
                limits[place, number] = RowLimit(substitute=SUBSTITUTE + model)
    if not limits:
        return {}
    await bills.keep_limits(query, limits)
    tried = {
        Trial("expected", frozenset({"model_substitution"}), place): models[place - len(CASES)]
        for place in sorted({place for place, _ in limits})
    }
    costs: dict[int, dict[str, float]] = {}
    for trial, billed in (await bills.try_levers(query, tried, terms)).items():
        for number, bill in billed.items():
            if bill.cost < bill.before:
                costs.setdefault(number, {})[tried[trial]] = bill.cost
    chosen = {}
    for number, by_model in costs.items():
        for variant, case in enumerate(CASES):
            ring = [model for model in rings[number].get(case, ()) if model in by_model]
            if ring:
                chosen[variant, number] = min(ring, key=by_model.__getitem__)
    return chosen
