"""Chance that comes out the same everywhere: on every platform, under every Python, for one seed.

Of `random.Random` only `random()` after a seed is promised to stay as it is, so everything here is made of that. Logarithms
and powers come from `decimal`, which rounds them correctly; those of the C library differ in the last digit between
platforms. The rest is arithmetic that IEEE 754 prescribes.
"""

import math
from bisect import bisect_right
from collections.abc import MutableSequence, Sequence
from decimal import Context, Decimal
from itertools import accumulate
from random import Random
from typing import Any, Final, TypeVar

Item = TypeVar("Item")

EXACT: Final = Context(prec=25)
"""More digits than a float has, so that the float nearest to the result is the same whatever its last digit."""

LARGEST_POWER: Final = 700.0
"""e to this is nearly the largest float."""


class Dice:
    """Draws for one seed."""

    def __init__(self, seed: int) -> None:
        # A negative seed would be its own absolute value.
        self._random = Random(seed % 2**64).random  # noqa: S311 - no secret is made of it

    def unit(self) -> float:
        """A number from 0 up to, and without, 1."""
        return self._random()

    def below(self, end: int) -> int:
        """One of 0, …, end - 1, each as likely."""
        if end <= 2**32:
            return int(self._random() * end)
        while True:
            drawn = 0
            for _ in range(-(-end.bit_length() // 32)):
                drawn = drawn << 32 | int(self._random() * 2**32)
            drawn >>= -end.bit_length() % 32
            if drawn < end:
                return drawn

    def choice(self, items: Sequence[Item]) -> Item:
        """One of the items, each as likely."""
        return items[self.below(len(items))]

    def randint(self, first: int, last: int) -> int:
        """One of first, …, last, each as likely."""
        return first + self.below(last - first + 1)

    def shuffle(self, items: MutableSequence[Any]) -> None:
        """Put the items into another order, each as likely."""
        for last in range(len(items) - 1, 0, -1):
            other = self.below(last + 1)
            items[last], items[other] = items[other], items[last]

    def normal(self) -> float:
        """A number of the normal distribution with mean 0 and deviation 1 (Marsaglia's polar method)."""
        while True:
            x, y = 2 * self._random() - 1, 2 * self._random() - 1
            square = x * x + y * y
            if 0 < square < 1:
                return x * math.sqrt(-2 * float(EXACT.ln(Decimal(square))) / square)


def exponential(power: float) -> float:
    """E to that power; infinity, or zero, where a float ends."""
    if abs(power) > LARGEST_POWER:
        return math.inf if power > 0 else 0.0
    return float(EXACT.exp(Decimal(power)))


class Ranks:
    """Ranks 0, 1, … of a Zipf distribution: rank n is drawn in proportion to 1 / (n + 1) ** exponent."""

    def __init__(self, count: int, exponent: float) -> None:
        weights = (exponential(-exponent * float(EXACT.ln(Decimal(rank)))) for rank in range(1, count + 1))
        self._sums = list(accumulate(weights))

    def draw(self, dice: Dice) -> int:
        return min(bisect_right(self._sums, dice.unit() * self._sums[-1]), len(self._sums) - 1)
