"""Which databases a program speaks to, as far as the addresses in its texts tell."""

import re
from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import Expression
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
