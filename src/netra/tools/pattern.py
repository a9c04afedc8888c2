"""Texts that match a regular expression, the same for the same draws, and never without end.

`rstr` walks the expression. Three things are ours: the alphabets of what a class excludes are put in order (as sets they come
in another order in each process), a repeat without an end has a short one, and a text that grows too long is given up.
"""

import re._parser as sre_parse  # type: ignore[import-not-found] # what `rstr` itself reads expressions with
import string
import threading
import warnings
from collections.abc import Sequence
from itertools import chain
from random import Random
from typing import Any, Final, cast

from rstr import Rstr

from netra.tools.dice import Dice

LONGEST_PATTERN: Final = 500
"""Characters."""
MOST_STEPS: Final = 20_000
"""Pieces of which one text is put together."""
REPEATS: Final = 8
"""Times that something is repeated beyond what is asked for, where there is no bound."""
LARGEST_CLASS: Final = 256
"""Characters of a range that are drawn from: its first ones."""


LARGEST_PATTERN: Final = 500
"""Pieces, each counted as often as it is asked for at most: what a matcher keeps in memory grows with them."""

UNREADABLE: Final = "the pattern cannot be read, or uses what is not supported: look-around, back-references, \\p classes."


# Which warnings are shown is one for the whole process: two threads must not undo each other's change in the wrong order.
_parsing: Final = threading.Lock()


class PatternRefused(Exception):
    """No text can be made of this pattern, or not this time."""


class PatternText:
    """A pattern that has been read."""

    def __init__(self, pattern: str) -> None:
        """Raises `PatternRefused`."""
        if len(pattern) > LONGEST_PATTERN:
            raise PatternRefused(f"the pattern has more than {LONGEST_PATTERN} characters.")
        try:
            with _parsing, warnings.catch_warnings():
                # What a later Python may read otherwise is said to whoever wrote the pattern by what comes out of it.
                warnings.simplefilter("ignore", FutureWarning)
                self._parsed: Any = sre_parse.parse(pattern)
            size = _size(self._parsed)
        except (sre_parse.error, RecursionError, OverflowError):
            raise PatternRefused(UNREADABLE) from None
        if size > LARGEST_PATTERN:
            raise PatternRefused(
                f"the pattern repeats more than {LARGEST_PATTERN} pieces; bound the text by maxLength instead."
            )

    def make(self, dice: Dice, shortest: int = 0) -> str:
        """A text; where the pattern leaves room it tends to have at least so many characters. Raises `PatternRefused`."""
        return _Walk(dice, max(REPEATS, min(shortest, MOST_STEPS))).text(self._parsed)


def _size(parsed: Any) -> int:
    """Pieces of a pattern, each as often as it is repeated at most, or at least where there is no bound."""
    total = 0
    for opcode, value in parsed:
        match opcode.name:
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                fewest, most, repeated = value
                total += _size(repeated) * (fewest + 1 if most == sre_parse.MAXREPEAT else max(most, 1))
            case "SUBPATTERN":
                total += _size(value[-1])
            case "BRANCH":
                total += sum(map(_size, value[1]))
            case _:
                total += 1
    return total


class _Walk(Rstr):
    """One walk through a pattern."""

    def __init__(self, dice: Dice, repeats: int) -> None:
        super().__init__(cast(Random, dice), nonword="".join(c for c in string.printable if not (c.isalnum() or c == "_")))
        self._dice = dice
        self._repeats = repeats
        self._steps = 0

    def text(self, parsed: Any) -> str:
        try:
            return self._build_string(parsed)
        except (KeyError, IndexError, ValueError, RecursionError):
            raise PatternRefused from None  # something of `re` that is not walked

    def _handle_state(self, state: Any) -> Any:
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise PatternRefused
        opcode, value = state
        if opcode.name == "RANGE":
            return [chr(code) for code in range(value[0], min(value[1], value[0] + LARGEST_CLASS) + 1)]
        return super()._handle_state(state)

    def _handle_in(self, value: Sequence[Any]) -> str:
        candidates = list(chain(*(self._handle_state(state) for state in value)))
        if candidates[0] is False:
            excluded = set(candidates[1:])
            candidates = [character for character in string.printable if character not in excluded]
        return self._dice.choice(cast(Sequence[str], candidates))

    def _handle_repeat(self, start_range: int, end_range: int, value: Any) -> str:
        times = self._dice.randint(start_range, min(end_range, start_range + self._repeats))
        return "".join(self._handle_state(state) for _ in range(times) for state in value)
