"""Classes of which a worker of celery has one object for all runs of a task: `@app.task(base=DatabaseTask)`."""

from netra.guard.analysis import Analysis
from netra.guard.database.connections import CLOSING
from netra.guard.facts import Expression
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Step, TypeOf

TASKS = frozenset({"task", "shared_task"})

# What ends the transaction that a run has left, beside what closes the session.
ENDING = CLOSING | {"rollback"}


def task_objects(analysis: Analysis) -> dict[ClassSymbol, tuple[FunctionSymbol, Step]]:
    """Each such class, with a task that is run on its object."""
    found: dict[ClassSymbol, tuple[FunctionSymbol, Step]] = {}
    for scope in analysis.scopes:
        for decorator in scope.facts.decorators:
            given = dict(decorator.keywords).get("base") if decorator.callee[-1] in TASKS else None
            if given is None or scope.parent is None or scope.module.in_tests:
                continue
            match analysis.receivers.value(given, scope.parent):
                case TypeOf(kind=kind) if not kind.module.library:
                    note = f"a worker makes one `{kind.name}` for all runs of `{scope.name}`"
                    for each in analysis.program.order(kind)[0]:
                        found.setdefault(each, (scope, Step(scope.module.path, decorator.line, note)))
    return found


def is_ended_after_a_run(kind: ClassSymbol, target: Expression) -> bool:
    """Some method of the class ends what it keeps: `after_return`, `__call__`."""
    methods = (each for named in kind.methods.values() for each in named)
    return any(
        call.callee[0] == "attribute" and call.callee[2] in ENDING and call.callee[1] == target
        for method in methods
        for call in method.facts.calls
    )
