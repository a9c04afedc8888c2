"""Parameters that nobody gives: what stands in for them is what the function always works with."""

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, PLAIN
from netra.guard.requests.passing import pairs
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Foreign, Routine, TypeOf


def is_always_left_out(analysis: Analysis, scope: FunctionSymbol) -> bool:
    """Some part of the program calls the function, all whose parameters may be left out, and each call leaves out all of them.

    Tests may give one. What cannot be told of a call that goes by the same name, is taken for a call that gives one.
    """
    shift = 1 if scope.owner is not None and "staticmethod" not in scope.decorator_names else 0
    own = scope.facts.parameters[shift:]
    if scope.facts.sort not in (PLAIN, ASYNC) or not own or any(each.default is None for each in own):
        return False
    made = scope.owner if scope.name == "__init__" else None
    called = False
    for caller, _, call in analysis.calls_of(scope.name if made is None else made.name):
        if caller.module.in_tests:
            continue
        match analysis.receivers.value(call.callee, caller):
            case Routine(function=function) if function is not scope:
                continue
            case TypeOf(kind=ClassSymbol() as kind) if kind is not made:
                continue
            case Foreign():
                continue
            case Routine() | TypeOf():
                called = True
                if [*pairs(call, scope, shift)] or call.given:
                    return False
            case _ if call.given:
                return False
    return called
