"""How levers add up: each alone, and one after the other on what those before it left.

A lever that saves nothing more once others are applied, or would cost, is left out of the combination of that case.
"""

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from netra.analytics.bills import ROW_LEVERS, Commitment, Trial, TriedBill, find_commitments, try_levers
from netra.analytics.capability import CASES, Case
from netra.analytics.terms import SavingTerms
from netra.datasets.query import DatasetQuery

COMMITMENT = "commitment"


@dataclass(frozen=True, slots=True)
class Tried:
    """What a lever saves in one case."""

    saving: float
    """US dollars."""
    changed: int = 0
    """Rows that it reaches."""
    groups: Mapping[int, TriedBill] = field(default_factory=dict)
    commitments: Mapping[str, Commitment] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Combination:
    """What the levers save alone and together, in US dollars."""

    spend: float
    alone: Mapping[str, Mapping[Case, Tried]]
    added: Mapping[str, Mapping[Case, float]]
    """What each lever that is in the combination of a case adds to those before it."""

    def together(self, case: Case) -> float:
        """What all save in one case. A sum of parts of what was left, so no more than the spend."""
        return min(self.spend, math.fsum(parts[case] for parts in self.added.values() if case in parts))


async def combine(query: DatasetQuery, terms: SavingTerms, possible: Collection[str], hours: int) -> Combination:
    """Try every possible lever; the rows have been billed, and the limits are down. `hours` are those of the log."""
    applied: dict[Case, frozenset[str]] = dict.fromkeys(CASES, frozenset())
    untouched = Trial("expected")
    spend = _cost((await try_levers(query, [untouched], terms))[untouched].values())
    left = dict.fromkeys(CASES, spend)
    alone: dict[str, dict[Case, Tried]] = {}
    added: dict[str, dict[Case, float]] = {}
    for lever in ROW_LEVERS:
        if lever not in possible:
            continue
        single = {case: Trial(case, frozenset({lever})) for case in CASES}
        after = {case: Trial(case, applied[case] | {lever}) for case in CASES}
        tried = await try_levers(query, {*single.values(), *after.values()}, terms)
        alone[lever] = {case: _tried(tried[single[case]]) for case in CASES}
        added[lever] = {}
        for case in CASES:
            cost = _cost(tried[after[case]].values())
            if cost < left[case]:
                added[lever][case], left[case], applied[case] = left[case] - cost, cost, applied[case] | {lever}
    if COMMITMENT in possible:
        whole = {case: Trial(case) for case in CASES}
        rest = {case: Trial(case, applied[case]) for case in CASES}
        found = await find_commitments(query, {*whole.values(), *rest.values()}, terms, hours)
        alone[COMMITMENT] = {case: Tried(_saved(found[whole[case]]), commitments=found[whole[case]]) for case in CASES}
        added[COMMITMENT] = {case: min(left[case], saved) for case in CASES if (saved := _saved(found[rest[case]])) > 0}
    return Combination(spend, alone, added)


def _tried(groups: Mapping[int, TriedBill]) -> Tried:
    saving = math.fsum(bill.before for bill in groups.values()) - _cost(groups.values())
    return Tried(saving, sum(bill.changed for bill in groups.values()), groups)


def _cost(bills: Iterable[TriedBill]) -> float:
    return math.fsum(bill.cost for bill in bills)


def _saved(commitments: Mapping[str, Commitment]) -> float:
    return math.fsum(each.saving for each in commitments.values())
