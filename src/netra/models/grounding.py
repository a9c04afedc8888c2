"""Whether every number of a text is in what was measured. No I/O.

A language model writes plausible numbers as easily as true ones. So a text may state a number only if some result of the run
holds it: as it is, or rounded as the text rounds it, by one in twenty at most. A sum, a difference or a ratio that nobody
computed is not there, however right it may be, and so is refused.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from netra.models.numerals import MONEY, OTHER_MONEY, RATIO, SECONDS, SHARE, TIMES, Numeral, numerals

IDENTIFIERS: Final = frozenset({"id", "sha256", "dataset_id", "run_id", "thread_id", "version"})
"""Keys whose texts name something: they may be repeated, and hold no numbers to speak of."""

EXACT: Final = 1e-9
"""Relative error of a number that went through JSON and binary floating point."""

PERCENTILE: Final = re.compile(r"(?<![a-z])p(\d{1,2}(?:\.\d+)?)(?![\d.])")

SLUG: Final = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+")
"""An id that says what it is: `input_p95`, `cost_top_10_percent`."""

TIME: Final = "time"
"""The unit of what was measured in any unit of time, in seconds."""

MENTIONED: Final = "mentioned"
"""The unit of numbers that stand in a text or count a list: they may be said again, but are no share and no money."""

_SENTENCE_END: Final = re.compile(r"""[.!?…]["'”’)\]*_]*(?=\s)|\n+""")

_ABBREVIATED: Final = re.compile(r"\b(?:e\.g|i\.e|approx|ca|vs|no|cf|etc|incl|resp)\.$", re.IGNORECASE)


@dataclass(slots=True)
class _Values:
    """Numbers of one unit, sorted when they are first asked for."""

    numbers: list[float] = field(default_factory=list)
    is_sorted: bool = False

    def near(self, value: float, tolerance: float) -> bool:
        if not self.is_sorted:
            self.numbers.sort()
            self.is_sorted = True
        reach = tolerance + EXACT * max(abs(value), 1e-6)
        at = bisect_left(self.numbers, value - reach)
        return at < len(self.numbers) and self.numbers[at] <= value + reach


class Known:
    """What the results of a run hold: numbers by unit, moments, and names with digits in them."""

    def __init__(self, *results: Any) -> None:
        """`results` are JSON: figures with a `value` and a `unit`, and whatever else stands around them."""
        self._by_unit: dict[str | None, _Values] = {}
        self._moments: set[tuple[int, int, int, int, int]] = set()
        self._names: set[str] = set()
        for result in results:
            self.add(result)

    def add(self, result: Any) -> None:
        """Know one more result."""
        self._take(result, None, None)

    @property
    def units(self) -> frozenset[str]:
        """What the measured numbers count."""
        return frozenset(unit for unit in self._by_unit if unit not in (None, MENTIONED))

    def holds(self, numeral: Numeral, following: str = "") -> bool:
        """Whether some result holds what the text states; `following` is what the text says after it, a unit perhaps."""
        match numeral.kind:
            case "name":
                return numeral.text.casefold() in self._names
            case "date" | "clock":
                return any(_agrees(numeral.moment, moment) for moment in self._moments)
            case "part":
                assert numeral.whole is not None
                return all(self._near(number, 0.0, None) for number in numeral.whole) or self._near(
                    numeral.value, numeral.tolerance, SHARE
                )
        return self._near(numeral.value, numeral.tolerance, numeral.unit or self._unit_in(following)) or (
            # A year stands alone as often as in a date.
            numeral.unit is None and numeral.text.isdigit() and any(moment[0] == numeral.value for moment in self._moments)
        )

    def _near(self, value: float, tolerance: float, unit: str | None) -> bool:
        if unit in SECONDS:
            # Measured in whatever unit of time, or by somebody who names none.
            known, length = self._by_unit.get(TIME), SECONDS[unit]
            return (known is not None and known.near(value * length, tolerance * length)) or self._near_alone(value, tolerance)
        declared = unit in (SHARE, MONEY, *OTHER_MONEY, RATIO)
        units = self._by_unit if unit is None else (unit, None) if declared else (unit, None, MENTIONED)
        if any(self._by_unit[each].near(value, tolerance) for each in units if each in self._by_unit):
            return True
        # A percentage may have been measured as a number of percent, by somebody who names no unit.
        return unit == SHARE and self._near_alone(value * 100, tolerance * 100)

    def _near_alone(self, value: float, tolerance: float) -> bool:
        """Whether there is such a number of which nobody says what it counts."""
        return None in self._by_unit and self._by_unit[None].near(value, tolerance)

    def _unit_in(self, following: str) -> str | None:
        """The measured unit that the next words name; None where they name none."""
        for word in re.findall(r"[a-z]+", following.casefold())[:2]:
            for unit in self.units:
                if word in (unit.casefold(), unit.casefold().removesuffix("s"), unit.casefold() + "s"):
                    return unit
        return None

    def _take(self, value: Any, key: str | None, unit: str | None) -> None:
        match value:
            case bool() | None:
                return
            case int() | float():
                self._add(float(value), unit or _unit_of(key))
            case str():
                self._read(value, key)
            case datetime():
                self._moments.add((value.year, value.month, value.day, value.hour, value.minute))
            case Mapping():
                own = value.get("unit") if isinstance(value.get("unit"), str) else None
                for name, member in value.items():
                    self._read(str(name), None)
                    self._take(member, str(name), own if name == "value" else None)
            case Iterable():
                members = list(value)
                if len(members) > 1:
                    self._add(float(len(members)), MENTIONED)  # how many there are is in the result, too
                for member in members:
                    self._take(member, key, unit)

    def _add(self, number: float, unit: str | None) -> None:
        if (time := TIMES.get(unit or "")) is not None:
            number, unit = number * SECONDS[time], TIME
        values = self._by_unit.setdefault(unit, _Values())
        values.numbers.append(abs(number))
        values.is_sorted = False

    def _read(self, text: str, key: str | None) -> None:
        """The numbers and names of a text that a result holds."""
        self._names.add(text.casefold())
        if SLUG.fullmatch(text):
            key, text = None, text.replace("_", " ")
        for percentile in PERCENTILE.findall(text.casefold()):
            self._add(float(percentile), MENTIONED)
        for numeral in numerals(text):
            if numeral.kind == "name":
                self._names.add(numeral.text.casefold())
            elif key in IDENTIFIERS or numeral.kind == "magnitude":
                continue
            elif numeral.kind in ("date", "clock"):
                self._note_moment(numeral)
            else:
                for number in numeral.whole or (numeral.value,):
                    self._add(number, MENTIONED if numeral.whole else numeral.unit or MENTIONED)

    def _note_moment(self, numeral: Numeral) -> None:
        year, month, day, hour, minute = (-1 if part is None else part for part in numeral.moment)
        self._moments.add((year, month, day, hour, minute))


def _unit_of(key: str | None) -> str | None:
    """The unit that a key says by its name."""
    if key is None:
        return None
    if key.endswith("_usd"):
        return MONEY
    if (unit := key.rpartition("_")[2]) in ("ms", "seconds", "minutes", "hours", "days"):
        return unit
    return SHARE if key == SHARE or key.endswith("_share") else None


def _agrees(said: tuple[int | None, ...], known: tuple[int, ...]) -> bool:
    """Whether a moment is known as precisely as it is said."""
    return all(part is None or part == there for part, there in zip(said, known, strict=True))


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, with the space behind it, and the numbers in it that no result holds."""

    text: str
    unfounded: tuple[str, ...]


def sentences(text: str) -> Iterator[str]:
    """Cut `text` after each sentence and line; put together, the pieces are `text`."""
    start = 0
    for match in _SENTENCE_END.finditer(text):
        if _ABBREVIATED.search(text, start, match.end()) or _is_list_mark(text[start : match.end()]):
            continue
        end = match.end()
        while end < len(text) and text[end].isspace():
            end += 1
        if end > start:
            yield text[start:end]
            start = end
    if start < len(text):
        yield text[start:]


def check(text: str, known: Known) -> tuple[Sentence, ...]:
    """Each sentence of `text`, with what it states and no result holds."""
    return tuple(Sentence(sentence, unfounded(sentence, known)) for sentence in sentences(text))


def unfounded(text: str, known: Known) -> tuple[str, ...]:
    """The numbers that `text` states and no result holds, as it writes them."""
    return tuple(numeral.text for numeral in numerals(text) if not known.holds(numeral, text[numeral.end : numeral.end + 40]))


def _is_list_mark(text: str) -> bool:
    """Whether this is `1.` at the beginning of a line, and so no sentence."""
    return re.fullmatch(r"\s*\d+[.)]", text) is not None
