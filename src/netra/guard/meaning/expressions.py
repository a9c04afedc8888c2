"""Questions about expressions that many rules ask."""

from collections.abc import Iterator
from typing import Final

from netra.guard.facts import Expression
from netra.guard.symbols import FunctionSymbol

SIMPLE: Final = frozenset({"name", "string", "constant", "none", "other", "lambda"})
HOLDING_ONE: Final = frozenset({"attribute", "await", "star", "not", "yield"})
HOLDING_TWO: Final = frozenset({"subscript", "operator"})
HOLDING_SEVERAL: Final = frozenset({"choice", "list", "tuple", "set", "formatted", "compare"})


def within(expression: Expression, scope: FunctionSymbol) -> Iterator[Expression]:
    """An expression and everything that it is made of, calls with what they are given; the bodies of lambdas left out."""
    # In the order of the source: what comes next is the last that waits. Asked for hundreds of thousands of parts, of which
    # most are names: with `match`, and a generator for each level, it takes three times as long.
    waiting = [expression]
    while waiting:
        part = waiting.pop()
        yield part
        sort = part[0] if part else ""
        if sort in SIMPLE:
            continue
        if sort in HOLDING_ONE:
            waiting.append(part[1])
        elif sort == "call":
            call = scope.facts.calls[part[1]]
            waiting += reversed(call.given)
            waiting.append(call.callee)
        elif sort in HOLDING_SEVERAL:
            waiting += reversed(part[1])
        elif sort in HOLDING_TWO:
            waiting += (part[-1], part[-2])
        elif sort == "dict":
            for key, value in reversed(part[1]):
                waiting += (value, key)
        elif sort == "comprehension":
            waiting.append(part[2])


def written(expression: Expression, scope: FunctionSymbol) -> str:
    """An expression much as it stands in the source, shortened where it is long."""
    match expression:
        case ("name", str(name)):
            return scope.module.top.unsaid.get(name, name)
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
