"""D106."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.database.connections import CLOSING, SQLALCHEMY, Connections, is_migration
from netra.guard.facts import ASYNC, PLAIN, CallSite, Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.contexts import written
from netra.guard.program import FunctionSymbol
from netra.guard.requests.sharing import Sharing
from netra.guard.rule import rule

# `aiosqlite` and `sqlite3` keep one connection in one thread, and are a matter of their own.
SINGLE = SQLALCHEMY | frozenset(
    "asyncpg.Connection psycopg.AsyncConnection psycopg.Connection psycopg2.connection pymysql.Connection".split()
)


@rule("D106", "shared-connection")
def shared_connection(analysis: Analysis) -> Iterator[Sighting]:
    """A session or connection is kept where every request finds the same one.

    A session is one unit of work: the rollback of one request undoes what another has written, and after one error nobody gets
    any further until the process is started again.

    ```python
    class People:
        def __init__(self):
            self.session = SessionLocal()  # D106: one `people` serves everybody

        def rename(self, number, name):
            self.session.get(Person, number).name = name
            self.session.commit()


    people = People()
    ```

    Keep the engine, the pool or the factory, and open a session for each unit of work.
    """
    connections, sharing = analysis.once(Connections), analysis.once(Sharing)
    for scope, call, target, library in _kept(analysis, connections):
        slot = sharing.slot(target, scope)
        if library not in SINGLE or slot is None:
            continue
        used = _serving_use(analysis, scope, target)
        if used is None:
            continue
        name = written(target, scope)
        steps = (slot.step, *analysis.reach.path_to(used))
        message = f"`{name}` keeps one `{library}` for every request"
        mend = Mend("keep the engine, pool or factory there, and open a session for each unit of work")
        yield Sighting(scope, call.line, call.column, call.end_line, message, steps, mend)


def _kept(analysis: Analysis, connections: Connections) -> Iterator[tuple[FunctionSymbol, CallSite, Expression, str]]:
    """Every opening whose result is put into an attribute or a variable of a module."""
    for opening in connections.openings:
        match opening.where:
            case ("assign", target) if target[0] == "attribute" or target[1] in opening.scope.facts.globals:
                yield opening.scope, opening.call, target, opening.library
    for module in analysis.modules:
        if module.in_tests or is_migration(module):
            continue
        for each in module.top.facts.assignments:
            if each.value[0] == "call" and each.target[0] == "name" and each.how == "=":
                kind = connections.opened(each.value[1], module.top)
                library = None if kind is None else connections.library_class(kind)
                if library is not None:
                    yield module.top, module.top.facts.calls[each.value[1]], each.target, library


def _serving_use(analysis: Analysis, scope: FunctionSymbol, target: Expression) -> FunctionSymbol | None:
    """A function that uses what is kept and that a request leads to; None when there is none, or when uses wait for a lock."""
    if target[0] == "attribute" and scope.owner is not None:
        functions = [each for methods in scope.owner.methods.values() for each in methods]
        using = [each for each in functions if any(use.name == f"self.{target[2]}" for use in each.facts.uses)]
    else:
        using = [each for each in scope.module.functions if target[-1] in each.facts.loads]
    using = [each for each in using if each.facts.sort in (PLAIN, ASYNC) and each.name != "__init__"]
    if any(
        "lock" in (last_name(each) or "").lower() for one in using for block in one.facts.blocks for each in block.expressions
    ):
        return None
    if any(last_name(call.callee) == "add_listener" for each in using for call in each.facts.calls):
        return None  # a connection that listens is one of its own
    return next((each for each in using if each.name not in CLOSING and analysis.reach.path_to(each)), None)
