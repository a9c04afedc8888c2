"""Which databases a program speaks to, as far as the addresses in its texts tell."""

import re
from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import Expression, last_name
from netra.guard.settings import values_of
from netra.guard.symbols import FunctionSymbol

ADDRESS: Final = re.compile(r"(sqlite|postgres|postgresql|mysql|mariadb|oracle|mssql|cockroachdb)(?:\+\w+)?:/")

# Expressions in which a text may be written down. Of one that is put together, its beginning tells.
HOLDING_TEXT: Final = frozenset({"formatted", "choice", "list", "tuple", "set", "dict"})


def dialects(analysis: Analysis) -> frozenset[str]:
    """The dialects in the addresses that the program writes down outside its tests: `sqlite` of "sqlite+aiosqlite:///…"."""
    return frozenset(
        match[1]
        for scope in analysis.scopes
        if not scope.module.in_tests
        for text in _texts(scope)
        if (match := ADDRESS.match(text)) is not None
    )


def is_on_sqlite(line: int, scope: FunctionSymbol) -> bool:
    """The line stands in a branch for SQLite alone: `if engine.name == "sqlite":`, or the `else` of `!=`."""
    return any(
        block.line <= line <= block.end_line
        and any(_is_sqlite(test, scope) if block.what == "if" else _is_another(test) for test in block.expressions)
        for block in scope.facts.blocks
        if block.what in ("if", "else")
    )


def _is_sqlite(test: Expression, scope: FunctionSymbol) -> bool:
    match test:
        case ("compare", (_, ("string", str(text))), ("Eq",)) | ("compare", (("string", str(text)), _), ("Eq" | "In",)):
            return text.startswith("sqlite")
        case ("call", int(index)):
            call = scope.facts.calls[index]
            match call.arguments:
                case (("string", str(text)),):
                    return last_name(call.callee) == "startswith" and text.startswith("sqlite")
    return False


def _is_another(test: Expression) -> bool:
    match test:
        case ("compare", (_, ("string", str(text))), ("NotEq",)):
            return text.startswith("sqlite")
        case ("compare", (("string", str(text)), _), ("NotEq" | "NotIn",)):
            return text.startswith("sqlite")
    return False


def _texts(scope: FunctionSymbol) -> Iterator[str]:
    """The texts of a function that may be an address."""
    waiting = values_of(scope)
    waiting += [each.default for each in scope.facts.parameters if each.default is not None]
    for each in waiting:  # what is in one of them comes after it
        sort = each[0]
        if sort == "string":
            if isinstance(each[1], str) and ":/" in each[1]:
                yield each[1]
        elif sort in HOLDING_TEXT:
            waiting += [value for _, value in each[1]] if sort == "dict" else each[1][: 1 if sort == "formatted" else None]
