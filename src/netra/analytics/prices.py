"""What a model costs, at the list prices that ship with `genai-prices`.

Netra never lets the library fetch newer prices: a report has to come out the same for everybody who computes it again, so it
names the version of the list and the moment at which the list was read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import Decimal
from difflib import get_close_matches
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from netra.errors import InvalidInput

if TYPE_CHECKING:
    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import ModelInfo, ModelPrice, Provider

SUGGESTIONS: Final = 5


class UnknownModel(InvalidInput):
    """The price list has no such model."""

    code = "unknown_model"


@dataclass(frozen=True, slots=True)
class Rate:
    """US dollars per million tokens: a `base`, and for longer requests another rate.

    A step `(n, dollars)` holds for every token of a request with more than `n` input tokens, which is how providers bill.
    """

    base: Decimal
    steps: tuple[tuple[int, Decimal], ...] = ()

    def at(self, input_tokens: int) -> Decimal:
        """The rate of a request with so many input tokens."""
        return next((rate for start, rate in reversed(self.steps) if input_tokens > start), self.base)


@dataclass(frozen=True, slots=True)
class Tariff:
    """The prices that hold from a time of day, UTC, until the next tariff begins."""

    begins: time
    input: Rate
    output: Rate
    request: Decimal
    """US dollars a request, whatever its size."""
    cached: Rate | None = None
    """What the provider's cache gave; None where such input costs as much as any other."""
    written: Rate | None = None
    """What is put into the provider's cache; None where such input costs as much as any other."""

    def price(self, requests: int, input_tokens: int, output_tokens: int, size: int, *, cached_tokens: int = 0) -> Decimal:
        """US dollars for requests which all are of the bracket that a request with `size` input tokens is in.

        `cached_tokens` are those of the input that the provider's cache gave.
        """
        tokens = (input_tokens - cached_tokens) * self.input.at(size) + output_tokens * self.output.at(size)
        given = cached_tokens * (self.cached or self.input).at(size)
        return (tokens + given) / 1_000_000 + requests * self.request


@dataclass(frozen=True, slots=True)
class Bracket:
    """The requests of a model that are billed at the same rates, and those."""

    begins: time
    ends: time | None
    """When in the day, UTC; without an end, until midnight."""
    above: int
    up_to: int | None
    """Input tokens of the request; without an upper bound, any number."""
    input: Decimal
    output: Decimal
    """US dollars per million tokens."""
    request: Decimal
    """US dollars a request."""
    cached: Decimal
    written: Decimal
    """US dollars per million input tokens that a provider's cache gives or takes in."""


@dataclass(frozen=True, slots=True)
class PriceList:
    """The prices of one model at one moment."""

    model: str
    """`provider:model`, as the price list writes it."""
    version: str
    read_at: datetime
    tariffs: tuple[Tariff, ...]
    """Of one day, the first from midnight. One, unless the model is cheaper at night."""
    context_window: int | None = None
    """The most tokens of a request and its answer; None where the price list does not say."""

    @property
    def steps(self) -> tuple[int, ...]:
        """The numbers of input tokens above which a request is billed otherwise, rising."""
        rates = [rate for t in self.tariffs for rate in (t.input, t.output, t.cached, t.written) if rate is not None]
        starts = {start for rate in rates for start, _ in rate.steps}
        return tuple(sorted(starts))

    @property
    def bills_cache_in_full(self) -> bool:
        """Whether what a cache gave costs as much as any other input."""
        return all(tariff.cached is None for tariff in self.tariffs)

    def brackets(self) -> Iterator[Bracket]:
        """Every part of the day, and of each every size of the input, that has rates of its own."""
        following = [*(tariff.begins for tariff in self.tariffs[1:]), None]
        for tariff, ends in zip(self.tariffs, following, strict=True):
            for above, up_to in zip((-1, *self.steps), (*self.steps, None), strict=True):
                size = above + 1
                rates = tariff.input.at(size), tariff.output.at(size), tariff.request
                cached, written = (rates[0] if rate is None else rate.at(size) for rate in (tariff.cached, tariff.written))
                yield Bracket(tariff.begins, ends, above, up_to, *rates, cached, written)

    def formula(self, *, cached: bool = False) -> str:
        """The cost of one request in words; with what a cache gave, where requests read one and that has a price."""
        return "; ".join(self._tariff(tariff, cached) for tariff in self.tariffs)

    def _tariff(self, tariff: Tariff, cached: bool) -> str:
        sizes = (0, *self.steps)
        texts = []
        for size in sizes:
            rates = f"${tariff.input.at(size + 1):f}", f"${tariff.output.at(size + 1):f}"
            text = f"(input_tokens × {rates[0]} + output_tokens × {rates[1]}) / 1,000,000"
            if cached and tariff.cached is not None:
                given = f"cached_input_tokens × ${tariff.cached.at(size + 1):f}"
                text = text.replace("(input_tokens", "((input_tokens − cached_input_tokens)").replace(
                    " + ", f" + {given} + ", 1
                )
            text += f" + ${tariff.request:f}" if tariff.request else ""
            texts.append(text if size == 0 else f"above {size:,} input tokens: {text}")
        hours = f"from {tariff.begins:%H:%M} UTC: " if len(self.tariffs) > 1 else ""
        return hours + ", ".join(texts)


def price_list(model: str, at: datetime) -> PriceList:
    """The prices of `model` (`name`, `provider:name` or `provider/name`) at the moment `at`.

    Raises `UnknownModel`, with the nearest names, when the list has no such model or no price for its tokens. Blocks: the
    first call imports the price list (0.4 s).
    """
    name = model.strip()
    if (found := _find(name)) is None:
        near = nearest_models(name, at)
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        raise UnknownModel(f"The price list has no model {name[:100]!r}.{hint}", field="model", suggestions=near)
    if (prices := _read(*found, at)) is None:
        raise UnknownModel(f"The price list has no price per token for {found[0].id}:{found[1].id}.", field="model")
    return prices


def find_prices(model: str, at: datetime) -> PriceList | None:
    """As `price_list`, but None where that would refuse."""
    found = _find(model.strip())
    return None if found is None else _read(*found, at)


@cache
def _snapshot() -> "DataSnapshot":
    from genai_prices.data import providers
    from genai_prices.data_snapshot import DataSnapshot

    # Not the library's own: anybody in this process may replace that one by prices fetched over the network.
    return DataSnapshot(providers=providers, from_auto_update=False)


def _find(name: str) -> "tuple[Provider, ModelInfo] | None":
    snapshot = _snapshot()
    known = {provider.id for provider in snapshot.providers}
    attempts: list[tuple[str | None, str]] = []
    for mark in (":", "/"):
        head, found, rest = name.partition(mark)
        if found and head.lower() in known:
            attempts.append((head.lower(), rest))
    attempts.append((None, name))
    for provider_id, ref in attempts:
        if ref:
            try:
                return snapshot.find_provider_model(ref, None, provider_id, None)
            except LookupError:
                continue
    return None


def _read(provider: "Provider", info: "ModelInfo", at: datetime) -> PriceList | None:
    """The prices of a model that was found; None when its tokens have none."""
    tariffs, priced, nothing = [], False, Rate(Decimal(0))
    for begins in _beginnings(info):
        prices = info.get_prices(datetime.combine(at.astimezone(UTC).date(), begins, UTC))
        rates = _rate(prices, "input_mtok"), _rate(prices, "output_mtok")
        priced = priced or rates != (None, None)  # a price of nothing is a price; no price is none
        per_thousand = (_rate(prices, "requests_kcount") or nothing).base
        cache = _rate(prices, "cache_read_mtok"), _rate(prices, "cache_write_mtok")
        tariffs.append(Tariff(begins, rates[0] or nothing, rates[1] or nothing, per_thousand / 1000, *cache))
    if not priced:
        return None
    source = f"genai-prices {version('genai-prices')}"
    return PriceList(f"{provider.id}:{info.id}", source, at, tuple(tariffs), info.context_window)


def nearest_models(name: str, at: datetime) -> list[str]:
    """Names like this one that do have a price: of a model, the provider that made it before those who resell it."""
    snapshot = _snapshot()
    models: dict[str, str] = {}
    for provider in snapshot.providers:
        for info in provider.models:
            models.setdefault(info.id.lower(), f"{provider.id}:{info.id}")
    names: dict[str, None] = {}
    for near in get_close_matches(name.lower().rpartition(":")[2], models, n=4 * SUGGESTIONS, cutoff=0.5):
        for candidate in (near, models[near]):
            found = _find(candidate)
            if found is not None and found[1].id.lower() == near and _read(*found, at) is not None:
                names[f"{found[0].id}:{found[1].id}"] = None
                break
    return [known for known in names if _find(known) is not None][:SUGGESTIONS]


def _beginnings(info: "ModelInfo") -> Sequence[time]:
    """The times of day, UTC, at which the prices of a model may change; midnight is the first."""
    from genai_prices.types import ModelPrice, TimeOfDateConstraint

    times = {time(0)}
    if not isinstance(info.prices, ModelPrice):
        for price in info.prices:
            if isinstance(price.constraint, TimeOfDateConstraint):
                times |= {_utc(price.constraint.start_time), _utc(price.constraint.end_time)}
    return sorted(times)


def _utc(moment: time) -> time:
    """A time of day in UTC without its zone; one that has none is UTC already."""
    if moment.tzinfo is None:
        return moment
    return datetime.combine(datetime(2000, 1, 1, tzinfo=UTC), moment).astimezone(UTC).time()


def _rate(prices: "ModelPrice", unit: str) -> Rate | None:
    from genai_prices.types import TieredPrices

    match getattr(prices, unit):
        case None:
            return None
        case TieredPrices() as tiered:
            return Rate(tiered.base, tuple((tier.start, tier.price) for tier in tiered.tiers))
        case Decimal() as price:
            return Rate(price)
        case other:
            raise TypeError(f"a price is a number or has tiers, not {type(other).__name__}")
