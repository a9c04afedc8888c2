"""D108."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.database.blocking import BlockingStatements
from netra.guard.database.connections import runs_for_itself
from netra.guard.database.dialects import dialects
from netra.guard.entries.sorts import TEST
from netra.guard.facts import CallSite
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.repeated import together
from netra.guard.requests.transports import is_for_one_client
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol, ModuleSymbol
from netra.guard.values import Step

# Further calls of the same function that are shown with the first.
MOST_SHOWN = 3
# Functions of one module that are told one by one; of more, the first stands for all, with as many others.
MOST_OF_A_MODULE = 3


@rule("D108", "blocking-statement", hesitant=True)
def blocking_statement(analysis: Analysis) -> Iterator[Sighting]:
    """A synchronous session or connection works inside an async function that serves requests.

    While the database answers, the event loop stands still: nobody else of the process gets anything, not even a health check.

    ```python
    @app.get("/people")
    async def people(db: Session = Depends(get_db)):
        return db.query(Person).all()  # D108
    ```

    Use an asynchronous engine, make the handler a plain `def`, which runs in a thread, or `await asyncio.to_thread(…)`.
    Functions that only commands lead to are left alone: whoever waits there is who asked. Guard is certain but for servers of
    the model context protocol that speak over their standard input only: who waits there is the one client that has started it.
    A database in memory is left alone. In a library, in which nothing serves, told is of an asynchronous function that opens
    what blocks itself, where the library has asynchronous sessions as well.
    """
    found: dict[FunctionSymbol, list[tuple[CallSite, str, tuple[Step, ...]]]] = {}
    for scope, call, library, steps in BlockingStatements(analysis).calls():
        found.setdefault(scope, []).append((call, library, steps))
    in_files = bool(found) and analysis.once(dialects) == {"sqlite"}
    by_module: dict[tuple[ModuleSymbol, str], list[Sighting]] = {}
    for scope, calls in found.items():
        if _runs_for_itself(analysis, scope):
            continue
        # What may take long stands first.
        calls.sort(key=lambda each: (_is_quick(each[1], in_files), each[0].line))
        call, library, steps = calls[0]
        name = written(call.callee, scope)
        message = f"`{name}(…)` waits for a database, and the event loop with it"
        again = tuple(
            Step(scope.module.path, each.line, f"and so does `{written(each.callee, scope)}(…)`")
            for each, _, _ in calls[1 : MOST_SHOWN + 1]
            if each.line != call.line
        )
        mend = Mend("use an asynchronous engine, or a plain `def` handler, or `await asyncio.to_thread(…)`")
        sure = LIKELY if is_for_one_client(analysis, scope) else CERTAIN
        sighting = Sighting(scope, call.line, call.column, call.end_line, message, (*steps, *again), mend, sure)
        by_module.setdefault((scope.module, sure), []).append(sighting)
    for sightings in by_module.values():
        if len(sightings) <= MOST_OF_A_MODULE:
            yield from sightings
        else:  # many functions of a module that work with one synchronous engine are one decision
            said = f", as in {len(sightings) - 1} more functions of this module"
            yield together(sightings, said, lambda each: f"and so in `{each.scope.facts.qualified}`")


def _is_quick(library: str, in_files: bool) -> bool:
    return library.startswith(("sqlite3", "redis")) or (in_files and library.startswith("sqlalchemy"))


def _runs_for_itself(analysis: Analysis, scope: FunctionSymbol) -> bool:
    """Only commands lead to it. That tests do as well says nothing."""
    entries = [each for each in analysis.reach.routes_to(scope) if each.sort != TEST]
    return bool(entries) and runs_for_itself(analysis, scope)
