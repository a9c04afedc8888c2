"""Whether two states of a file differ only in where their code stands, as after an edit of comments, layout or numbers.

Rules compare lines; they count no distances. Of columns they ask only which of a line comes first. So two files whose facts
agree, when each line is replaced by its rank among all lines that facts name, and each column by its rank among those of its
line, give the same findings in other places.
"""

import marshal
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from netra.guard.facts import File, restored

Places: TypeAlias = tuple[tuple[int, tuple[int, ...]], ...]
"""Every line that the facts of a file name, in order; each with the columns that they name on it."""

Renumber: TypeAlias = Callable[[int], int]
RenumberColumn: TypeAlias = Callable[[int, int], int]
"""Another column for one of a line."""

# Fields that hold a line. What is named neither here nor below counts as what it is: where it moved, the file has changed.
LINES: Final = frozenset({"line", "end_line", "lines", "bound", "head"})

# Fields that hold a column, each with the field that holds its line.
COLUMNS: Final = {"column": "line", "end_column": "end_line"}

# Fields that hold tuples of their own, with lines in these places of each, and columns in these, of the line in that place.
PLACED: Final[dict[str, tuple[int, ...]]] = {
    "awaits": (1, 3),
    "asserts": (1,),
    "jumps": (1,),
    "unreached": (0, 1),
    "cases": (0, 4, 5),
    "joined": (0,),
    "waived": (0,),
}
PLACED_COLUMNS: Final[dict[str, dict[int, int]]] = {"awaits": {2: 1}, "joined": {1: 0}}


def places(facts: bytes) -> Places:
    """The places of a file whose stored facts these are."""
    return _places(_restored(facts))


def length(facts: bytes) -> int:
    """How many lines a file has whose stored facts these are."""
    return _restored(facts).lines


def only_moved(before: bytes, now: bytes) -> bool:
    """Whether the stored facts of a file say the same but for where it stands."""
    return _ranked(_restored(before)) == _ranked(_restored(now))


def _restored(facts: bytes) -> File:
    return restored(marshal.loads(facts))  # noqa: S302 - made by ourselves


def _places(file: File) -> Places:
    found: dict[int, set[int]] = {}

    def note(line: int) -> int:
        found.setdefault(line, set())
        return line

    def note_column(line: int, column: int) -> int:
        found.setdefault(line, set()).add(column)
        return column

    _renumbered(file, note, note_column)
    # A comment that stands alone speaks of the line below it.
    for each in file.ignores:
        found.setdefault(each.line + 1, set())
    return tuple([(line, tuple(sorted(found[line]))) for line in sorted(found)])


def _ranked(file: File) -> tuple[Any, ...]:
    found = _places(file)
    ranks = {line: rank for rank, (line, _) in enumerate(found)}
    columns = {line: {column: rank for rank, column in enumerate(of_line)} for line, of_line in found}
    return _renumbered(file, ranks.__getitem__, lambda line, column: columns[line][column])


def _renumbered(fact: Any, number: Renumber, column: RenumberColumn) -> tuple[Any, ...]:
    """A fact, and all facts in it, with other lines and columns."""
    return tuple([_field(fact, name, number, column) for name in fact.__match_args__])


def _field(fact: Any, name: str, number: Renumber, column: RenumberColumn) -> Any:
    value = getattr(fact, name)
    if name in LINES and isinstance(value, int):
        return number(value)
    if name in COLUMNS:
        return column(getattr(fact, COLUMNS[name]), value)
    if name == "raises":
        return tuple(map(number, value))
    if name in PLACED:
        lines, columns = PLACED[name], PLACED_COLUMNS.get(name, {})
        return tuple([_placed(each, lines, columns, number, column) for each in value])
    if isinstance(value, tuple) and value and hasattr(value[0], "__match_args__"):
        return tuple([_renumbered(each, number, column) for each in value])
    return value


def _placed(
    bare: tuple[Any, ...], lines: tuple[int, ...], columns: dict[int, int], number: Renumber, column: RenumberColumn
) -> tuple[Any, ...]:
    """A tuple that stands for a fact, with other lines and columns."""
    return tuple(
        [
            number(part) if place in lines else column(bare[columns[place]], part) if place in columns else part
            for place, part in enumerate(bare)
        ]
    )
