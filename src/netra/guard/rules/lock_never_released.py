"""A125."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import Block, CallSite, Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.meaning.narrowing import is_caught
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Instance, Routine, Step

LIBRARIES: Final = frozenset({"asyncio", "anyio", "threading"})
ALONE: Final = (("statement",), ("await", ("statement",)))


@rule("A125", "lock-never-released")
def lock_never_released(analysis: Analysis) -> Iterator[Sighting]:
    """A lock is taken and freed again further down, and what stands between leaves without freeing it.

    A `return` between the two, or an error of what is called there, passes over `release()`. The lock stays taken for good, and
    whoever wants it next waits for ever.

    ```python
    await lock.acquire()
    if account is None:
        return None  # A125: taken, and never freed
    await bank.charge(account)  # and so when this fails
    lock.release()
    ```

    Use `async with lock:` (`with lock:` in a thread), or free it in a `finally`. Told of are locks, semaphores and conditions
    of `asyncio`, `anyio` and `threading` that one function takes and frees. An `await` may always end by a cancellation; of
    other calls, those of functions that raise something are told of. Where an error is caught between the two, or the handler
    of one frees the lock, guard is silent.
    """
    for scope, index, call in analysis.calls_of("acquire"):
        if call.callee[0] != "attribute" or scope.module.in_tests or (taken := _taken(scope, index, call)) == 0:
            continue
        lock = call.callee[1]
        freed = [each for each in scope.facts.calls if each.callee == ("attribute", lock, "release") and each.line > taken]
        if not freed or not _is_lock(analysis, lock, scope) or any(_is_for_errors(scope, each.line) for each in freed):
            continue
        first = min(each.line for each in freed)
        found = _left(scope, taken, first) or _fails(analysis, scope, taken, first)
        if found is not None:
            line, how = found
            message = f"`{written(lock, scope)}` stays taken for good when {how}: nothing frees it then"
            there = Step(scope.module.path, first, "it is freed here")
            steps = (Step(scope.module.path, line, "from here nobody gets to where it is freed"), there)
            way = "async with" if _is_awaited(scope, call) else "with"
            mend = Mend(f"use `{way}`, or free it in a `finally`")
            yield Sighting(scope, call.line, call.column, call.end_line, message, steps, mend)


def _taken(scope: FunctionSymbol, index: int, call: CallSite) -> int:
    """The line behind which the lock is held; 0 where it is not known to be.

    Whoever asks whether it was given (`if not lock.acquire(timeout=3):`) holds it behind that branch, or in the other.
    """
    at, where = index, call.where
    if where[0] == "argument" and last_name(scope.facts.calls[where[1]].callee) == "wait_for":
        at, where = where[1], scope.facts.calls[where[1]].where
    if where in ALONE:
        return 0 if call.given else scope.facts.calls[at].end_line
    own = ("call", index)
    for block in scope.facts.blocks:
        if block.what == "if" and block.expressions == (own,):
            return call.end_line
        if block.what == "if" and block.expressions == (("not", own),):
            return block.end_line
    return 0


def _is_awaited(scope: FunctionSymbol, call: CallSite) -> bool:
    where = scope.facts.calls[call.where[1]].where if call.where[0] == "argument" else call.where
    return bool(where[0] == "await")


def _is_lock(analysis: Analysis, lock: Expression, scope: FunctionSymbol) -> bool:
    match analysis.receivers.value(lock, scope):
        case Instance(kind=kind):
            return kind.module.model and kind.module.name in LIBRARIES
    return False


def _is_for_errors(scope: FunctionSymbol, line: int) -> bool:
    """The line is run whatever happens, or when something has failed."""
    return any(each.what in ("finally", "handler") and each.line <= line <= each.end_line for each in scope.facts.blocks)


def _left(scope: FunctionSymbol, taken: int, freed: int) -> tuple[int, str] | None:
    """A line between the two from which the function, or the loop in which both stand, is left."""
    facts = scope.facts
    left = {line: "the function is left" for how, line in facts.jumps if how == "return"}
    left |= {each.line: "the function is left" for each in facts.returned if each.how == "return"}
    # A `break` within a loop of its own leads on to what frees it.
    others = {line: how for how, line in facts.jumps if how != "return" and not _loops(scope, taken, freed, line)}
    left |= {line: "the loop goes on" if how == "continue" else "the loop is left" for line, how in others.items()}
    line = min((each for each in left if taken < each < freed), default=0)
    return (line, f"{left[line]} in line {line}") if line else None


def _loops(scope: FunctionSymbol, taken: int, freed: int, line: int) -> list[Block]:
    """The loops around a line that begin behind the place where the lock is taken."""
    return [each for each in scope.facts.blocks if each.what == "loop" and taken < each.line <= line <= each.end_line < freed]


def _fails(analysis: Analysis, scope: FunctionSymbol, taken: int, freed: int) -> tuple[int, str] | None:
    """The first thing between the two that may fail, where nothing catches that."""
    for expression, line, _, _ in sorted(scope.facts.awaits, key=lambda each: each[1]):
        if taken < line < freed and not is_caught(line, scope, "Exception", "BaseException"):
            shown = written(expression, scope)
            return line, f"`{shown}` in line {line} fails or is cancelled"
    for each in scope.facts.calls:
        between = taken < each.line < freed and not is_caught(each.line, scope, "Exception", "BaseException")
        if between and _may_fail(analysis, each, scope):
            return each.line, f"`{written(each.callee, scope)}(…)` in line {each.line} fails"
    return None


def _may_fail(analysis: Analysis, call: CallSite, scope: FunctionSymbol) -> bool:
    """A function of the program that raises something, or one of a library that waits for others: for a disk, a database."""
    match analysis.receivers.value(call.callee, scope):
        case Routine(function=function) if function.module.library:
            return "blocks" in function.decorator_names
        case Routine(function=function):
            return bool(function.facts.raises) and not function.facts.abstract
    return False
