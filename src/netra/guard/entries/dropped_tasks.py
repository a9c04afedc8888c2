"""Tasks of Celery that are declared `async def`: a worker calls them, and awaits nothing."""

from collections.abc import Iterator
from typing import Final

from netra.guard.facts import ASYNC, Decorator, last_name
from netra.guard.meaning.makers import made_by
from netra.guard.meaning.tasks import MAKING_TASKS
from netra.guard.program import Program, imported_packages
from netra.guard.symbols import FunctionSymbol

LIBRARY: Final = "celery"
# Packages with which a worker runs coroutines.
RUNNING: Final = frozenset("celery_aio_pool celery_pool_asyncio aio_celery celery_asyncio".split())


def dropped_tasks(program: Program) -> Iterator[tuple[FunctionSymbol, Decorator]]:
    """Each such task, with the decorator that makes one of it; none where the program has a class of tasks of its own."""
    if not RUNNING.isdisjoint(program.once(imported_packages)) or program.once(_has_own_tasks):
        return
    for scope in program.scopes:
        if scope.facts.sort != ASYNC or scope.facts.yields or len(scope.facts.decorators) != 1 or scope.module.in_tests:
            continue
        decorator = scope.facts.decorators[0]
        if last_name(decorator.callee) not in MAKING_TASKS or scope.parent is None or scope.owner is not None:
            continue
        if "base" not in dict(decorator.keywords) and _is_of_celery(decorator, scope.parent, program):
            yield scope, decorator


def _is_of_celery(decorator: Decorator, scope: FunctionSymbol, program: Program) -> bool:
    return made_by(decorator.callee, scope, program) in ("celery.shared_task", "celery.Celery", "celery.app.shared_task")


def _has_own_tasks(program: Program) -> bool:
    """A class that derives from Celery's, of which the program may make all of its tasks."""
    for module in program.own:
        for kind in module.classes:
            for base in kind.facts.bases:
                if made_by(base, module.function(kind.facts.scope), program) in (
                    "celery.Task",
                    "celery.app.task.Task",
                    "celery.Celery",
                ):
                    return True
    return any(name == "task_cls" for _, _, call in program.calls_of(("Celery",)) for name, _ in call.keywords)
