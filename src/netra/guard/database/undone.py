"""One connection of aiosqlite for all requests, where the rollback of one undoes what another has just written.

It has one transaction. Between a statement and its commit others have their turn, and what they end is the transaction of all.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.meaning.locked import held_blocks
from netra.guard.program import Program
from netra.guard.symbols import FunctionSymbol

# How a function is called whose block keeps others out.
LOCKING: Final = re.compile("lock|exclusive|mutex|semaphore|transaction|alone|acquire")
WRITING: Final = frozenset({"execute", "executemany", "executescript", "execute_insert"})


def undone_by(using: Iterable[FunctionSymbol], target: Expression, program: Program) -> tuple[FunctionSymbol, CallSite] | None:
    """The call that rolls back whatever is not committed, in one of the functions that work with what `target` is, where one of
    them writes and commits while nothing keeps the others out.
    """
    every = [scope for scope in using if not _is_called_alone(scope, program)]
    writing = any(_writes(scope, target, program) for scope in every)
    undoing = ((scope, call) for scope in every for call in _asked(scope, target, frozenset({"rollback"}), program))
    return next(undoing, None) if writing else None


def _writes(scope: FunctionSymbol, target: Expression, program: Program) -> bool:
    written = [call.line for call in _asked(scope, target, WRITING, program)]
    return any(line <= call.line for call in _asked(scope, target, frozenset({"commit"}), program) for line in written)


def _asked(scope: FunctionSymbol, target: Expression, methods: frozenset[str], program: Program) -> Iterator[CallSite]:
    """The calls of such methods on it while nothing keeps others out."""
    for call in scope.facts.calls:
        asked = call.callee[0] == "attribute" and call.callee[2] in methods and _is_it(call.callee[1], target, scope)
        if asked and not _is_alone(scope, call.line, program):
            yield call


def _is_called_alone(scope: FunctionSymbol, program: Program) -> bool:
    """Somebody calls a function of this name from where others are kept out."""
    sites = program.calls_named.get(scope.name, ())
    return any(_is_alone(caller, caller.facts.calls[index].line, program) for caller, index in sites)


def _is_alone(scope: FunctionSymbol, line: int, program: Program) -> bool:
    """A block around the line may be of a lock, whatever that is called: `async with self.one:`."""
    return any(
        each.what == "with async"
        and each.line <= line <= each.end_line
        and any(_may_lock(one, scope) for one in each.expressions)
        for each in held_blocks(scope, program)
    )


def _may_lock(entered: Expression, scope: FunctionSymbol) -> bool:
    if entered[0] != "call":
        return True
    return LOCKING.search((last_name(scope.facts.calls[entered[1]].callee) or "").lower()) is not None


def _is_it(expression: Expression, target: Expression, scope: FunctionSymbol) -> bool:
    """`self.bot.db` of `self.db`, `request.app[DB]` of `app[DB]`, also by a local name."""
    if expression[0] == "name" and expression != target and expression[1] not in scope.parameters:
        assigned = scope.assigned.get(expression[1], ())
        expression = assigned[0].value if len(assigned) == 1 and assigned[0].how in ("=", "annotated") else expression
    if expression[0] != target[0]:
        return False
    if expression[0] == "subscript":
        return expression[2] == target[2] or (last_name(expression[2]) or 0) == last_name(target[2])
    return expression == target if expression[0] == "name" else expression[0] == "attribute" and expression[2] == target[2]
