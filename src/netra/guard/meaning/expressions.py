"""Questions about expressions that many rules ask."""

from collections.abc import Iterator

from netra.guard.facts import Expression
from netra.guard.symbols import FunctionSymbol


def within(expression: Expression, scope: FunctionSymbol) -> Iterator[Expression]:
    """An expression and everything that it is made of, calls with what they are given; the bodies of lambdas left out."""
    yield expression
    match expression:
        case ("call", int(index)):
            call = scope.facts.calls[index]
            for part in (call.callee, *call.given):
                yield from within(part, scope)
        case ("attribute", inner, _) | ("await" | "star" | "not" | "yield", inner):
            yield from within(inner, scope)
        case ("subscript", one, other) | ("operator", _, one, other):
            yield from within(one, scope)
            yield from within(other, scope)
        case ("choice" | "list" | "tuple" | "set" | "formatted", parts) | ("compare", parts, _):
            for part in parts:
                yield from within(part, scope)
        case ("dict", pairs):
            for key, value in pairs:
                yield from within(key, scope)
                yield from within(value, scope)
        case ("comprehension", _, element):
            yield from within(element, scope)
