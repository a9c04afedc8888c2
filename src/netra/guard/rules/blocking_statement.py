"""D108."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.database.blocking import BlockingStatements
from netra.guard.database.connections import runs_for_itself
from netra.guard.entries.sorts import TEST
from netra.guard.facts import CallSite
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.contexts import written
from netra.guard.program import FunctionSymbol
from netra.guard.rule import rule
from netra.guard.values import Step

# Further calls of the same function that are shown with the first.
MOST_SHOWN = 3


@rule("D108", "blocking-statement")
def blocking_statement(analysis: Analysis) -> Iterator[Sighting]:
    """A synchronous session or connection works inside an async function that serves requests.

    While the database answers, the event loop stands still: nobody else of the process gets anything, not even a health check.

    ```python
    @app.get("/people")
    async def people(db: Session = Depends(get_db)):
        return db.query(Person).all()  # D108
    ```

    Use an asynchronous engine, make the handler a plain `def`, which runs in a thread, or `await asyncio.to_thread(…)`.
    Functions that only commands lead to are left alone: whoever waits there is who asked.
    """
    found: dict[FunctionSymbol, list[tuple[CallSite, tuple[Step, ...]]]] = {}
    for scope, call, steps in BlockingStatements(analysis).calls():
        found.setdefault(scope, []).append((call, steps))
    for scope, calls in found.items():
        if not _runs_for_itself(analysis, scope):
            call, steps = calls[0]
            name = written(call.callee, scope)
            message = f"`{name}(…)` waits for a database, and the event loop with it"
            again = tuple(
                Step(scope.module.path, each.line, f"and so does `{written(each.callee, scope)}(…)`")
                for each, _ in calls[1 : MOST_SHOWN + 1]
                if each.line != call.line
            )
            mend = Mend("use an asynchronous engine, or a plain `def` handler, or `await asyncio.to_thread(…)`")
            yield Sighting(scope, call.line, call.column, call.end_line, message, (*steps, *again), mend)


def _runs_for_itself(analysis: Analysis, scope: FunctionSymbol) -> bool:
    """Only commands lead to it. That tests do as well says nothing."""
    entries = [each for each in analysis.reach.routes_to(scope) if each.sort != TEST]
    return bool(entries) and runs_for_itself(analysis, scope)
