"""Where the event loop stands still for a database: synchronous sessions, connections and clients in async functions."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.database import django
from netra.guard.database.connections import Connections
from netra.guard.environment import written_variables
from netra.guard.facts import ASYNC, PLAIN, CallSite, Expression, last_name
from netra.guard.lazily import lazily
from netra.guard.meaning.expressions import written
from netra.guard.program import imported_packages
from netra.guard.requests.loading import AT_THE_ENDS, Loading
from netra.guard.requests.serving import Serving
from netra.guard.symbols import FunctionSymbol, ModuleSymbol
from netra.guard.values import Instance, Routine, Step

# What waits in its own thread for a database, by the name of its class in the models, with the methods that wait.
SYNCHRONOUS: Final = {
    "sqlalchemy.orm.Session": "execute scalar scalars get query commit flush refresh merge rollback exec",
    "sqlalchemy.engine.Connection": "execute exec_driver_sql scalar scalars commit",
    "sqlalchemy.engine.PooledConnection": "cursor commit",
    "psycopg.Connection": "execute commit",
    "psycopg2.connection": "cursor commit",
    "pymysql.Connection": "cursor commit",
    "sqlite3.Connection": "execute executemany executescript commit cursor",
    "redis.Redis": "get set setex delete exists expire incr decr hget hset hgetall lpush rpush lrange publish keys",
}
LAZY: Final = "query"
RUNNING: Final = frozenset("all first one one_or_none count scalar get delete update".split())
"""What sends a query that `query` and `filter` only put together."""
ASYNCHRONOUS: Final = "sqlalchemy.ext.asyncio"
DRIVERS: Final = frozenset({"psycopg", "psycopg2", "pymysql"})
METHODS: Final = {library: frozenset(names.split()) for library, names in SYNCHRONOUS.items()}
CALLED: Final = frozenset().union(*METHODS.values())

# How a function is called around whose `yield` others are served.
LIFESPAN: Final = "lifespan"

# Where a program sets this, Django does what it is asked by an event loop, which waits for it.
ALLOWING: Final = "DJANGO_ALLOW_ASYNC_UNSAFE"

# Calls between the async function and what waits. Further away, whether the path is ever taken is anybody's guess.
FURTHEST: Final = 3


class BlockingStatements:
    """Answers which async functions that serve requests wait for a database in the thread of their event loop."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._connections = analysis.once(Connections)
        self._known: dict[tuple[FunctionSymbol, int], tuple[str, tuple[Step, ...]] | None] = {}

    def calls(self) -> Iterator[tuple[FunctionSymbol, CallSite, str, tuple[Step, ...]]]:
        """Each such call, with the class of the models that waits, and what proves it."""
        serving = self._analysis.once(Serving)
        for scope, index, call in self._analysis.calls_of(*sorted(self._names())):
            if scope.facts.sort != ASYNC or call.where[0] in ("await", "lambda"):
                continue
            served = serving.surely(scope)
            if not served and scope.module not in self._serving and not self._opens_here(scope, call):
                continue
            found = self._waits(scope, index, FURTHEST)
            if found is not None and (served or self._is_beside(scope, call) or self._is_of_a_library(scope, call)):
                yield scope, call, *found

    def _is_of_a_library(self, scope: FunctionSymbol, call: CallSite) -> bool:
        """Others have the loop that runs it, it has opened what it asks itself, and elsewhere the library asks as it should."""
        return self._opens_here(scope, call) and self._analysis.once(Loading).is_for_others(scope)

    def _opens_here(self, scope: FunctionSymbol, call: CallSite) -> bool:
        """`with Session(engine) as session:` and `session.scalar(…)`, in a program that has asynchronous sessions as well."""
        if not self._has_asynchronous or call.callee[0] != "attribute" or call.callee[1][0] != "name":
            return False
        given = scope.assigned.get(call.callee[1][1], ())
        return (
            len(given) == 1 and given[0].value[0] == "call" and self._connections.opened(given[0].value[1], scope) is not None
        )

    @lazily
    def _has_asynchronous(self) -> bool:
        imports = (each for scope in self._analysis.scopes if scope.facts.imports for each in scope.facts.imports)
        return any(each.module.startswith(ASYNCHRONOUS) for each in imports)

    def _is_beside(self, scope: FunctionSymbol, call: CallSite) -> bool:
        """Nobody is seen to call the function, which stands beside functions to which requests lead, and it has not been given
        what it asks. What runs before anybody is served, or when nobody is any more, has the loop to itself.
        """
        if scope.name in AT_THE_ENDS or LIFESPAN in scope.name:
            return False
        root = call.callee
        while root[0] == "attribute":
            root = root[1]
        if root[0] == "name" and root[1] in scope.parameters and root[1] != "self":
            return False
        return self._analysis.once(Loading).by(scope) is not None

    @lazily
    def _serving(self) -> frozenset[ModuleSymbol]:
        """The modules with asynchronous functions that are called while somebody is served."""
        serving = self._analysis.once(Serving)
        return frozenset(each.module for each in self._analysis.scopes if each.facts.sort == ASYNC and each in serving)

    def _names(self) -> set[str]:
        """Names under which anything that waits is called, up to the furthest caller: to look at no more calls than needed."""
        names = {*CALLED, "connect", *(django.CALLED if self._has_django else ())}
        last = names
        for _ in range(FURTHEST):
            last = {scope.name for scope, _, _ in self._analysis.calls_of(*sorted(last)) if scope.facts.sort == PLAIN} - names
            names |= last
        return names

    @lazily
    def _has_django(self) -> bool:
        return "django" in self._analysis.program.once(imported_packages)

    def _waits(self, scope: FunctionSymbol, index: int, depth: int) -> tuple[str, tuple[Step, ...]] | None:
        call = scope.facts.calls[index]
        if call.callee[0] == "attribute" and call.callee[2] in CALLED:
            library = self._library(scope, call) if call.callee[2] != LAZY or _is_run(scope, index) else None
            if library is not None and _is_in_memory(call.callee[1], scope):
                return None
            if library is not None:
                note = f"`{written(call.callee[1], scope)}` is a `{library}`, which waits in the thread that calls it"
                step = Step(scope.module.path, call.line, note)
                return library, (*_opened(call.callee[1], scope, call.line), step)
        if self._has_django and (asked := django.asks(self._analysis, call, scope)) is not None:
            note = f"`{asked}` asks the database in the thread that calls it"
            if ALLOWING not in self._analysis.once(written_variables):
                note += ", and Django refuses to where an event loop runs"
            return asked, (Step(scope.module.path, call.line, note),)
        match self._analysis.receivers.value(call.callee, scope):
            case Routine(function=function) if function.name == "connect" and function.module.name in DRIVERS:
                note = f"`{function.module.name}.connect` waits for the server in the thread that calls it"
                return function.module.name, (Step(scope.module.path, call.line, note),)
            case Routine(function=function) if not function.module.library and depth > 0:
                below = self._within(function, depth - 1)
                if below is not None:
                    step = Step(scope.module.path, call.line, f"`{scope.name}` calls `{written(call.callee, scope)}`")
                    return below[0], (step, *below[1])
        return None

    def _within(self, function: FunctionSymbol, depth: int) -> tuple[str, tuple[Step, ...]] | None:
        key = (function, depth)
        if key not in self._known:
            self._known[key] = None  # what a function that calls itself finds
            facts = function.facts
            if facts.sort == PLAIN and not facts.yields and not facts.abstract and not django.is_threaded(function):
                for index, call in enumerate(facts.calls):
                    if last_name(call.callee) is None or call.where[0] == "lambda" or function.is_unreached(call.line):
                        continue
                    if (steps := self._waits(function, index, depth)) is not None:
                        self._known[key] = steps
                        break
        return self._known[key]

    def _library(self, scope: FunctionSymbol, call: CallSite) -> str | None:
        method, receiver = call.callee[2], call.callee[1]
        library = self._connections.held(receiver, scope)
        if library is None:
            match self._analysis.receivers.value(receiver, scope):
                case Instance(kind=kind):
                    order = self._analysis.program.order(kind)[0]
                    library = next((each.full_name for each in order if each.full_name in METHODS), None)
        return library if library in METHODS and method in METHODS[library] else None


def _opened(session: Expression, scope: FunctionSymbol, line: int) -> tuple[Step, ...]:
    """Where the function opens what it works with, if that is above: `with Session(engine) as session:`."""
    given = scope.assigned.get(session[1], ()) if session[0] == "name" else ()
    if len(given) != 1 or given[0].value[0] != "call" or given[0].line >= line:
        return ()
    return (Step(scope.module.path, given[0].line, f"`{session[1]}` is opened here"),)


def _is_in_memory(connection: Expression, scope: FunctionSymbol) -> bool:
    """A connection of the object that is only ever made to a database in memory: no disk, server or writer is waited for."""
    if connection[:2] != ("attribute", ("name", "self")) or scope.owner is None:
        return False
    made = [
        (method, each.value)
        for methods in scope.owner.methods.values()
        for method in methods
        for each in method.facts.assignments
        if each.target == connection and each.value != ("none",)
    ]
    return bool(made) and all(_is_made_in_memory(value, method) for method, value in made)


def _is_made_in_memory(value: Expression, scope: FunctionSymbol) -> bool:
    """`connect(":memory:")`, or `connect(f"file:{name}?mode=memory", uri=True)`, also by way of a local name."""
    if value[0] != "call" or last_name(scope.facts.calls[value[1]].callee) != "connect":
        return False
    for place in scope.facts.calls[value[1]].arguments[:1]:
        given = [each.value for each in scope.assigned.get(place[1], ())] if place[0] == "name" else [place]
        return bool(given) and all(":memory:" in str(each) or "mode=memory" in str(each) for each in given)
    return False


def _is_run(scope: FunctionSymbol, index: int) -> bool:
    """The query that a call begins is sent in the same expression: `session.query(User).filter(…).all()`."""
    for call in scope.facts.calls:
        if call.callee[0] == "attribute" and call.callee[2] in RUNNING:
            at = call.callee[1]
            while at[0] in ("attribute", "call"):
                if at == ("call", index):
                    return True
                at = at[1] if at[0] == "attribute" else scope.facts.calls[at[1]].callee
    return False
