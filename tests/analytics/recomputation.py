"""What could be saved, computed again in plain Python: one request after the other, one lever after the other.

It shares with what it checks the declared tables and the price list, and nothing of how they are applied.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from functools import cache

from netra.analytics.capability import CASES, Case, candidates, class_of
from netra.analytics.limits import FEWEST_IN_GROUP
from netra.analytics.prices import PriceList, Tariff, find_prices
from netra.analytics.terms import SavingTerms
from tests.analytics.test_measure import MOMENT

ORDER = (
    *("answer_cache", "model_substitution", "prompt_length", "output_cap", "prompt_caching", "off_peak", "batching"),
    "commitment",
)
Group = tuple[str | None, str]


@cache
def prices_of(model: str) -> PriceList | None:
    return find_prices(model, MOMENT)


@dataclass(frozen=True)
class Call:
    """A row of the log."""

    at: datetime | None
    input_tokens: int
    output_tokens: int
    cached: int
    model: str
    feature: str | None
    session: str | None
    requests: int = 1
    prompt: str | None = None
    user: str | None = None
    status: str | None = None
    cost_usd: float | None = None

    @property
    def who(self) -> tuple[str, str] | None:
        return ("user", self.user) if self.user else ("session", self.session) if self.session else None


@dataclass(frozen=True)
class Sent:
    """A request as it would have been sent."""

    call: Call
    prices: PriceList
    clock: time
    input_tokens: int
    output_tokens: int
    cached: float
    written: float = 0
    discount: float = 0
    spared: bool = False
    parted: bool = False
    """Whether the request before it in its conversation was never sent to the provider."""

    @property
    def tariff(self) -> Tariff:
        return [tariff for tariff in self.prices.tariffs if tariff.begins <= self.clock][-1]

    def cost(self) -> float:
        if self.spared:
            return 0.0
        size, tariff = self.input_tokens // self.call.requests, self.tariff
        uncached = float(tariff.input.at(size))
        cached, written = (uncached if rate is None else float(rate.at(size)) for rate in (tariff.cached, tariff.written))
        tokens = (self.input_tokens - self.cached) * uncached + self.output_tokens * float(tariff.output.at(size))
        kept = self.cached * cached + self.written * (written - uncached)
        return (tokens * (1 - self.discount) + kept) / 1e6 + self.call.requests * float(tariff.request)


def level(values: Sequence[int], at: float) -> int:
    """A quantile between the two nearest, rounded up."""
    rising, place = sorted(values), at * (len(values) - 1)
    below, above = rising[math.floor(place)], rising[math.ceil(place)]
    return math.ceil(round(below + (above - below) * (place - math.floor(place)), 6))


class Recomputation:
    """Every number of `find_savings`, for calls in the order of the file."""

    def __init__(self, calls: Sequence[Call], terms: SavingTerms) -> None:
        self.terms = terms
        self.calls = [call for call in calls if prices_of(call.model)]
        self.used = list(dict.fromkeys(self._prices(call.model).model for call in self.calls))
        self.groups: dict[Group, list[Call]] = {}
        self.earlier: dict[int, Call] = {}
        last: dict[tuple[str | None, str, str], Call] = {}
        for call in self.calls:
            self.groups.setdefault((call.feature, call.model), []).append(call)
        for call in sorted((call for call in self.calls if self._converses(call)), key=self._place):
            key = (call.user, str(call.session), call.model)
            if key in last:
                self.earlier[id(call)] = last[key]
            last[key] = call
        self.spared = {case: set(self._answered(case)) for case in CASES}
        times = [call.at for call in calls if call.at]
        self.hours = 0
        if times:
            first, final = (moment.replace(minute=0, second=0, microsecond=0) for moment in (min(times), max(times)))
            self.hours = (final - first) // timedelta(hours=1) + 1
        self.substitutes: dict[tuple[Case, Group], PriceList] = {}
        self.pays: set[tuple[Case, Group]] = set()
        for group, members in self.groups.items():
            self._decide(group, members)

    def _prices(self, model: str) -> PriceList:
        prices = prices_of(model)
        assert prices is not None
        return prices

    def _converses(self, call: Call) -> bool:
        return call.session is not None and call.at is not None and call.requests == 1

    def _place(self, call: Call) -> tuple[datetime, int]:
        assert call.at is not None
        return call.at, next(place for place, each in enumerate(self.calls) if each is call)

    def _answered(self, case: Case) -> Iterator[int]:
        """The calls that a cache of answers reaches: each is looked up among all before it."""
        asked = [
            call
            for call in self.calls
            if call.prompt and call.at is not None and call.requests == 1 and call.status in (None, "ok")
        ]
        asked.sort(key=self._place)
        for place, call in enumerate(asked):
            for earlier in asked[:place]:
                assert call.at is not None
                assert earlier.at is not None
                same = earlier.model == call.model and earlier.prompt == call.prompt
                own = case == "high" or (call.who is not None and call.who == earlier.who)
                soon = call.at - earlier.at <= timedelta(seconds=self.terms.answer_seconds.of(case))
                if same and own and soon and call.cost_usd != 0:
                    yield id(call)

    def _decide(self, group: Group, members: Sequence[Call]) -> None:
        own = self._prices(group[1])
        wanted = self.terms.feature_classes.get(group[0] or "") or class_of(own.model)
        before = self.cost(members, "expected", set())
        for case in CASES:
            rings = candidates(self.used, own.model.partition(":")[0], wanted)[case] if wanted else ()
            best = before
            for name in rings:
                other = prices_of(name)
                if other is None or other.model != name or name == own.model:
                    continue
                largest = max((call.input_tokens + call.output_tokens) // call.requests for call in members)
                if other.context_window is not None and largest > other.context_window:
                    continue
                cost = math.fsum(replace(self._as_it_was(call), prices=other).cost() for call in members)
                if cost < best:
                    best, self.substitutes[case, group] = cost, other
            self.pays.add((case, group))
            if self.cost(members, case, {"prompt_caching"}) >= before:
                self.pays.remove((case, group))

    def _as_it_was(self, call: Call) -> Sent:
        clock = call.at.time() if call.at else time(0)
        cached = min(call.cached, call.input_tokens)
        return Sent(call, self._prices(call.model), clock, call.input_tokens, call.output_tokens, cached)

    def sent(self, call: Call, case: Case, levers: set[str]) -> Sent:
        """The request after the levers."""
        sent, group = self._as_it_was(call), (call.feature, call.model)
        steps: dict[str, Callable[[Sent, Call, Case, Group], Sent]] = {
            "answer_cache": self._spared,
            "model_substitution": self._substituted,
            "prompt_length": self._shortened,
            "output_cap": self._capped,
            "prompt_caching": self._cached,
            "off_peak": self._moved,
            "batching": self._batched,
        }
        for name, step in steps.items():
            if name in levers:
                sent = step(sent, call, case, group)
        return sent

    def _spared(self, sent: Sent, call: Call, case: Case, _group: Group) -> Sent:
        earlier = self.earlier.get(id(call))
        parted = earlier is not None and id(earlier) in self.spared[case]
        return replace(sent, spared=id(call) in self.spared[case], parted=parted)

    def _substituted(self, sent: Sent, _call: Call, case: Case, group: Group) -> Sent:
        return replace(sent, prices=self.substitutes.get((case, group), sent.prices))

    def _single(self, group: Group) -> list[Call]:
        return [call for call in self.groups[group] if call.requests == 1]

    def _shortened(self, sent: Sent, call: Call, case: Case, group: Group) -> Sent:
        single = self._single(group)
        if call.requests > 1 or len(single) < FEWEST_IN_GROUP:
            return sent
        limit = level([each.input_tokens for each in single], self.terms.input_level.of(case))
        if sent.input_tokens <= limit:
            return sent
        return replace(sent, input_tokens=limit, cached=sent.cached * limit / sent.input_tokens)

    def _capped(self, sent: Sent, call: Call, case: Case, group: Group) -> Sent:
        single = self._single(group)
        if call.requests > 1 or len(single) < FEWEST_IN_GROUP:
            return sent
        limit = level([each.output_tokens for each in single], self.terms.output_level.of(case))
        return replace(sent, output_tokens=min(sent.output_tokens, limit))

    def _cached(self, sent: Sent, call: Call, case: Case, group: Group) -> Sent:
        if (case, group) not in self.pays or not self._converses(call):
            return sent
        earlier, reused = self.earlier.get(id(call)), 0
        if earlier is not None and earlier.at is not None and call.at is not None and not sent.parted:
            soon = call.at - earlier.at <= timedelta(seconds=self.terms.cache_seconds.of(case))
            grown = call.input_tokens >= earlier.input_tokens + (earlier.output_tokens if case == "low" else 0)
            if soon and grown and earlier.input_tokens >= self.terms.cache_shortest:
                reused = earlier.input_tokens
        cached = min(sent.input_tokens, max(sent.cached, reused))
        written = sent.input_tokens - cached if sent.input_tokens >= self.terms.cache_shortest else 0
        return replace(sent, cached=cached, written=written)

    def _moved(self, sent: Sent, call: Call, case: Case, _group: Group) -> Sent:
        if self.terms.tolerant_features and call.feature not in self.terms.tolerant_features:
            return sent
        rate = {tariff.begins: tariff.input.base + tariff.output.base for tariff in sent.prices.tariffs}
        if rate[sent.tariff.begins] == min(rate.values()):
            return sent
        day = MOMENT.date()
        waits = {
            begins: (datetime.combine(day, begins) - datetime.combine(day, sent.clock)) % timedelta(days=1)
            for begins, each in rate.items()
            if each == min(rate.values())
        }
        begins = min(waits, key=waits.__getitem__)
        patient = waits[begins] <= timedelta(hours=self.terms.patience_hours.of(case))
        return replace(sent, clock=begins) if patient else sent

    def _batched(self, sent: Sent, call: Call, case: Case, _group: Group) -> Sent:
        quiet = call.at is not None and call.at.hour in self.terms.quiet_hours
        if not self.terms.tolerant_features:
            waits = {"low": False, "expected": quiet, "high": True}[case]
        else:
            tolerant = call.feature in self.terms.tolerant_features
            waits = {"low": tolerant and quiet, "expected": tolerant, "high": tolerant or quiet}[case]
        discount = self.terms.batch_discounts.get(sent.prices.model.partition(":")[0], 0)
        return replace(sent, discount=discount) if waits else sent

    def cost(self, calls: Iterable[Call], case: Case, levers: set[str]) -> float:
        """What calls cost with levers, the commitment left aside."""
        return math.fsum(self.sent(call, case, levers).cost() for call in calls)

    def committed(self, case: Case, levers: set[str]) -> float:
        """What the best level for each model saves on what the levers leave."""
        loads: dict[object, dict[datetime, float]] = {}
        for call in self.calls:
            sent = self.sent(call, case, levers)
            if call.at is not None and not sent.discount:
                # A model that takes another's place is bought apart from the same model under the log's name for it.
                swapped = sent.prices is not self._as_it_was(call).prices
                load = loads.setdefault((swapped, sent.prices.model if swapped else call.model), {})
                hour = call.at.replace(minute=0, second=0, microsecond=0)
                load[hour] = load.get(hour, 0) + sent.cost()
        share = 1 - self.terms.commitment_discount.of(case)
        return math.fsum(
            max([0.0, *(sum(min(each, x) for each in load.values()) - x * share * self.hours for x in load.values())])
            for load in loads.values()
        )

    def saving(self, case: Case, levers: set[str]) -> float:
        """What a set of levers saves."""
        cost = self.cost(self.calls, case, levers)
        if "commitment" in levers:
            cost -= self.committed(case, levers)
        return self.cost(self.calls, case, set()) - cost

    def combined(self, case: Case, possible: Iterable[str]) -> dict[str, float]:
        """What each lever adds to those before it."""
        applied: set[str] = set()
        added = {}
        for lever in possible:
            more = self.saving(case, applied | {lever}) - self.saving(case, applied)
            if more > 1e-15:
                applied |= {lever}
                added[lever] = more
        return added
