"""Objects of Celery's tasks: a worker makes one of each task when it begins, and runs all of its calls on that.

class Report(Task):
    warnings = []  # of whoever the worker has run the task for


@app.task(base=DatabaseTask)  # one `DatabaseTask` for all runs
def load(number): ...
"""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import BODY, Expression
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol
from netra.guard.values import Step, TypeOf

TASKS: Final = frozenset({"celery.Task", "celery.app.task.Task", "celery.app.Task"})
MAKING: Final = "__init__"
DECORATING: Final = frozenset({"task", "shared_task"})


def task_classes(analysis: Analysis) -> tuple[ClassSymbol, ...]:
    """The classes of a program that are derived from Celery's; use `analysis.once(task_classes)`."""
    return tuple(
        kind
        for module in analysis.modules
        if not module.in_tests
        for kind in module.classes
        if any(_is_task(analysis, each) for each in analysis.program.order(kind)[0])
    )


def own_lists(kind: ClassSymbol) -> Iterator[tuple[str, int]]:
    """The lists that the body of the class or its constructor makes, and nothing makes anew; each with its line."""
    for name, given in kind.body.assigned.items():
        if len(given) == 1 and given[0].value == ("list", ()) and name not in kind.set_on_self:
            yield name, given[0].line
    for name, made in kind.set_on_self.items():
        if len(made) == 1 and made[0][0].name == MAKING and made[0][1].value == ("list", ()):
            yield name, made[0][1].line


def based_on(analysis: Analysis) -> dict[ClassSymbol, tuple[FunctionSymbol, Step]]:
    """Each such class, with a task that is run on its object."""
    found: dict[ClassSymbol, tuple[FunctionSymbol, Step]] = {}
    for scope in analysis.scopes:
        for decorator in scope.facts.decorators:
            given = dict(decorator.keywords).get("base") if decorator.callee[-1] in DECORATING else None
            if given is None or scope.parent is None or scope.module.in_tests:
                continue
            match analysis.receivers.value(given, scope.parent):
                case TypeOf(kind=kind) if not kind.module.library:
                    note = f"a worker makes one `{kind.name}` for all runs of `{scope.name}`"
                    for each in analysis.program.order(kind)[0]:
                        found.setdefault(each, (scope, Step(scope.module.path, decorator.line, note)))
    return found


def bound_to(analysis: Analysis) -> dict[ClassSymbol, list[FunctionSymbol]]:
    """The functions whose first parameter is the object of such a class: `@app.task(bind=True, base=Report)`."""
    found: dict[ClassSymbol, list[FunctionSymbol]] = {}
    for scope in analysis.scopes:
        for decorator in scope.facts.decorators:
            told = dict(decorator.keywords) if decorator.callee[-1] in DECORATING else {}
            if told.get("bind") != ("constant", "bool", True) or "base" not in told or scope.parent is None:
                continue
            match analysis.receivers.value(told["base"], scope.parent):
                case TypeOf(kind=kind) if scope.facts.parameters and not (kind.module.library or scope.module.in_tests):
                    for each in analysis.program.order(kind)[0]:
                        found.setdefault(each, []).append(scope)
    return found


def is_ended_after_a_run(kind: ClassSymbol, target: Expression, ending: AbstractSet[str]) -> bool:
    """Some method of the class ends what it keeps, `after_return` or `__call__`, by one of the methods that do."""
    methods = (each for named in kind.methods.values() for each in named)
    return any(
        call.callee[0] == "attribute" and call.callee[2] in ending and call.callee[1] == target
        for method in methods
        for call in method.facts.calls
    )


def _is_task(analysis: Analysis, kind: ClassSymbol) -> bool:
    around = kind.module.function(kind.facts.scope)
    found = (analysis.program.evaluate(base, around) for base in kind.facts.bases if around.facts.sort != BODY)
    return any(isinstance(each, External) and each.dotted in TASKS for each in found)
