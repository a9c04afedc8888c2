"""D108."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.database.blocking import BlockingStatements
from netra.guard.database.connections import runs_for_itself
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.contexts import written
from netra.guard.program import FunctionSymbol
from netra.guard.rule import rule


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
    shown: set[FunctionSymbol] = set()
    for scope, call, steps in BlockingStatements(analysis).calls():
        if scope not in shown and not runs_for_itself(analysis, scope):
            shown.add(scope)
            name = written(call.callee, scope)
            message = f"`{name}(…)` waits for a database, and the event loop with it"
            mend = Mend("use an asynchronous engine, or a plain `def` handler, or `await asyncio.to_thread(…)`")
            yield Sighting(scope, call.line, call.column, call.end_line, message, steps, mend)
