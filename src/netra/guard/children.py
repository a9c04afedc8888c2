"""Child processes that a program gives an environment of their own, made of the few variables that they need.

A module that does so for one child knows what the whole environment is worth to another.
"""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.environment import Touch, accesses
from netra.guard.facts import OTHER, TOP, CallSite, Expression
from netra.guard.ownership import OF_DJANGO, asks_django
from netra.guard.requests.passing import pairs
from netra.guard.symbols import FunctionSymbol, ModuleSymbol, VariableSymbol
from netra.guard.values import Instance, Routine

# Servers of tools that a model uses, which are other people's programs.
OF_TOOLS: Final = frozenset("MCPServerStdio StdioServerParameters StdioTransport StdioServerParams StdioMcpServer".split())

STARTING: Final = (
    *"run Popen check_output check_call call create_subprocess_exec create_subprocess_shell spawn execve".split(),
    *OF_TOOLS,
)

# Names and functions between `env=` and where the variables are written down.
FURTHEST: Final = 3


def takers(analysis: Analysis) -> dict[FunctionSymbol, str]:
    """The functions of the program that start a child with an environment that they are given, and which parameter has it."""
    found: dict[FunctionSymbol, str] = {}
    for scope, _, call in analysis.calls_of(*STARTING):
        given = None if scope.module.in_tests else _environment(call)
        name = None if given is None else _parameter(given, scope)
        if name is not None:
            found.setdefault(scope, name)
    return found


def handed_over(analysis: Analysis) -> list[tuple[FunctionSymbol, FunctionSymbol, CallSite, Expression]]:
    """Each call of such a function: the function, the scope, the call, and what it gives as the environment."""
    known = analysis.once(takers)
    found: list[tuple[FunctionSymbol, FunctionSymbol, CallSite, Expression]] = []
    for scope, _, call in analysis.calls_of(*{each.name for each in known}) if known else ():
        match None if scope.module.in_tests else analysis.receivers.value(call.callee, scope):
            case Routine(function=function, bound=bound) if function in known:
                shift = 1 if bound and function.owner is not None else 0
                given = dict(pairs(call, function, shift)).get(known[function])
                if given is not None:
                    found.append((function, scope, call, given))
    return found


def _parameter(given: Expression, scope: FunctionSymbol) -> str | None:
    """The parameter that is handed on as it is, or as a copy: `env=variables`, `env=dict(variables)`."""
    match given:
        case ("name", str(name)) if name in scope.parameters and name not in scope.assigned:
            return name
        case ("call", int(index)):
            call = scope.facts.calls[index]
            if call.callee == ("name", "dict") and len(call.arguments) == 1:
                return _parameter(call.arguments[0], scope)
            if call.callee[0] == "attribute" and call.callee[2] == "copy" and not call.arguments:
                return _parameter(call.callee[1], scope)
    return None


def sparing(analysis: Analysis) -> frozenset[ModuleSymbol]:
    """The modules that give a child variables which are chosen for it: by a dictionary at the call, or what makes one."""
    found: set[ModuleSymbol] = set()
    for scope, _, call in analysis.calls_of(*STARTING):
        given = None if scope.module.in_tests else _environment(call)
        if given is not None and (_is_written_down(given) or _is_chosen(analysis, given, scope, FURTHEST)):
            found.add(scope.module)
    return frozenset(found)


def spared_takers(analysis: Analysis) -> frozenset[FunctionSymbol]:
    """The functions that start a child with what they are given, and which somebody gives variables that are chosen."""
    return frozenset(
        taker
        for taker, scope, _, given in analysis.once(handed_over)
        if _is_written_down(given) or _is_chosen(analysis, given, scope, FURTHEST)
    )


def spares_another(analysis: Analysis, module: ModuleSymbol) -> bool:
    """The module itself gives another child an environment of its own."""
    return module in analysis.once(sparing)


def _environment(call: CallSite) -> Expression | None:
    return next((value for name, value in call.keywords if name == "env"), None)


def _is_chosen(analysis: Analysis, given: Expression, scope: FunctionSymbol, depth: int) -> bool:
    """A dictionary that a module keeps for it, or what a function of the program makes that looks variables up one by one."""
    match given:
        case ("name" | "attribute", *_) if depth:
            match analysis.program.evaluate(given, scope):
                case VariableSymbol(scope=where, name=name) if name not in where.parameters:
                    held = where.assigned.get(name, ())
                    only = held[0].value if len(held) == 1 and held[0].how in ("=", "annotated") else OTHER
                    if only[0] == "dict" and where.facts.sort == TOP:
                        return _is_written_down(only)
                    return only[0] in ("call", "operator") and _is_chosen(analysis, only, where, depth - 1)
            if given[0] == "attribute":
                kept = _of_field(analysis, given, scope)
                return any(_is_written_down(each) or _is_chosen(analysis, each, where, depth - 1) for each, where in kept)
        case ("operator", "|", left, right):
            return all(_is_written_down(each) or _is_chosen(analysis, each, scope, depth) for each in (left, right))
        case ("dict", pairs) if any(key[0] != "string" for key, _ in pairs):
            spread = (each for key, each in pairs if key[0] != "string")
            return all(_is_chosen(analysis, each, scope, depth) for each in spread)
        case ("call", int(index)):
            match analysis.receivers.value(scope.facts.calls[index].callee, scope):
                case Routine(function=function) if not function.module.library:
                    touches = {each.touch for each in analysis.once(accesses) if _is_within(each.scope, function)}
                    if touches:
                        return touches == {Touch.READ}
                    return any(
                        _is_written_down(each.value) or (depth > 0 and _is_chosen(analysis, each.value, function, depth - 1))
                        for each in function.facts.returned
                    )
    return False


def _of_field(analysis: Analysis, given: Expression, scope: FunctionSymbol) -> Iterator[tuple[Expression, FunctionSymbol]]:
    """What a field or property of an object may have, and a name of the settings that Django hands out."""
    kind = scope.owner if given[1] == ("name", "self") else None
    match analysis.receivers.value(given[1], scope) if kind is None else None:
        case Instance(kind=made):
            kind = made
    for each in analysis.program.order(kind)[0] if kind is not None else ():
        yield from ((one.value, method) for method, one in each.set_on_self.get(given[2], ()))
        for method in each.methods.get(given[2], ()):
            yield from ((one.value, method) for one in method.facts.returned)
    if given[1] == ("name", "settings") and asks_django(scope.module):
        for module in analysis.modules:
            if not OF_DJANGO.isdisjoint(module.top.assigned) and given[2] in module.top.assigned:
                yield from ((one.value, module.top) for one in module.top.assigned[given[2]])


def _is_written_down(value: Expression) -> bool:
    return value[0] == "dict" and bool(value[1]) and all(key[0] == "string" for key, _ in value[1])


def _is_within(scope: FunctionSymbol, function: FunctionSymbol) -> bool:
    at: FunctionSymbol | None = scope
    while at is not None and at is not function:
        at = at.parent
    return at is function
