"""An answer that fits: less of its tables and charts where all of them would be more than can be delivered, and said so.

What an event holds is bounded, and a dataset may have names of hundreds of characters and charts of a thousand points. So the
largest table loses its later half, or the largest chart every second point, until the rest fits. Figures stay as they are, and
`notes` of the measurement that lost something say what.
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from netra.analytics.figures import ReportPart
from netra.events.codec import encode

Measured = TypeVar("Measured", bound=ReportPart)

NOTE: Final = 512
"""Bytes that one note may take."""


@dataclass(slots=True, eq=False)
class _Shrinkable:
    """A table or a chart within an answer."""

    name: str
    """The member that holds what it has many of: `entries` or `points`."""
    value: dict[str, Any]
    notes: list[str]
    """Of the measurement that it belongs to."""
    had: int
    every: int = 1

    @property
    def size(self) -> int:
        return len(encode(self.value[self.name]))

    def halve(self) -> None:
        """Keep the first half of a table, and of a chart every second point."""
        held = self.value[self.name]
        if self.name == "entries":
            self.value[self.name] = held[: len(held) // 2]
        else:
            self.value[self.name], self.every = held[::2], 2 * self.every

    @property
    def smallest(self) -> bool:
        """Whether nothing more can be taken: a chart has one point at least."""
        return len(self.value[self.name]) <= (0 if self.name == "entries" else 1)

    def words(self) -> str:
        left = len(self.value[self.name])
        if self.name == "entries":
            return f"{self.value['id']} shows {left} of the {self.had} groups that it had: the answer would not have fitted."
        return (
            f"{self.value['id']} shows {left} of its {self.had} points, one of {self.every}: the answer would not have fitted."
        )


def shrink(answer: Mapping[str, Any], most: int) -> dict[str, Any]:
    """An answer in plain JSON types with at most so many bytes as JSON, as far as tables and charts can be left out of it.

    Each stands within an object that has `notes`.
    """
    shrunk = deepcopy(dict(answer))
    parts = list(_parts(shrunk, None))
    touched: list[_Shrinkable] = []
    while len(encode(shrunk)) + NOTE * len(touched) > most:
        candidates = [part for part in parts if not part.smallest]
        if not candidates:
            break
        largest = max(candidates, key=lambda part: part.size)
        largest.halve()
        if largest not in touched:
            touched.append(largest)
    for part in touched:
        part.notes.append(part.words())
    return shrunk


def fitted(measured: Measured, most: int) -> Measured:
    """The same, with at most so many bytes as JSON; see `shrink`."""
    plain = measured.model_dump(mode="json")
    return measured if len(encode(plain)) <= most else type(measured).model_validate(shrink(plain, most))


def _parts(value: Any, notes: list[str] | None) -> Iterator[_Shrinkable]:
    """The tables and charts within a value, each with the notes nearest above it."""
    if isinstance(value, list):
        for each in value:
            yield from _parts(each, notes)
    elif isinstance(value, dict):
        if notes is not None and isinstance(value.get("title"), str):
            for name in ("entries", "points"):
                if isinstance(value.get(name), list):
                    yield _Shrinkable(name, value, notes, len(value[name]))
                    return
        own = value.get("notes")
        for each in value.values():
            yield from _parts(each, own if isinstance(own, list) else notes)
