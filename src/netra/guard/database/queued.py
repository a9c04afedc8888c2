"""What ends with the request, and is given to a worker that takes it out of a queue when it has time for it.

def submit(self, number, session):
    self.queue.put_nowait(Job(number, session))  # the route that calls it has its session from a dependency, which closes it
"""

from collections.abc import Iterator
from typing import NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.database.ending import end_of, holding
from netra.guard.facts import CallSite
from netra.guard.requests.passing import pairs
from netra.guard.requests.serving import Serving
from netra.guard.requests.sharing import Sharing
from netra.guard.requests.slots import Slot
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine, Step


class PutForLater(NamedTuple):
    """Something is put into a queue that all share, and ends before it may be taken out."""

    scope: FunctionSymbol
    call: CallSite
    slot: Slot
    name: str
    steps: tuple[Step, ...]


def put_for_later(analysis: Analysis) -> Iterator[PutForLater]:
    """Every such call while somebody is served."""
    serving, sharing = analysis.once(Serving), analysis.once(Sharing)
    for scope, _, call in analysis.calls_of("put", "put_nowait"):
        if scope not in serving or len(call.arguments) != 1 or call.callee[0] != "attribute":
            continue
        slot = sharing.slot(call.callee[1], scope)
        if slot is None:
            continue
        for name in holding(call.arguments[0], scope, analysis):
            if (steps := _ends(name, scope, call.line, analysis)) is not None:
                yield PutForLater(scope, call, slot, name, steps)
                break


def _ends(name: str, scope: FunctionSymbol, line: int, analysis: Analysis) -> tuple[Step, ...] | None:
    """What ends it: in the function itself, or in the one that calls it with it."""
    if (end := end_of(name, scope, line, analysis)) is not None:
        return (end,)
    if name not in scope.parameters or scope.assigned.get(name):
        return None
    for caller, index in analysis.program.calls_named.get(scope.name, ()):
        call = caller.facts.calls[index]
        match analysis.receivers.value(call.callee, caller) if caller in analysis.once(Serving) else None:
            case Routine(function=function, bound=bound) if function is scope:
                given = dict(pairs(call, scope, 1 if bound and scope.owner is not None else 0)).get(name)
                end = end_of(given[1], caller, call.line, analysis) if given is not None and given[0] == "name" else None
                if end is not None:
                    passed = Step(caller.module.path, call.line, f"and is passed to `{scope.facts.qualified}` as `{name}`")
                    return end, passed
    return None
