"""Statements that are given more or fewer values than they have places for.

cursor.execute("UPDATE orders SET owner = %s WHERE id = %s", (owner,))
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import Expression
from netra.guard.source.expressions import LONGEST_TEXT
from netra.guard.symbols import FunctionSymbol

# What a statement begins with.
STATEMENT: Final = re.compile(r"\s*(?:SELECT|INSERT|UPDATE|DELETE|WITH|REPLACE|MERGE|CALL|CREATE|ALTER|DROP)\s", re.IGNORECASE)

BY_PERCENT: Final = re.compile(r"(?<!%)%s")
BY_MARK: Final = re.compile(r"\?")
# Places that have a name or a number, and operators of PostgreSQL that look like one.
OTHERWISE: Final = re.compile(r"%\(\w+\)|%b|%t|\$\d|\?\d|(?<!:):[A-Za-z_]\w*|@\w+|\?[|&]|\?\?|\{\w*\}")

# Texts in quotes, comments.
QUOTED: Final = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", re.DOTALL)

# Stands for what is put together with the text; what is glued to it is a name or a value in quotes, and no place for one.
UNKNOWN: Final = "\0"
GLUED: Final = re.compile(r"(?<=[\w'\"`.])\0|\0(?=[\w'\"`.])")

# Drivers whose places are marks.
MARKING: Final = frozenset({"sqlite3", "aiosqlite", "duckdb", "pyodbc"})
# Drivers whose places are percent signs.
PERCENT: Final = frozenset("psycopg psycopg2 pymysql MySQLdb mysql aiomysql asyncmy aiopg pg8000 psycopg_pool".split())


class MiscountedValues(NamedTuple):
    """A call that gives a statement `given` values for `places`."""

    scope: FunctionSymbol
    line: int
    column: int
    end_line: int
    given: int
    places: int


def values_to_count(analysis: Analysis) -> Iterator[MiscountedValues]:
    """Every such call whose text and whose values stand there."""
    for scope, _, call in analysis.calls_of("execute"):
        if len(call.arguments) != 2 or call.keywords or call.callee[0] != "attribute":
            continue
        text, values = call.arguments
        number = _number(values, scope)
        if number is None or scope.module.in_tests:
            continue
        drivers = _drivers(scope)
        found = (
            None
            if not drivers
            else _places(_text(text, scope), marked=bool(drivers & MARKING), percent=bool(drivers & PERCENT))
        )
        if found is not None and found != number:
            yield MiscountedValues(scope, call.line, call.column, call.end_line, number, found)


def _drivers(scope: FunctionSymbol) -> frozenset[str]:
    """The drivers that the module imports."""
    imports = (each.module.partition(".")[0] for function in scope.module.file.functions for each in function.imports)
    return (MARKING | PERCENT) & frozenset(imports)


def _number(values: Expression, scope: FunctionSymbol) -> int | None:
    """How many values a tuple or list holds that stands there."""
    if values[0] == "name":
        given = scope.assigned.get(values[1], ())
        if len(given) != 1 or given[0].how != "=" or given[0].value[0] != "tuple":
            return None
        values = given[0].value
    if values[0] not in ("tuple", "list") or not values[1] or any(each[0] in ("star", "comprehension") for each in values[1]):
        return None
    return len(values[1])


def _text(text: Expression, scope: FunctionSymbol) -> str | None:
    """What is executed, with a sign in the place of each part that is not known; None where that is not seen."""
    match text:
        case ("string", str(known)):
            return None if _is_cut_off(known) else known
        case ("formatted", parts):
            if any(part[0] == "string" and _is_cut_off(part[1]) for part in parts):
                return None
            return "".join(part[1] if part[0] == "string" else UNKNOWN for part in parts)
        case ("name", str(name)) if name not in scope.parameters:
            given = scope.assigned.get(name, ())
            if len(given) == 1 and given[0].how in ("=", "annotated") and given[0].value[0] in ("string", "formatted"):
                return _text(given[0].value, scope)
    return None


def _is_cut_off(text: str) -> bool:
    """Of a long text only the beginning is kept."""
    return len(text) >= LONGEST_TEXT or " … " in text


def _places(text: str | None, *, marked: bool, percent: bool) -> int | None:
    """How many values a statement takes; None where its text is not known, or its places have names."""
    if text is None or not STATEMENT.match(text) or marked == percent:
        return None
    if text.count(UNKNOWN) != len(GLUED.findall(text)):
        return None
    bare = QUOTED.sub("''", text)
    if OTHERWISE.search(bare):
        return None
    if percent:
        # psycopg fills those in quotes as well.
        return None if BY_MARK.search(bare) else len(BY_PERCENT.findall(text))
    return None if BY_PERCENT.search(bare) else len(BY_MARK.findall(bare))
