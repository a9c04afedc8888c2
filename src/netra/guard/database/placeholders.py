"""How many values a statement has places for, and how many it is given."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from netra.guard.database.statements import Piece
from netra.guard.facts import Expression
from netra.guard.symbols import FunctionSymbol

STATEMENT: Final = re.compile(r"\s*(select|insert|update|delete|with|replace|merge)\s", re.IGNORECASE)
QUOTED: Final = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", re.DOTALL)
# Of each way to write a place, one has a name or a number: what is given by a sequence is then counted otherwise.
NAMED: Final = re.compile(r"%\(|[$@]\w|(?<!:):\w|\?\d|\{\w*\}|%\d")
FORMATTED: Final = re.compile(r"%%|%[sdbtri]")
MARKED: Final = re.compile(r"\?")
# A driver for columns takes rows behind this word: `INSERT INTO events VALUES`.
OPEN_ENDED: Final = re.compile(r"values\s*$", re.IGNORECASE)
FILLED: Final = "\x00"


class Places(NamedTuple):
    """The places of a statement and the values that it is given."""

    places: int
    values: int


def counted(pieces: Sequence[Piece], given: Expression, scope: FunctionSymbol) -> Places | None:
    """Both, where both can be counted: the whole text is written down, but for parts of names and of quoted words."""
    values = _values(given, scope)
    text = "".join(each.text if each.value is None else FILLED for each in pieces)
    if values is None or not STATEMENT.match(text) or any(_joins(each) for each in {piece.scope for piece in pieces}):
        return None
    formatted = len([each for each in FORMATTED.findall(text) if each != "%%"])
    bare = QUOTED.sub("''", text)
    if any(not _is_in_a_word(bare, at.start()) for at in re.finditer(FILLED, bare)):
        return None
    if NAMED.search(bare.replace("::", "")) or OPEN_ENDED.search(bare):
        return None
    marked = len(MARKED.findall(bare))
    if formatted and marked:
        return None
    return Places(formatted or marked, values)


def _values(given: Expression, scope: FunctionSymbol) -> int | None:
    """How many values stand in a tuple or list, also under a name that is given nothing else."""
    if given[0] == "name":
        assigned = scope.assigned.get(given[1], [])
        if len(assigned) != 1 or assigned[0].how != "=" or _is_changed(given[1], scope):
            return None
        given = assigned[0].value
    if given[0] not in ("tuple", "list") or not given[1]:
        return None
    # Rows, and names by which they are given, are counted otherwise.
    return None if any(each[0] in ("star", "tuple", "list", "dict", "other") for each in given[1]) else len(given[1])


def _joins(scope: FunctionSymbol) -> bool:
    """It puts texts together, as many as there are: `", ".join("?" for name in names)`."""
    return any(call.callee[0] == "attribute" and call.callee[2] == "join" for call in scope.facts.calls)


def _is_changed(name: str, scope: FunctionSymbol) -> bool:
    return name in scope.parameters or any(call.callee[:2] == ("attribute", ("name", name)) for call in scope.facts.calls)


def _is_in_a_word(text: str, at: int) -> bool:
    """What is filled in there is part of a name, or stands in quotes of its own: `{schema}_graph`, `"{table}"`, `{schema}.rows`."""
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    return bool(re.match(r'[\w."`]', before) or re.match(r'[\w."`]', after))
