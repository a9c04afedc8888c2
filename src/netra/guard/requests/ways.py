"""By which calls somebody who is served gets to a function, also by way of a `with` that enters an object of the program."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step, TypeOf

ENTERING: Final = frozenset({"__enter__", "__exit__", "__aenter__", "__aexit__"})
WITH: Final = frozenset({"with", "with async"})

# Functions looked at on the way up.
MOST_CALLERS: Final = 30


def way_to(analysis: Analysis, function: FunctionSymbol) -> tuple[Step, ...]:
    """The calls that lead from an entry point down to a function; nothing where none does."""
    if way := analysis.reach.path_to(function):
        return way
    waiting = [function]
    below: dict[FunctionSymbol, tuple[Step, ...]] = {function: ()}
    while waiting and len(below) < MOST_CALLERS:
        at = waiting.pop(0)
        for scope, line in _entering(analysis, at) if at.name in ENTERING else ():
            if way := analysis.reach.path_to(scope):
                return (*way, Step(scope.module.path, line, f"which leads to `{at.facts.qualified}`"), *below[at])
        for caller, line in analysis.reach.callers(at):
            if caller not in below:
                step = Step(caller.module.path, line, f"which leads to `{at.facts.qualified}`")
                below[caller] = (step, *below[at])
                waiting.append(caller)
    return ()


def _entering(analysis: Analysis, method: FunctionSymbol) -> Iterator[tuple[FunctionSymbol, int]]:
    """Who enters an object of the class of a method, or of one below it: `with Zone("here"):`."""
    if method.owner is None:
        return
    kinds = {method.owner, *analysis.program.subclasses.get(method.owner, ())}
    for scope, index, call in analysis.calls_of(*(each.name for each in kinds)):
        made = ("call", index)
        names = [made, *(each.target for each in scope.facts.assignments if each.value == made)]
        if any(each.what in WITH and any(one in names for one in each.expressions) for each in scope.facts.blocks):
            match analysis.receivers.value(call.callee, scope):
                case TypeOf(kind=kind) if kind in kinds:
                    yield scope, call.line
