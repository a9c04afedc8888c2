"""Where a value stands, and the ways to make one there: by chance, again when it does not fit, and never without end.

A way may come to nothing (`Misfit`), or lead to places further down. A place tries its ways until a value fits; a row that
would take too many values, or too many levels, is refused.
"""

import math
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from netra.protocols.value import objection
from netra.tools.dice import Dice, Ranks
from netra.tools.synthesis.dialect import SchemaRefused

MOST_VALUES: Final = 100_000
"""In one row, with those that did not fit and were made again."""
TRIES: Final = 200
"""Values made at one place before it counts as one that cannot be filled."""
DEEPEST_ROW: Final = 40
"""Levels."""
DEEP: Final = 6
"""Levels of a row after which optional things are left out, so that what can contain itself comes to an end."""


class Stopped(Exception):
    """Nobody waits for the rows any more."""


class Misfit(Exception):
    """This attempt came to nothing; another may not."""


@dataclass(slots=True)
class Draw:
    """What a row is made with: chance, and the means to end the work."""

    dice: Dice
    stop: threading.Event
    values: int = 0
    """Made for the present row."""

    def spend(self, place: str) -> None:
        """Count one value more. Raises `Stopped`, or `SchemaRefused` for a row without end."""
        if self.stop.is_set():
            raise Stopped
        self.values += 1
        if self.values > MOST_VALUES:
            raise SchemaRefused(place, f"a row would take more than {MOST_VALUES:,} values to make.")


class Way(ABC):
    """One way to make a value at a place."""

    __slots__ = ()

    @abstractmethod
    def make(self, draw: Draw, depth: int) -> Any:
        """A value. Raises `Misfit` when this attempt came to nothing."""

    def needs(self) -> Iterable["Place"]:
        """Places that must be filled for a value to be made."""
        return ()

    def possible(self) -> "Way":
        """The same way, without what is optional and can never be made."""
        return self

    def height(self) -> float:
        """Levels that a value made this way has at least."""
        return max((1 + place.height for place in self.needs()), default=0)


@dataclass(slots=True)
class Place:
    """Where a value stands: the schemas that it has to satisfy together, and the ways to make one."""

    name: str
    judges: tuple[Any, ...] = ()
    """Validators, one a schema."""
    ways: list[Way] = field(default_factory=list)
    delicate: bool = False
    """A way may make what does not fit; what it makes is judged at once."""
    height: float = math.inf
    """Levels that a value has at least. Infinite: none can be made, or it is not known yet."""

    def make(self, draw: Draw, depth: int) -> Any:
        ways = self.ways
        if depth > DEEPEST_ROW:
            raise SchemaRefused(self.name, f"a row would be nested more than {DEEPEST_ROW} levels deep.")
        if depth >= DEEP and len(ways) > 1:
            least = min(way.height() for way in ways)
            ways = [way for way in ways if way.height() == least]
        for _ in range(TRIES):
            draw.spend(self.name)
            try:
                value = draw.dice.choice(ways).make(draw, depth)
            except Misfit:
                continue
            if not self.delicate or self.accepts(value):
                return value
        raise SchemaRefused(self.name, f"nothing that satisfies it was found in {TRIES} tries.")

    def accepts(self, value: Any) -> bool:
        return objection(value) is None and all(judge.is_valid(value) for judge in self.judges)


@dataclass(frozen=True, slots=True)
class OneOf(Way):
    """A value out of a list."""

    values: Sequence[Any]
    ranks: Ranks | None = None

    def make(self, draw: Draw, depth: int) -> Any:  # noqa: ARG002 - a value is as deep as it is
        return self.values[self.ranks.draw(draw.dice)] if self.ranks else draw.dice.choice(self.values)
