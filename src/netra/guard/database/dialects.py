"""Which databases a program speaks to, as far as the addresses in its texts tell."""

import re
from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import Expression, last_name
from netra.guard.program import FunctionSymbol
from netra.guard.settings import values_of

ADDRESS: Final = re.compile(r"(sqlite|postgres|postgresql|mysql|mariadb|oracle|mssql|cockroachdb)(?:\+\w+)?:/")

# Expressions in which a text is written down.
HOLDING_TEXT: Final = frozenset({"string", "formatted", "choice", "list", "tuple", "set", "dict"})


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
        case ("compare", (_, ("string", str(text))), ("NotEq",)) | ("compare", (("string", str(text)), _), ("NotEq" | "NotIn",)):
            return text.startswith("sqlite")
    return False


def _texts(scope: FunctionSymbol) -> Iterator[str]:
    for value in values_of(scope):
        if value[0] in HOLDING_TEXT:
            yield from _beginnings(value)
    for parameter in scope.facts.parameters:
        if parameter.default is not None:
            yield from _beginnings(parameter.default)


def _beginnings(expression: Expression) -> Iterator[str]:
    match expression:
        case ("string", str(text)) | ("formatted", (("string", str(text)), *_)):
            yield text
        case ("choice" | "list" | "tuple" | "set", parts):
            for part in parts:
                yield from _beginnings(part)
        case ("dict", pairs):
            for _, value in pairs:
                yield from _beginnings(value)
