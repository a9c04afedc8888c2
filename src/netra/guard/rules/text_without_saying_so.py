"""D120."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.database.second_edition import is_of_second_edition
from netra.guard.facts import Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine

EXECUTING: Final = ("execute", "scalar", "scalars", "stream", "stream_scalars")
TEXTS: Final = frozenset({"string", "formatted"})


@rule("D120", "text-without-saying-so")
def text_without_saying_so(analysis: Analysis) -> Iterator[Sighting]:
    """A plain text is given to SQLAlchemy 2 to execute: it takes statements only, and raises an error.

    ```python
    session.execute("SELECT 1")  # D120: ArgumentError
    connection.execute("DELETE FROM orders")  # D120: ObjectNotExecutableError
    ```

    Write `text("SELECT 1")`, with the values as parameters of their own. Told of are packages that import what only version 2
    has (`DeclarativeBase`, `mapped_column`, `async_sessionmaker`); earlier versions took a text.
    """
    for scope, _, call in analysis.calls_of(*EXECUTING):
        if scope.module.in_tests or not call.arguments or not _is_text(call.arguments[0], scope):
            continue
        match analysis.receivers.value(call.callee, scope):
            case Routine(function=function) if function.module.library and function.module.name.startswith("sqlalchemy"):
                if is_of_second_edition(analysis, scope):
                    name = f"`{written(call.callee, scope)}(…)`"
                    message = f"{name} is given a plain text: SQLAlchemy 2 takes statements only, and raises an error"
                    mend = Mend("write `text(…)` around it")
                    yield Sighting(scope, call.line, call.column, call.end_line, message, (), mend)


def _is_text(given: Expression, scope: FunctionSymbol) -> bool:
    match given:
        case ("name", str(name)) if name not in scope.parameters:
            assigned = scope.assigned.get(name, ())
            return bool(assigned) and all(each.how == "=" and each.value[0] in TEXTS for each in assigned)
        case ("call", int(index)):
            callee = scope.facts.calls[index].callee
            return callee[0] == "attribute" and callee[1][0] == "string" and last_name(callee) in ("format", "strip", "join")
    return given[0] in TEXTS
