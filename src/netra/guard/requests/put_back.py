"""What a function sets on something shared for as long as it works, to put back afterwards what was there.

An error in between leaves it as it is, for everybody, where nothing puts it back in a `finally`; and where the function waits in
between, others meet it even so.
"""

from collections.abc import Iterator
from typing import NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, Assignment, CallSite
from netra.guard.requests.interleaving import Interleaving
from netra.guard.requests.sharing import Sharing, Write
from netra.guard.symbols import FunctionSymbol


class PutBack(NamedTuple):
    """A shared place gets another value, and what was there comes back later."""

    write: Write
    back: Assignment
    failing: CallSite | None
    """The first call in between after whose error nothing puts it back."""
    waiting: int | None
    """The line on which the function waits in between, and others run."""


def put_back(analysis: Analysis) -> Iterator[PutBack]:
    """Every such place, while somebody is served."""
    for write in analysis.once(Sharing).writes:
        if write.how != "slot" or write.slot.of_library:
            continue
        scope = write.scope
        for back in scope.facts.assignments:
            if back.line <= write.line or back.how != "=" or back.target[-1] != write.slot.name:
                continue
            if back.value[0] != "name" or not _is_kept(back, write, scope):
                continue
            waiting = analysis.once(Interleaving).between(scope, write.line, back.line) if scope.facts.sort == ASYNC else None
            failing = _failing(write, back, scope)
            if failing is not None or waiting is not None:
                yield PutBack(write, back, failing, None if waiting is None else waiting.line)
            break


def _is_kept(back: Assignment, write: Write, scope: FunctionSymbol) -> bool:
    """What is put back is what was there above: `before = desk.user`, and nothing else."""
    given = scope.assigned.get(back.value[1], ())
    return (
        len(given) == 1 and given[0].value == back.target and given[0].line < write.line and given[0].how in ("=", "annotated")
    )


def _failing(write: Write, back: Assignment, scope: FunctionSymbol) -> CallSite | None:
    """The first call in between, where no `finally` and no handler puts back what was there."""
    for block in scope.facts.blocks:
        again = any(
            block.line <= each.line <= block.end_line and each.target == back.target and each.value == back.value
            for each in scope.facts.assignments
        )
        if block.what in ("finally", "handler") and again:
            return None
    between = (call for call in scope.facts.calls if write.line < call.line < back.line)
    return next(between, None)
