"""What a value has of the arguments of a task: a worker that runs one task after another, or several, gets others each time."""

from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.frameworks import OF_QUEUES
from netra.guard.entries.reach import EntryPoint
from netra.guard.entries.sorts import LISTENER, TASK
from netra.guard.facts import Expression, Parameter
from netra.guard.meaning.expressions import within
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step

# What a library hands to each task, the same for all.
HANDED: Final = frozenset({"self", "cls", "ctx", "context", "task"})

# Calls between the task and the value.
FURTHEST: Final = 3


def of_task(analysis: Analysis, value: Expression, scope: FunctionSymbol, depth: int = FURTHEST) -> tuple[Step, ...]:
    """The steps from the argument of a task down to a value that is made of it; nothing where it is of none."""
    for name in _names(value, scope):
        number = scope.parameters.get(name)
        if number is None:
            continue
        parameter = scope.facts.parameters[number]
        entry = analysis.reach.entries.get(scope)
        if entry is not None and _is_task(entry):
            if name not in HANDED and not _is_filled(parameter):
                return (Step(scope.module.path, parameter.line, f"each {entry.label} is given its own `{name}`"),)
            continue
        for caller, given in analysis.receivers.parameters.given(scope, parameter, number) if depth else ():
            if given is not None and not caller.module.in_tests and (found := of_task(analysis, given, caller, depth - 1)):
                return (*found, Step(scope.module.path, parameter.line, f"and is passed to `{scope.facts.qualified}`"))
    return ()


def _is_task(entry: EntryPoint) -> bool:
    """A worker calls it, of Celery or of another queue."""
    return entry.sort == TASK or (entry.sort == LISTENER and entry.label.startswith(f"{OF_QUEUES} "))


def _names(value: Expression, scope: FunctionSymbol) -> list[str]:
    """The names that a value is made of, and those that these are made of."""
    found: dict[str, None] = {}
    waiting = [value]
    while waiting:
        for part in within(waiting.pop(), scope):
            if part[0] == "name" and part[1] not in found:
                found[part[1]] = None
                waiting += [each.value for each in scope.assigned.get(part[1], ())]
    return [*found]


def _is_filled(parameter: Parameter) -> bool:
    """The library fills it, by what its default or annotation says."""
    return "'call'" in f"{parameter.default}{parameter.annotation}"
