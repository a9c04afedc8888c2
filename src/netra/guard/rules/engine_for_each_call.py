"""D115."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import BODY, TOP, CallSite, Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import within, written
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol, name_in_library
from netra.guard.values import Step

# What has a pool of connections of its own, by the library that makes it.
POOLS: Final = {
    "create_engine": "sqlalchemy",
    "create_async_engine": "sqlalchemy",
    "create_pool": "asyncpg",
    "AsyncConnectionPool": "psycopg_pool",
    "ConnectionPool": "psycopg_pool",
    "ThreadedConnectionPool": "psycopg2",
    "SimpleConnectionPool": "psycopg2",
}
ENDING: Final = frozenset({"dispose", "close", "closeall", "aclose", "terminate"})
# One of these keeps no connection.
KEEPING_NONE: Final = frozenset({"NullPool", "StaticPool"})


@rule("D115", "engine-for-each-call")
def engine_for_each_call(analysis: Analysis) -> Iterator[Sighting]:
    """A function that is served makes an engine, or a pool, each time it runs, and nobody disposes of it.

    Each has connections of its own, that stay open behind the last line of the function: a few hundred requests later the
    database takes no more.

    ```python
    @app.get("/rows")
    def rows():
        engine = create_engine(URL)  # D115: one for each request
        with engine.connect() as connection:
            return connection.execute(QUERY).all()
    ```

    Make it once, where the program starts, and hand it on. Left alone are engines without a pool (`poolclass=NullPool`), those
    that the function disposes of or enters, and those that it returns, stores or hands to somebody who may keep them.
    """
    for scope, _, call in analysis.calls_of(*POOLS):
        if scope.module.in_tests or scope.facts.sort in (TOP, BODY):
            continue
        where = call.where[1] if call.where[0] == "await" else call.where
        name = where[1][1] if where[0] == "assign" and where[1][0] == "name" else None
        if name is None or name in scope.facts.globals or not _makes_a_pool(analysis, call, scope):
            continue
        if _is_under_a_test(call, scope) or _keeps_none(call, scope) or _outlives(("name", name), scope):
            continue
        way = analysis.reach.path_to(scope)
        if not way:
            continue
        what = written(call.callee, scope)
        message = f"`{what}(…)` makes a pool of connections for each call of `{scope.name}`, and nobody closes it"
        kept = Step(scope.module.path, call.line, f"`{name}` goes with the function, and its connections stay open")
        mend = Mend("make it once, where the program starts")
        yield Sighting(scope, call.line, call.column, call.end_line, message, (*way, kept), mend)


def _makes_a_pool(analysis: Analysis, call: CallSite, scope: FunctionSymbol) -> bool:
    library = POOLS[last_name(call.callee) or ""]
    return name_in_library(analysis.program.evaluate(call.callee, scope)).startswith(f"{library}.")


def _is_under_a_test(call: CallSite, scope: FunctionSymbol) -> bool:
    return any(each.what == "if" and each.line <= call.line <= each.end_line for each in scope.facts.blocks)


def _keeps_none(call: CallSite, scope: FunctionSymbol) -> bool:
    parts = (part for each in call.given for part in within(each, scope))
    return any(key == "**" for key, _ in call.keywords) or any(last_name(part) in KEEPING_NONE for part in parts)


def _outlives(name: Expression, scope: FunctionSymbol) -> bool:
    """The function ends it, gives it away, or lets somebody else have it who may."""
    for call in scope.facts.calls:
        if call.callee[0] == "attribute" and call.callee[1] == name and call.callee[2] in ENDING:
            return True
        if (
            last_name(call.callee) not in ("sessionmaker", "async_sessionmaker", "Session", "AsyncSession")
            and name in call.given
        ):
            return True
    entered = (test for each in scope.facts.blocks if each.what.startswith("with") for test in each.expressions)
    given_away = [each.value for each in scope.facts.returned]
    given_away += [each.value for each in scope.facts.assignments]
    given_away += [part for each in given_away if each[0] in ("tuple", "list") for part in each[1]]
    return name in entered or name in given_away or any(name[1] in each.facts.loads for each in scope.children)
