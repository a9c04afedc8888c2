"""What is made anew on the very way that leads to where it is used, and goes with whoever has made it: `bot = make_bot(token)`.

It may come there as a part of an object that is made for it, too: `Setup(bot=bot)`, and then `setup.bot`.
"""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import NOTHING, Expression, last_name
from netra.guard.requests.passing import pairs
from netra.guard.requests.places_of_all import only_value
from netra.guard.requests.serving import Serving
from netra.guard.requests.singletons import is_cached_for_all
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Instance, Routine, TypeOf

# Calls and names that are looked through.
FURTHEST: Final = 6


def is_made_on_the_way(place: Expression, scope: FunctionSymbol, analysis: Analysis, depth: int = 0) -> bool:
    """Whoever gets here with it while somebody is served has made it for that."""
    if depth > FURTHEST:
        return False
    match place:
        case ("await", inner):
            return is_made_on_the_way(inner, scope, analysis, depth)
        case ("call", int(index)):
            return scope in analysis.once(Serving) and _makes(index, scope, analysis, depth)
        case ("name", str(name)) if name in scope.parameters:
            if scope.assigned.get(name):
                return False
            number = scope.parameters[name]
            passed = analysis.receivers.parameters.given(scope, scope.facts.parameters[number], number)
            return _all_made(passed, analysis, depth)
        case ("name", str(name)):
            made = only_value(name, scope) if name not in scope.facts.globals else None
            return made is not None and is_made_on_the_way(made, scope, analysis, depth + 1)
        case ("attribute", ("name", str(holder)), str(name)) if holder in scope.parameters:
            match analysis.receivers.value(("name", holder), scope):
                case Instance(kind=kind) if not kind.module.library:
                    return _all_made(_parts(kind, name, analysis), analysis, depth)
    return False


def _all_made(given: Iterator[tuple[FunctionSymbol, Expression | None]], analysis: Analysis, depth: int) -> bool:
    own = [(caller, value) for caller, value in given if not caller.module.in_tests]
    return bool(own) and all(
        value is not None and is_made_on_the_way(value, caller, analysis, depth + 1) for caller, value in own
    )


def _parts(kind: ClassSymbol, name: str, analysis: Analysis) -> Iterator[tuple[FunctionSymbol, Expression | None]]:
    """What whoever makes an object of a class gives it under a name, where the class keeps it under that name and no other."""
    if name in kind.set_on_self:
        kept = kind.set_on_self[name]
        if not all(method.name == "__init__" and each.value == ("name", name) for method, each in kept):
            return
    making = kind.methods.get("__init__")
    for caller, index in analysis.program.calls_named.get(kind.name, ()):
        call = caller.facts.calls[index]
        match analysis.receivers.value(call.callee, caller):
            case TypeOf(kind=found) if found is kind:
                given = dict(pairs(call, making[0], 1)) if making else dict(call.keywords)
                yield caller, given.get(name)


def _makes(index: int, scope: FunctionSymbol, analysis: Analysis, depth: int) -> bool:
    """A call makes something: of a class, or by a function that gives what it has made, and keeps no one of them."""
    callee = scope.facts.calls[index].callee
    match analysis.receivers.value(callee, scope):
        case TypeOf():
            return True
        case Routine(function=function) if not function.module.library and not is_cached_for_all(function):
            returned = [each.value for each in function.facts.returned if each.value != NOTHING]
            return bool(returned) and all(_is_made_within(each, function, analysis, depth + 1) for each in returned)
    if callee[0] == "name" and callee[1] in scope.parameters:
        default = scope.facts.parameters[scope.parameters[callee[1]]].default
        callee = default if default is not None else callee
    return callee[0] in ("name", "attribute") and (last_name(callee) or "").lstrip("_")[:1].isupper()


def _is_made_within(value: Expression, function: FunctionSymbol, analysis: Analysis, depth: int) -> bool:
    """What a function gives, it makes each time: by a call, also under a local name."""
    if depth > FURTHEST:
        return False
    match value:
        case ("await", inner):
            return _is_made_within(inner, function, analysis, depth)
        case ("call", int(index)):
            return _makes(index, function, analysis, depth)
        case ("name", str(name)) if name not in function.parameters and name not in function.facts.globals:
            made = only_value(name, function)
            return made is not None and _is_made_within(made, function, analysis, depth + 1)
    return False
