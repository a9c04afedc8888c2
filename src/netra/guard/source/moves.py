"""Whether two states of a file differ only in where their lines stand, as after an edit of comments or empty lines.

Rules compare lines, and go one up from the first line of a block to its head; they count no distances. So two files whose
facts agree, when each line is replaced by its rank among all lines that facts name and those just above them, give the same
findings in other places. Where an edit parts a block from its head, the ranks differ, and the file counts as changed.
"""

import marshal
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from netra.guard.facts import File, restored

Places: TypeAlias = tuple[int, ...]
"""Every line that the facts of a file name, with the one above it, in order."""

Renumber: TypeAlias = Callable[[int], int]

# Fields that hold a line. What is named neither here nor below counts as what it is: where it moved, the file has changed.
LINES: Final = frozenset({"line", "end_line", "lines", "bound"})

# Fields that hold tuples of their own, with lines in these places of each.
PLACED: Final[dict[str, tuple[int, ...]]] = {"awaits": (1, 3), "asserts": (1,), "jumps": (1,), "waived": (0,)}


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
    found: set[int] = set()

    def note(line: int) -> int:
        found.update((line - 1, line))
        return line

    _renumbered(file, note)
    # A comment that stands alone speaks of the line below it.
    found.update(each.line + 1 for each in file.ignores)
    return tuple(sorted(found))


def _ranked(file: File) -> tuple[Any, ...]:
    ranks = {line: rank for rank, line in enumerate(_places(file))}
    return _renumbered(file, ranks.__getitem__)


def _renumbered(fact: Any, number: Renumber) -> tuple[Any, ...]:
    """A fact, and all facts in it, with other lines."""
    return tuple([_field(name, getattr(fact, name), number) for name in fact._fields])


def _field(name: str, value: Any, number: Renumber) -> Any:
    if name in LINES and isinstance(value, int):
        return number(value)
    if name == "raises":
        return tuple(map(number, value))
    if name in PLACED:
        at = PLACED[name]
        return tuple([tuple([number(part) if place in at else part for place, part in enumerate(each)]) for each in value])
    if isinstance(value, tuple) and value and hasattr(value[0], "_fields"):
        return tuple([_renumbered(each, number) for each in value])
    return value
