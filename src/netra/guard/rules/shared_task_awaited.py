"""A118."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, CallSite, Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.meaning.narrowing import is_caught
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step

STARTING: Final = frozenset({"create_task", "ensure_future"})
# What cancels the task that it waits for when whoever waits is cancelled, or waits too long.
PASSING_ON: Final = frozenset({"wait_for"})
LOOKING: Final = frozenset({"get", "setdefault"})


@rule("A118", "shared-task-awaited")
def shared_task_awaited(analysis: Analysis) -> Iterator[Sighting]:
    """A task that several wait for is awaited as it is: when one of them is cancelled, it is cancelled for all the others.

    Who is cancelled while he awaits a task cancels that task. One that is kept under a key, for whoever asks for the same next,
    is not his alone: a caller who hangs up, or whose time is up, ends the work of everybody else with a CancelledError.

    ```python
    task = self.loading.get(name)
    if task is None:
        task = self.loading[name] = asyncio.create_task(self.load(name))
    return await task  # A118
    ```

    `await asyncio.shield(task)` leaves it to the others. Nothing is reported where the CancelledError is caught.
    """
    told: set[tuple[FunctionSymbol, str]] = set()
    for scope, _, call in analysis.calls_of(*STARTING):
        if scope.facts.sort != ASYNC or scope.module.in_tests:
            continue
        for name, kept, line in _kept(scope, call):
            if (scope, name) in told or not _is_looked_up(scope, name, kept):
                continue
            for awaited, at, column, end_line in scope.facts.awaits:
                if at < line or not _waits_for(awaited, name, scope) or is_caught(at, scope, "CancelledError", "BaseException"):
                    continue
                told.add((scope, name))
                what = written(kept, scope)
                message = f"the task that `{what}` keeps for all who ask is cancelled with the first of them who is"
                note = f"`{name}` is kept in `{what}`, for whoever asks next"
                mend = Mend(f"`await asyncio.shield({name})`")
                yield Sighting(scope, at, column, end_line, message, (Step(scope.module.path, line, note),), mend)
                break


def _kept(scope: FunctionSymbol, call: CallSite) -> Iterator[tuple[str, Expression, int]]:
    """The local name of a task that is also kept under a key: the name, what keeps it, and the line."""
    number = scope.facts.calls.index(call)
    names = [each.target[1] for each in scope.facts.assignments if each.value == ("call", number) and each.target[0] == "name"]
    for each in scope.facts.assignments:
        under = each.target[0] == "subscript" and each.target[1][0] in ("name", "attribute")
        if names and under and each.value in (("call", number), ("name", names[0])):
            yield names[0], each.target[1], each.line


def _is_looked_up(scope: FunctionSymbol, name: str, kept: Expression) -> bool:
    """The name is also given what is kept there already, and what keeps it is not of this call alone."""
    if kept[0] == "name" and kept[1] in scope.bound:
        return False
    for each in scope.assigned.get(name, ()):
        match each.value:
            case ("subscript", inner, _) if inner == kept:
                return True
            case ("call", int(index)) if (callee := scope.facts.calls[index].callee)[0] == "attribute":
                if callee[1] == kept and callee[2] in LOOKING:
                    return True
    return False


def _waits_for(awaited: Expression, name: str, scope: FunctionSymbol) -> bool:
    """`await task`, and `await asyncio.wait_for(task, 5)`."""
    if awaited == ("name", name):
        return True
    if awaited[0] != "call":
        return False
    call = scope.facts.calls[awaited[1]]
    return last_name(call.callee) in PASSING_ON and call.arguments[:1] == (("name", name),)
