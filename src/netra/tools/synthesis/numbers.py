"""Numbers: those at equal distances between two bounds, and those of a curve. Fractions throughout, so that 0.1 is a tenth."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from netra.protocols.value import LARGEST_INTEGER
from netra.tools.dice import EXACT, Dice, Ranks
from netra.tools.synthesis.dialect import DISTRIBUTION, Part, SchemaRefused
from netra.tools.synthesis.distributions import CURVES, ranks
from netra.tools.synthesis.place import Draw, Misfit, Place, Way

SPREAD: Final = 1000
"""Steps from a bound to the other where only one is given."""

Bound = tuple[Fraction, bool]
"""A number, and whether it is itself beyond the bound."""


@dataclass(frozen=True, slots=True)
class Steps(Way):
    """A number out of `first * step`, …, `last * step`."""

    step: Fraction
    first: int
    last: int
    whole: bool
    ranks: Ranks | None = None

    def make(self, draw: Draw, depth: int) -> Any:  # noqa: ARG002 - a number has no depth
        nth = self.ranks.draw(draw.dice) if self.ranks else draw.dice.below(self.last - self.first + 1)
        number = (self.first + nth) * self.step
        return int(number) if self.whole else float(number)


@dataclass(frozen=True, slots=True)
class Curve(Way):
    """A number of a continuous distribution, cut off at the bounds."""

    draw_one: Callable[[Dice], float]
    least: Fraction | None
    most: Fraction | None
    step: Fraction | None
    whole: bool

    def make(self, draw: Draw, depth: int) -> Any:  # noqa: ARG002 - a number has no depth
        drawn = self.draw_one(draw.dice)
        if not math.isfinite(drawn):
            raise Misfit
        if self.step is None:
            drawn = float(f"{drawn:.6g}")
            number = Fraction(drawn)
        else:
            number = round(Fraction(drawn) / self.step) * self.step
        if (self.least is not None and number < self.least) or (self.most is not None and number > self.most):
            raise Misfit
        return int(number) if self.whole else float(number)


def read_number(place: Place, parts: Sequence[Part], spread: Mapping[str, Any], *, whole: bool) -> Way:
    """The way to a number that satisfies these schemas. Raises `SchemaRefused` where there is none."""
    low, high = _bounds(parts)
    step = Fraction(1) if whole else None
    for factor in (part["multipleOf"] for _, part in parts if "multipleOf" in part):
        # What a multiple of 0.1 is, a judge decides who has floats to do it with.
        place.delicate |= isinstance(factor, float)
        step = _exact(factor) if step is None else _multiple_of_both(step, _exact(factor))
    if whole:
        low = None if low is None else max(low, (Fraction(-LARGEST_INTEGER), False))
        high = None if high is None else min(high, (Fraction(LARGEST_INTEGER), False))
    name = parts[0][0] if parts else place.name
    if low and high and (low[0] > high[0] or (low[0] == high[0] and (low[1] or high[1]))):
        raise SchemaRefused(name, "no number is between its bounds.")
    # A float may not be able to tell a number from the bound that it is beyond.
    place.delicate |= not whole and any(bound is not None and bound[1] for bound in (low, high))
    if spread.get("kind") in CURVES:
        place.delicate |= any(bound is not None and bound[1] for bound in (low, high))
        curve = CURVES[spread["kind"]](spread)
        return Curve(curve, low[0] if low else None, high[0] if high else None, step, whole)
    return _steps(name, low, high, step, spread, whole=whole)


def _bounds(parts: Sequence[Part]) -> tuple[Bound | None, Bound | None]:
    """The closest of the lower and of the upper bounds."""

    def named(keyword: str) -> list[Bound]:
        given = [(part[keyword], False) for _, part in parts if keyword in part]
        excluding = f"exclusive{keyword[0].upper()}{keyword[1:]}"
        given += [(part[excluding], True) for _, part in parts if excluding in part]
        return [(_exact(number), excluded) for number, excluded in given]

    low = max(named("minimum"), default=None)
    return low, min(named("maximum"), key=lambda bound: (bound[0], not bound[1]), default=None)


def _exact(number: float) -> Fraction:
    """A number as it is written: 0.1 is a tenth."""
    return Fraction(number) if isinstance(number, int) else Fraction(Decimal(repr(number)))


def _multiple_of_both(one: Fraction, other: Fraction) -> Fraction:
    return Fraction(math.lcm(one.numerator, other.numerator), math.gcd(one.denominator, other.denominator))


def _steps(
    name: str,
    low: Bound | None,
    high: Bound | None,
    step: Fraction | None,
    spread: Mapping[str, Any],
    *,
    whole: bool,
) -> Way:
    """Numbers at equal distances between the bounds."""
    size = step or Fraction(1)
    if low is None and high is None:
        low = (Fraction(0), False)
    if low is None:
        assert high is not None, "one of the bounds is known by now"
        low = (high[0] - SPREAD * size, False)
    if high is None:
        high = (low[0] + SPREAD * size, False)
    fixed = step is not None
    if step is None:
        # A hundred thousand numbers between the bounds, or as many as there are of a power of ten; one where the bounds meet.
        width = high[0] - low[0]
        if width:
            step = Fraction(10) ** (EXACT.divide(Decimal(width.numerator), Decimal(width.denominator)).adjusted() - 5)
        else:
            step = abs(low[0]) or Fraction(1)
    for _ in range(1 if fixed else 20):
        first = math.ceil(low[0] / step)
        last = math.floor(high[0] / step)
        first += low[1] and first * step == low[0]
        last -= high[1] and last * step == high[0]
        if first <= last:
            break
        if not fixed:
            step /= 10
    else:
        raise SchemaRefused(name, "no number is between its bounds.")
    ranked = None
    if spread.get("kind") == "zipf":
        if not whole:
            raise SchemaRefused(name, f"{DISTRIBUTION}: zipf is for whole numbers and for enum.")
        ranked = ranks(spread, last - first + 1, name)
    return Steps(step, first, last, whole, ranked)
