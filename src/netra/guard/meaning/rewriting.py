"""Classes whose methods the program replaces while it starts: their `def` does not say what a call of them gives.

A library that serves synchronous callers too hands its classes to a function that walks over their names and puts a wrapper in
the place of each coroutine function.
"""

from netra.guard.facts import CallSite
from netra.guard.program import Program
from netra.guard.symbols import ClassSymbol, FunctionSymbol

# Calls between the one that gets a class and the `setattr`.
FURTHEST = 2


def rewritten(program: Program) -> frozenset[ClassSymbol]:
    """Classes that are given to a function which sets attributes under computed names on what it is given."""
    setting: dict[FunctionSymbol, set[int]] = {}
    for scope, _, call in program.calls_of(("setattr",)):
        match call.arguments:
            case (("name", str(name)), (kind, *_), _) if kind != "string" and name in scope.parameters:
                setting.setdefault(scope, set()).add(scope.parameters[name])
    found: set[ClassSymbol] = set()
    for _ in range(FURTHEST):
        above: dict[FunctionSymbol, set[int]] = {}
        for function, positions in setting.items():
            for caller, _, call in program.calls_of((function.name,)):
                if program.evaluate(call.callee, caller) is function:
                    found |= _classes(program, caller, call, positions)
                    given = {caller.parameters[each] for each in _names(call, positions) if each in caller.parameters}
                    if given:
                        above.setdefault(caller, set()).update(given)
        setting = above
    return frozenset(found)


def _classes(program: Program, scope: FunctionSymbol, call: CallSite, positions: set[int]) -> set[ClassSymbol]:
    given = (program.evaluate(each, scope) for place, each in enumerate(call.arguments) if place in positions)
    return {each for each in given if isinstance(each, ClassSymbol)}


def _names(call: CallSite, positions: set[int]) -> list[str]:
    return [each[1] for place, each in enumerate(call.arguments) if place in positions and each[0] == "name"]
