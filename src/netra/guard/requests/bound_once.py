"""What a `partial` binds when it is made, one for all calls of it, and what the function changes in it.

collect = partial(gather, found=[])  # at the top of a module

def gather(word, found):
    found.append(word)
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import BODY, TOP, CallSite, Expression, last_name
from netra.guard.requests.passing import pairs
from netra.guard.requests.sharing import MUTATING
from netra.guard.requests.slots import is_container
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine

PARTIAL: Final = "partial"


class BoundOnce(NamedTuple):
    """A `partial` at the top of a module binds a container to a parameter, and the function changes what it gets there."""

    made_in: FunctionSymbol
    making: CallSite
    function: FunctionSymbol
    name: str
    """The parameter."""
    line: int
    """Where the function changes it."""


def bound_once(analysis: Analysis) -> Iterator[BoundOnce]:
    """Every such `partial` that something calls by its name, without another value in the place of what is bound."""
    for scope, _, making in analysis.calls_of(PARTIAL):
        if scope.facts.sort not in (TOP, BODY) or scope.module.in_tests or not making.arguments:
            continue
        match analysis.receivers.value(making.arguments[0], scope):
            case Routine(function=function, bound=bound) if not function.module.library:
                shift = 1 if bound and function.owner is not None else 0
            case _:
                continue
        for name, given in pairs(replace(making, arguments=making.arguments[1:]), function, shift):
            if not is_container(given, scope) or function.assigned.get(name) or _is_brought(analysis, making, name):
                continue
            if line := _changed(name, function):
                yield BoundOnce(scope, making, function, name, line)


def _changed(name: str, function: FunctionSymbol) -> int:
    """The line on which a function changes in place what it is given; 0 if nowhere."""
    given = ("name", name)
    for call in function.facts.calls:
        if call.callee[0] == "attribute" and call.callee[1] == given and call.callee[2] in MUTATING:
            return call.line
    changed = [each.line for each in function.facts.assignments if each.target[0] == "subscript" and each.target[1] == given]
    return next(iter(changed), 0)


def _is_brought(analysis: Analysis, making: CallSite, name: str) -> bool:
    """All who call it by its name bring a value of their own, or nobody calls it so."""
    place: Expression | None = making.where[1] if making.where[0] == "assign" else None
    called = None if place is None else last_name(place)
    calls = [call for _, _, call in analysis.calls_of(called)] if called is not None else []
    return not calls or all(any(key in (name, "**") for key, _ in call.keywords) for call in calls)
