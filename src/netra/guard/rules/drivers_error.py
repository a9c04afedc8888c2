"""D113."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.database.wrapping import DRIVERS, LAYERS, Wrapping
from netra.guard.facts import NOTHING, Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.program import imported_packages
from netra.guard.rule import rule
from netra.guard.symbols import External, FunctionSymbol, ModuleSymbol
from netra.guard.trying import handlers
from netra.guard.values import Step

BROAD: Final = frozenset({"Exception", "BaseException"})
RAISED: Final = {"django": "django.db.utils", "sqlalchemy": "sqlalchemy.exc"}


@rule("D113", "drivers-error")
def drivers_error(analysis: Analysis) -> Iterator[Sighting]:
    """An error of the driver is caught around code that asks the database through Django or SQLAlchemy, which raises its own.

    Both catch what the driver raises and raise an error of theirs in its place, which is no subclass of it: the handler never
    runs, and what it was there for, to try again when the database is locked, does not happen.

    ```python
    from sqlite3 import OperationalError

    try:
        Lock.objects.create(name=name)
    except OperationalError:  # D113: Django raises django.db.utils.OperationalError
        retry()
    ```

    Catch the error of the layer. Nothing is reported where another handler catches that, or anything, and where something in
    the `try` may ask the driver itself.
    """
    used = analysis.program.once(imported_packages)
    if not used & DRIVERS or not used & LAYERS:
        return
    wrapping = Wrapping(analysis)
    for scope in (each for module in analysis.modules if _imports_a_driver(module) for each in module.functions):
        for tried, handler in handlers(scope):
            kind = handler.expressions[0] if handler.expressions else NOTHING
            caught = _dotted(analysis, kind, scope)
            if caught is None or caught.partition(".")[0] not in DRIVERS:
                continue
            if any(_is_wide(analysis, each, scope) for each in tried.expressions):
                continue
            if (found := wrapping.layer(scope, tried)) is None:
                continue
            layer, line = found
            raised = f"{RAISED[layer]}.{caught.rpartition('.')[2]}"
            message = f"`{caught}` is caught, and `{raised}` is what comes: the handler never runs"
            step = Step(scope.module.path, line, f"this asks the database through {layer}, which raises errors of its own")
            yield Sighting(scope, handler.head, 0, handler.head, message, (step,), Mend(f"catch an error of `{RAISED[layer]}`"))


def _imports_a_driver(module: ModuleSymbol) -> bool:
    named = (each.module.partition(".")[0] for each in module.top.facts.imports)
    return not module.in_tests and not DRIVERS.isdisjoint(named)


def _dotted(analysis: Analysis, kind: Expression, scope: FunctionSymbol) -> str | None:
    match analysis.program.evaluate(kind, scope):
        case External(dotted=dotted):
            return dotted
    return None


def _is_wide(analysis: Analysis, kind: Expression, scope: FunctionSymbol) -> bool:
    """It catches anything, or what the layer raises, or nobody knows what."""
    if kind == NOTHING or last_name(kind) in BROAD:
        return True
    found = _dotted(analysis, kind, scope)
    return found is None or found.partition(".")[0] in LAYERS
