"""Functions that are made anew for each task or request, and that a decorator of the program puts into a list of all:

async def run(user, steps):
    used = []

    @before_call  # `hooks.append(function)`
    def note(name):
        used.append(name)
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, PLAIN, CallSite, Decorator
from netra.guard.requests.serving import Serving
from netra.guard.requests.sharing import ADDING, Sharing, Write
from netra.guard.requests.slots import Slot
from netra.guard.requests.undoing import Undoing
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine

FUNCTIONS: Final = frozenset({PLAIN, ASYNC})


class Hooked(NamedTuple):
    """A function that is made within another, where it is decorated, and the list in which it stays."""

    scope: FunctionSymbol
    function: FunctionSymbol
    line: int
    register: FunctionSymbol
    """What adds it, and on which line."""
    added: int
    slot: Slot


def hooked(analysis: Analysis) -> Iterator[Hooked]:
    """Every such function, of which something is of the call that has made it."""
    serving = analysis.once(Serving)
    for function in analysis.scopes:
        scope = function.parent
        if not function.facts.decorators or scope is None or scope.facts.sort not in FUNCTIONS or function.module.in_tests:
            continue
        if not serving.surely(scope) or not _holds(function, scope):
            continue
        for decorator in function.facts.decorators:
            register = _register(analysis, decorator, scope)
            if register is not None and (found := _added(analysis, register)) is not None:
                call, slot = found
                yield Hooked(scope, function, decorator.line, register, call.line, slot)


def _holds(function: FunctionSymbol, scope: FunctionSymbol) -> bool:
    """It reads what the function around it has."""
    return any(name in scope.bound and name not in function.bound and name != "self" for name in function.facts.loads)


def _register(analysis: Analysis, decorator: Decorator, scope: FunctionSymbol) -> FunctionSymbol | None:
    """The function of the program that is given the one that is decorated: `@hook`, and what `@on("start")` gives."""
    match analysis.receivers.value(decorator.callee, scope):
        case Routine(function=function) if not function.module.library:
            if not decorator.called:
                return function
            given = [each.value for each in function.facts.returned]
            inner = [each for each in function.children if ("name", each.name) in given]
            return inner[0] if len(inner) == 1 else None
    return None


def _added(analysis: Analysis, register: FunctionSymbol) -> tuple[CallSite, Slot] | None:
    """The call by which what a function is given goes into a shared list, out of which nothing is ever taken."""
    sharing = analysis.once(Sharing)
    given = [("name", each.name) for each in register.facts.parameters]
    for call in register.facts.calls:
        if call.callee[0] != "attribute" or call.callee[2] not in ADDING or call.arguments[-1:] != tuple(given[-1:]):
            continue
        slot = sharing.slot(call.callee[1], register)
        if slot is None or not sharing.is_container(slot):
            continue
        write = Write(register, slot, call.callee[2], None, given[-1], call.line, call.column, call.end_line)
        if not analysis.once(Undoing).is_taken_from(write):
            return call, slot
    return None
