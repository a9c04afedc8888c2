"""D121."""

import re
from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.meaning.narrowing import is_caught, is_told_apart
from netra.guard.rule import rule
from netra.guard.symbols import External, FunctionSymbol, ModuleSymbol, VariableSymbol
from netra.guard.values import Instance, Routine, TypeOf

ADDRESS: Final = re.compile(r"(?P<database>[a-z]\w*)(?:\+(?P<driver>\w+))?://")
WAITING: Final = frozenset({"asyncpg", "aiosqlite", "aiomysql", "asyncmy", "aioodbc", "psycopg_async", "aiopg"})
BLOCKING: Final = frozenset({"psycopg2", "pg8000", "pymysql", "mysqldb", "mysqlconnector", "pysqlite", "pyodbc", "pymssql"})
# Databases whose driver, where none is named, is none that waits. That of PostgreSQL is psycopg from 2.1 on.
WITHOUT: Final = frozenset({"sqlite", "mysql", "mariadb", "mssql", "postgresql"})
BY_VERSION: Final = frozenset({"postgresql"})

SCHEMA: Final = ("create_all", "drop_all", "reflect")
ASYNC_ENGINES: Final = ("AsyncEngine", "AsyncConnection")
ENGINES: Final = ("Engine", "Connection")
ASYNC_SESSION: Final = "sqlalchemy.ext.asyncio.AsyncSession"


@rule("D121", "engine-of-the-other-kind")
def engine_of_the_other_kind(analysis: Analysis) -> Iterator[Sighting]:
    """An asynchronous engine of SQLAlchemy is used where a plain one is wanted, or the other way around.

    ```python
    engine = create_async_engine("sqlite:///data.db")  # D121: the driver is none that waits
    engine = create_engine("postgresql+asyncpg://db/app")  # D121: MissingGreenlet with the first query

    Base.metadata.create_all(bind=async_engine)  # D121
    await connection.run_sync(Base.metadata.create_all())  # D121: called too early
    maker = sessionmaker(async_engine)  # D121: makes sessions that block
    rows = await async_session.query(Person).all()  # D121: an asynchronous session has no `query`
    ```

    Name a driver of the same kind (`sqlite+aiosqlite`, `postgresql+asyncpg`), `await connection.run_sync(
    Base.metadata.create_all)`, and use `async_sessionmaker`.
    """
    yield from _addresses(analysis)
    yield from _schemas(analysis)
    yield from _sessions(analysis)
    yield from _queries(analysis)


def _addresses(analysis: Analysis) -> Iterator[Sighting]:
    for scope, index, call in analysis.calls_of("create_async_engine", "create_engine"):
        if scope.module.in_tests or not _is_of_sqlalchemy(analysis, call, scope):
            continue
        late = last_name(call.callee) == "create_async_engine"
        given = call.arguments[0] if call.arguments else dict(call.keywords).get("url")
        found = ADDRESS.match(_text(analysis, given, scope)) if given is not None else None
        if found is None or {"creator", "async_creator", "module", "**"} & dict(call.keywords).keys():
            continue
        database, driver = found["database"], found["driver"]
        if late and (driver in BLOCKING or (driver is None and database in WITHOUT)):
            sure = LIKELY if driver is None and database in BY_VERSION else CERTAIN
            message = f"`{found[0]}` names no driver that waits, and an asynchronous engine takes no other"
            mend = Mend("name one: `postgresql+asyncpg`, `sqlite+aiosqlite`, `mysql+aiomysql`")
            yield Sighting(scope, call.line, call.column, call.end_line, message, (), mend, sure)
        elif not late and driver in WAITING and not _is_wrapped(index, call, scope):
            message = f"`{found[0]}` has to be awaited, and a plain engine does not: MissingGreenlet with the first query"
            mend = Mend("use `create_async_engine`, or a driver that blocks")
            yield Sighting(scope, call.line, call.column, call.end_line, message, (), mend)


def _is_of_sqlalchemy(analysis: Analysis, call: CallSite, scope: FunctionSymbol) -> bool:
    match analysis.program.evaluate(call.callee, scope):
        case External(dotted=dotted):
            return dotted.startswith(("sqlalchemy.", "sqlmodel."))
        case FunctionSymbol(module=ModuleSymbol(library=True)):
            return True
    return False


def _text(analysis: Analysis, given: Expression, scope: FunctionSymbol, depth: int = 3) -> str:
    """How an address begins, also under a name and as the default of a variable."""
    match given:
        case ("string", str(text)) | ("formatted", (("string", str(text)), *_)):
            return text
        case ("name", str(name)) if depth:
            match analysis.program.lookup(name, scope):
                case VariableSymbol(scope=holder, name=kept) if kept not in holder.parameters:
                    assigned = holder.assigned.get(kept, ())
                    if len(assigned) == 1 and assigned[0].how in ("=", "annotated") and kept not in holder.module.rebinding:
                        return _text(analysis, assigned[0].value, holder, depth - 1)
        case ("call", int(index)) if last_name(scope.facts.calls[index].callee) == "getenv" and depth:
            call = scope.facts.calls[index]
            return _text(analysis, call.arguments[1], scope, depth - 1) if len(call.arguments) == 2 else ""
    return ""


def _is_wrapped(index: int, call: CallSite, scope: FunctionSymbol) -> bool:
    """`AsyncEngine(create_engine(…))`, and what a migration does with it."""
    held: tuple[Expression, ...] = (("call", index),)
    if call.where[0] == "assign":
        held = (*held, call.where[1])
    wrapping = [each for each in scope.facts.calls if last_name(each.callee) == "AsyncEngine"]
    return any(value in each.given for each in wrapping for value in held) or call.where[0] == "return"


def _schemas(analysis: Analysis) -> Iterator[Sighting]:
    for scope, _, call in analysis.calls_of(*SCHEMA):
        if scope.module.in_tests or call.callee[0] != "attribute" or "metadata" not in written(call.callee[1], scope).lower():
            continue
        named = written(call.callee, scope)
        for given in (*call.arguments[:1], *(value for key, value in call.keywords if key == "bind")):
            if kind := _engine(analysis, given, scope, ASYNC_ENGINES):
                message = f"`{named}(…)` is given an `{kind}`, and works with a plain one only"
                mend = Mend(f"write `await connection.run_sync({named})`")
                yield Sighting(scope, call.line, call.column, call.end_line, message, (), mend)
        match call.where:
            case ("argument", int(outer), 0) if last_name(scope.facts.calls[outer].callee) == "run_sync" and not call.given:
                message = f"`{named}()` is called before `run_sync` gets it, and has no connection there"
                yield Sighting(scope, call.line, call.column, call.end_line, message, (), Mend(f"hand on `{named}` itself"))


def _sessions(analysis: Analysis) -> Iterator[Sighting]:
    for scope, _, call in analysis.calls_of("sessionmaker", "Session", "async_sessionmaker", "AsyncSession"):
        name = last_name(call.callee) or ""
        kind = dict(call.keywords).get("class_", call.arguments[1] if len(call.arguments) > 1 else None)
        given = call.arguments[0] if call.arguments else dict(call.keywords).get("bind")
        if scope.module.in_tests or given is None or (kind is not None and name == "sessionmaker"):
            continue
        late = name.lower().startswith("async")
        match analysis.receivers.value(call.callee, scope):
            case TypeOf(kind=made) if made.module.library:
                pass
            case Routine(function=made) if made.module.library:
                pass
            case _:
                continue
        if found := _engine(analysis, given, scope, ENGINES if late else ASYNC_ENGINES):
            message = f"`{name}(…)` is given {'an' if found[0] in 'AE' else 'a'} `{found}`, which is of the other kind"
            mend = Mend("use `create_async_engine`" if late else "use `async_sessionmaker`")
            yield Sighting(scope, call.line, call.column, call.end_line, message, (), mend)


def _queries(analysis: Analysis) -> Iterator[Sighting]:
    """What only a plain session has is asked of one that waits."""
    for scope, _, call in analysis.calls_of("query"):
        if call.callee[0] != "attribute" or scope.module.in_tests:
            continue
        match analysis.receivers.value(call.callee[1], scope):
            case Instance(kind=kind) if kind.module.library and kind.full_name == ASYNC_SESSION:
                if is_caught(call.line, scope, "AttributeError") or is_told_apart(call.callee[1], "query", scope):
                    continue
                message = f"`{written(call.callee[1], scope)}` is an `{kind.name}`, which has no `query`: an AttributeError"
                mend = Mend("write `await session.execute(select(…))`, or `session.run_sync` for what asks in the old way")
                yield Sighting(scope, call.line, call.column, call.end_line, message, (), mend)


def _engine(analysis: Analysis, given: Expression, scope: FunctionSymbol, names: tuple[str, ...]) -> str:
    """The class of an engine or connection, when it is one of these of SQLAlchemy."""
    match analysis.receivers.value(given, scope):
        case Instance(kind=kind) if kind.module.library and kind.module.name.startswith("sqlalchemy") and kind.name in names:
            return kind.name
    return ""
