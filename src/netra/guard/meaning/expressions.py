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


def written(expression: Expression, scope: FunctionSymbol) -> str:
    """An expression much as it stands in the source, shortened where it is long."""
    match expression:
        case ("name", str(name)):
            return name
        case ("attribute", inner, str(name)):
            return f"{written(inner, scope)}.{name}"
        case ("call", int(index)):
            return f"{written(scope.facts.calls[index].callee, scope)}(…)"
        case ("await", inner):
            return f"(await {written(inner, scope)})"
        case ("subscript", inner, _):
            return f"{written(inner, scope)}[…]"
        case ("string", str(text)):
            return repr(text)
    return "…"


def comparisons(expression: Expression) -> Iterator[tuple[tuple[Expression, ...], tuple[str, ...]]]:
    """Every comparison in a test: its parts and its operators."""
    match expression:
        case ("compare", parts, operators):
            yield parts, operators
        case ("choice", parts):
            for part in parts:
                yield from comparisons(part)
        case ("not", inner):
            yield from comparisons(inner)
