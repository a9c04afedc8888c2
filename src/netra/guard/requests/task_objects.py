"""Objects of Celery's tasks: a worker makes one of each task when it begins, and runs all of its calls on that.

class Report(Task):
    warnings = []  # of whoever the worker has run the task for
"""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import BODY
from netra.guard.symbols import ClassSymbol, External

TASKS: Final = frozenset({"celery.Task", "celery.app.task.Task", "celery.app.Task"})
MAKING: Final = "__init__"


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


def _is_task(analysis: Analysis, kind: ClassSymbol) -> bool:
    around = kind.module.function(kind.facts.scope)
    found = (analysis.program.evaluate(base, around) for base in kind.facts.bases if around.facts.sort != BODY)
    return any(isinstance(each, External) and each.dotted in TASKS for each in found)
