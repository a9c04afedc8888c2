"""How many values a statement has places for, and how many it is given."""

import re
from typing import Final, NamedTuple

from netra.guard.facts import Expression
from netra.guard.source.expressions import LONGEST_TEXT
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
DEEPEST: Final = 3


class CountedPlaces(NamedTuple):
    """The places of a statement and the values that it is given."""

    places: int
    values: int


def counted(statement: Expression, given: Expression, scope: FunctionSymbol) -> CountedPlaces | None:
    """Both, where both can be counted: the whole text is written down, but for parts of names and of quoted words."""
    values = _values(given, scope)
    text = _text(statement, scope, DEEPEST)
    if values is None or text is None or not STATEMENT.match(text):
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
    return CountedPlaces(formatted or marked, values)


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


def _text(statement: Expression, scope: FunctionSymbol, depth: int) -> str | None:
    """A text that is written down in one place; None where some of it is not known, or was left out as too long."""
    match statement:
        case ("string", str(text)):
            return None if len(text) >= LONGEST_TEXT else text
        case ("formatted", parts):
            pieces = [_piece(each, scope, depth) for each in parts]
            return None if None in pieces else "".join(each or "" for each in pieces)
        case ("operator", "+", left, right):
            before, after = _text(left, scope, depth), _text(right, scope, depth)
            return None if before is None or after is None else before + after
        case ("name", str(name)) if depth:
            given = scope.assigned.get(name, [])
            if len(given) == 1 and given[0].how == "=" and name not in scope.parameters:
                return _text(given[0].value, scope, depth - 1)
        case ("call", int(index)) if depth and scope.facts.calls[index].callee in (("name", "text"), ("name", "dedent")):
            arguments = scope.facts.calls[index].arguments
            return _text(arguments[0], scope, depth - 1) if arguments else None
    return None


def _piece(part: Expression, scope: FunctionSymbol, depth: int) -> str | None:
    return _text(part, scope, depth) if part[0] in ("string", "formatted") else FILLED


def _is_changed(name: str, scope: FunctionSymbol) -> bool:
    return name in scope.parameters or any(call.callee[:2] == ("attribute", ("name", name)) for call in scope.facts.calls)


def _is_in_a_word(text: str, at: int) -> bool:
    """What is filled in there is part of a name, or stands in quotes of its own: `{schema}_graph`, `"{table}"`."""
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    return bool(re.match(r'[\w."`]', before) or re.match(r'[\w."`]', after))
