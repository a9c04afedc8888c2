"""D119."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.database.connections import Connections
from netra.guard.facts import ASYNC, PLAIN, CallSite, Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.members.mapped import PEEWEE, MappedClasses
from netra.guard.rule import rule
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol
from netra.guard.values import Instance, TypeOf

PIPELINES: Final = frozenset({"redis.Redis", "redis.asyncio.Redis", "redis.StrictRedis", "redis.asyncio.StrictRedis"})
# What runs the commands of a pipeline, or makes them run at once.
RUNNING: Final = frozenset({"execute", "watch", "immediate_execute_command", "transaction", "execute_command"})
# What of a pipeline is no command.
BESIDE: Final = frozenset({"reset", "close", "aclose", "discard", "multi", "unwatch"})
WITH_TRANSACTIONS: Final = frozenset({"asyncpg.Connection", "psycopg.Connection", "psycopg.AsyncConnection"})
STATEMENTS: Final = frozenset({"insert", "update", "delete"})
ATOMIC: Final = frozenset({"django.db.transaction.atomic", "tortoise.transactions.in_transaction"})


@rule("D119", "queued-and-never-run")
def queued_and_never_run(analysis: Analysis) -> Iterator[Sighting]:
    """Work for a database is put together, and nothing ever runs it.

    A pipeline of Redis keeps its commands until `execute`, a transaction of a driver begins when it is entered or started, and
    a statement does nothing before somebody executes it.

    ```python
    pipe = redis.pipeline()  # D119: nothing is counted
    pipe.incr(key)
    pipe.expire(key, 60)

    connection.transaction()  # D119: none has begun, each statement commits itself
    await connection.execute(TAKE)
    await connection.execute(GIVE)
    ```

    Write `pipe.execute()`, `async with connection.transaction():`, `session.execute(update(…))`. A pipeline that
    somebody else gets to see is left alone.
    """
    yield from _pipelines(analysis)
    yield from _transactions(analysis)
    yield from _statements(analysis)


def _pipelines(analysis: Analysis) -> Iterator[Sighting]:
    for scope, index, call in analysis.calls_of("pipeline"):
        if scope.module.in_tests or scope.facts.sort not in (PLAIN, ASYNC) or call.callee[0] != "attribute":
            continue
        match analysis.receivers.value(call.callee[1], scope):
            case Instance(kind=kind) if any(each.full_name in PIPELINES for each in analysis.program.order(kind)[0]):
                name = _bound(index, scope)
            case _:
                continue
        if not name or name in scope.facts.globals or RUNNING & scope.called:
            continue
        uses = [each for each in scope.facts.uses if each.name == name]
        queued = [each for each in scope.facts.calls if _begins_with(each.callee, name, scope)]
        commands = [each for each in queued if last_name(each.callee) not in BESIDE]
        shown = any(each.where[0] not in ("attribute", "with", "with async") for each in uses)
        if not commands or shown or any(name in each.facts.loads for each in scope.children):
            continue
        if any(_hands_on(each.where) for each in commands):
            continue
        message = f"`{name}` is given commands and never executed: none of them is run"
        yield Sighting(scope, call.line, call.column, call.end_line, message, (), Mend(f"write `{name}.execute()`"))


def _bound(index: int, scope: FunctionSymbol) -> str:
    """The only thing that a name is, by assignment or by a `with`."""
    for each in scope.facts.assignments:
        if each.value == ("call", index) and each.target[0] == "name" and each.how in ("=", "with", "with async"):
            name: str = each.target[1]
            return name if len(scope.assigned[name]) == 1 and name not in scope.parameters else ""
    return ""


def _begins_with(callee: Expression, name: str, scope: FunctionSymbol) -> bool:
    """`pipe.incr` and the outer of `pipe.incr(key).expire(key)`."""
    while callee[0] in ("attribute", "call"):
        callee = callee[1] if callee[0] == "attribute" else scope.facts.calls[callee[1]].callee
    return callee == ("name", name)


def _hands_on(where: Expression) -> bool:
    """What a command gives is the pipeline, and goes somewhere."""
    return where[0] not in ("statement", "attribute", "await", "called")


def _transactions(analysis: Analysis) -> Iterator[Sighting]:
    connections = analysis.once(Connections)
    for scope, _, call in analysis.calls_of("transaction", "atomic", "in_transaction"):
        if scope.module.in_tests or scope.facts.sort not in (PLAIN, ASYNC) or (call.given and call.callee[0] == "name"):
            continue
        forgotten = call.where == ("statement",)
        if call.where[0] == "assign" and call.where[1][0] == "name" and call.where[1][1] not in scope.facts.globals:
            name = call.where[1][1]
            forgotten = len(scope.assigned.get(name, ())) == 1 and name not in scope.facts.loads
            forgotten = forgotten and not any(name in each.facts.loads for each in scope.children)
        if not forgotten:
            continue
        named = f"`{written(call.callee, scope)}(…)`"
        if _is_transaction(analysis, connections, call, scope):
            message = f"{named} is neither entered nor started: no transaction begins"
            mend = Mend("enter it: `with` or `async with`, around the statements that belong together")
            yield Sighting(scope, call.line, call.column, call.end_line, message, (), mend)
    for scope, line, entered in _entered_uncalled(analysis):
        if connections.held(entered[1], scope) in WITH_TRANSACTIONS:
            message = f"`{written(entered, scope)}` is entered without being called: an error when it gets here"
            yield Sighting(scope, line, 0, line, message, (), Mend(f"call it: `{written(entered, scope)}()`"))


def _entered_uncalled(analysis: Analysis) -> Iterator[tuple[FunctionSymbol, int, Expression]]:
    for scope in analysis.scopes:
        for block in scope.facts.blocks:
            if block.what.startswith("with") and not scope.module.in_tests:
                for each in block.expressions:
                    if each[0] == "attribute" and each[2] == "transaction":
                        yield scope, block.head, each


def _is_transaction(analysis: Analysis, connections: Connections, call: CallSite, scope: FunctionSymbol) -> bool:
    if call.callee[0] == "attribute" and call.callee[2] == "transaction":
        return connections.held(call.callee[1], scope) in WITH_TRANSACTIONS
    match analysis.program.evaluate(call.callee, scope):
        case External(dotted=dotted):
            return dotted in ATOMIC
        case ClassSymbol(full_name=name) | FunctionSymbol(full_name=name):
            return name in ATOMIC
    return False


def _statements(analysis: Analysis) -> Iterator[Sighting]:
    mapped = analysis.once(MappedClasses)
    for scope, index, call in analysis.calls_of(*STATEMENTS):
        if scope.module.in_tests or not _makes_statement(analysis, mapped, call, scope):
            continue
        whole = call
        while whole.where[0] in ("called", "attribute") and (outer := _outer(index, scope)) is not None:
            index, whole = outer
        if whole.where == ("statement",) and last_name(whole.callee) != "execute":
            message = f"`{written(call.callee, scope)}(…)` makes a statement, and nothing executes it"
            yield Sighting(scope, call.line, call.column, whole.end_line, message, (), Mend("execute it"))


def _outer(index: int, scope: FunctionSymbol) -> tuple[int, CallSite] | None:
    """The call of a method of what a call gives."""
    for number, each in enumerate(scope.facts.calls):
        if each.callee[0] == "attribute" and each.callee[1] == ("call", index):
            return number, each
    return None


def _makes_statement(analysis: Analysis, mapped: MappedClasses, call: CallSite, scope: FunctionSymbol) -> bool:
    if call.callee[0] == "attribute":
        match analysis.receivers.value(call.callee[1], scope):
            case TypeOf(kind=kind):
                return mapped.mapper(kind) == PEEWEE and call.callee[2] not in kind.methods
    match analysis.program.evaluate(call.callee, scope):
        case External(dotted=dotted):
            return dotted.startswith(("sqlalchemy.", "sqlmodel.")) and dotted.count(".") <= 3
    return False
