"""Every place at which a scope reads an attribute, whether it calls it or not."""

from collections.abc import Iterator

from netra.guard.facts import Expression
from netra.guard.program import FunctionSymbol


def attributes(scope: FunctionSymbol) -> Iterator[tuple[Expression, int, int]]:
    """Each ("attribute", object, name) with its line and column: of `a.b.c()` both `a.b.c` and `a.b`."""
    for read in scope.facts.reads:
        yield from _parts(read.expression, read.line, read.column)
    for call in scope.facts.calls:
        yield from _parts(call.callee, call.line, call.column)


def _parts(expression: Expression, line: int, column: int) -> Iterator[tuple[Expression, int, int]]:
    while expression[0] == "attribute":
        yield expression, line, column
        expression = expression[1]
