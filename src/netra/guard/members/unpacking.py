"""What a call passes with `**`, where that is a dictionary that stands in the function and that nothing fills."""

from dataclasses import replace
from typing import Final

from netra.guard.facts import CallSite, Expression
from netra.guard.symbols import FunctionSymbol

# Methods of Pydantic models that read what they are given as `update=…`.
COPYING: Final = frozenset({"model_copy", "copy"})


def unpacked(call: CallSite, scope: FunctionSymbol) -> CallSite:
    """The call with `limit=3` in the place of `**options`, for `options = {"limit": 3}`; as it is where not all is known."""
    if not call.keywords or "**" not in [name for name, _ in call.keywords]:
        return call
    found: list[tuple[str, Expression]] = []
    for name, value in call.keywords:
        given = pairs_of(value, scope) if name == "**" else ((name, value),)
        if given is None:
            return call
        found += given
    return replace(call, keywords=tuple(found))


def pairs_of(value: Expression, scope: FunctionSymbol) -> tuple[tuple[str, Expression], ...] | None:
    """The keys and values of a dictionary that stands in the function, and that nothing fills; None for any other."""
    match value:
        case ("dict", pairs) if all(key[0] == "string" for key, _ in pairs):
            return tuple((key[1], part) for key, part in pairs)
        case ("name", str(name)) if name not in scope.parameters and name in scope.assigned:
            given = scope.assigned[name]
            if not is_left_alone(name, scope):
                return None
            return pairs_of(given[0].value, scope) if given[0].value[0] in ("dict", "call") else None
        case ("call", int(index)) if scope.facts.calls[index].callee == ("name", "dict"):
            made = scope.facts.calls[index]
            return made.keywords if not made.arguments and all(name != "**" for name, _ in made.keywords) else None
    return None


def is_left_alone(name: str, scope: FunctionSymbol) -> bool:
    """A local name gets a value once, and nothing fills what it holds or takes something out of it."""
    given, value = scope.assigned.get(name, ()), ("name", name)
    loads = any(name in each.facts.loads for each in scope.children)
    stored = any(each.target[:2] == ("subscript", value) for each in scope.facts.assignments)
    if len(given) != 1 or given[0].how not in ("=", "annotated") or loads or stored or name in scope.facts.globals:
        return False
    return not any(_may_fill(each, value) for each in scope.facts.calls)


def _may_fill(call: CallSite, value: Expression) -> bool:
    """`options.update(…)`, or a function that is given the dictionary itself."""
    asked = (
        call.callee[0] == "attribute" and call.callee[1] == value and call.callee[2] not in ("get", "items", "keys", "values")
    )
    reading = ("**", "update") if call.callee[-1] in COPYING else ("**",)
    return asked or value in call.arguments or any(name not in reading and each == value for name, each in call.keywords)
