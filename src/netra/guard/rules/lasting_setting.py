"""D110."""

import re
from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.database.connections import SQLALCHEMY, Connections, runs_for_itself
from netra.guard.database.django import is_connection, keeps_connections
from netra.guard.database.statements import Statements
from netra.guard.database.transactions import COMMITS, Tracked, Transactions
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.meaning.expressions import within, written
from netra.guard.rule import rule
from netra.guard.settings import values_of
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine, Step

EXECUTING = ("execute", "exec_driver_sql", "exec", "scalar")
# Connections of these come from a pool that only rolls back. The pool of asyncpg resets nearly everything.
POOLED = SQLALCHEMY | {"psycopg.AsyncConnection", "psycopg.Connection", "aiomysql.MysqlConnection"}
# What Django keeps for the next request of a thread, where its settings say so.
OF_DJANGO = "django.db.connection"
RESETTING = "asyncpg.Connection"
# What `RESET ALL`, which that pool runs, leaves as it is.
NOT_RESET = frozenset({"role", "authorization"})
# Where a setting is none of the transaction's, and a rollback does not take it along.
OF_SESSIONS = frozenset({"aiomysql.MysqlConnection"})

# What decides whose rows one sees, or what a statement may take and leave unchecked.
LASTING = re.compile(
    r"\s*set\s+(?:session\s+|@@session\.|@@)?(?!local\b|transaction\b|constraints\b|characteristics\b)"
    r"(search_path|role|(?:statement|lock|idle_in_transaction_session)_timeout|(?:maintenance_)?work_mem|row_security"
    r"|session_replication_role|foreign_key_checks|unique_checks|sql_mode|time_?zone|time\s+zone|datestyle|lc_\w+|default_transaction_\w+|authorization|(?:app|rls|tenant|myapp|request|jwt|my|current)\w*\.\w+"
    r"|\w+\.\w*(?:user|tenant|org|account|role|owner|customer|workspace|company)\w*)",
    re.IGNORECASE,
)
# How somebody wants to see dates and texts: of others no business, where it is not the same for all.
LOCALE = re.compile(r"time_?zone|time\s+zone|datestyle|lc_", re.IGNORECASE)
# Where a value is filled in, by us or by the driver.
PLACE = re.compile(r"\?|\$\d|%s|%\(|(?<![\w:]):[a-zA-Z_]")
CONFIGURED = re.compile(r"\s*select\s+set_config\(\s*'([\w.]+)'\s*,.*,\s*false\s*\)", re.IGNORECASE | re.DOTALL)
PUT_BACK = re.compile(r"\s*(reset|discard)\b", re.IGNORECASE)
OWN = ("name", "self")
HOOKS = frozenset({"listens_for", "listens_for_event", "on_connect"})


@rule("D110", "lasting-setting")
def lasting_setting(analysis: Analysis) -> Iterator[Sighting]:
    """A setting that says whose rows are seen, or what a statement may take, is made for as long as a pooled connection lives.

    The connection goes back to the pool with the setting, and the next request, of somebody else, works under it.

    ```python
    async def rows_of(tenant: str, session: AsyncSession):
        await session.execute(text(f"SET search_path TO {tenant}"))  # D110
        return await session.execute(select(Row))
    ```

    The pool of asyncpg resets all of it but the role. Django keeps a connection for the next request where its settings say so,
    by `CONN_MAX_AGE` or a pool.

    `SET LOCAL`, or `set_config(…, true)`, ends with the transaction. Guard is certain where it is told for each request whose
    rows are seen, and the transaction is committed: what is rolled back takes its settings along.
    """
    connections, statements = analysis.once(Connections), analysis.once(Statements)
    pooled = POOLED | {RESETTING} if _keeps_settings(analysis) else POOLED
    for name in EXECUTING:
        for scope, index in analysis.program.calls_named.get(name, ()):
            call = scope.facts.calls[index]
            if scope.module.in_tests or call.callee[0] != "attribute" or not call.arguments:
                continue
            text = statements.written(call.arguments[0], scope)
            match = LASTING.match(text) or CONFIGURED.match(text)
            if match is None or scope.decorator_names & HOOKS:
                continue
            if LOCALE.match(match[1]) and not _tells_whose(text, match[1]):
                continue  # the same for everybody
            session = _connection_of(call.callee[1], scope)
            library: str | None = connections.held(session, scope)
            if library is None and is_connection(analysis, session, scope) and analysis.once(keeps_connections):
                library = OF_DJANGO
            elif library not in pooled and not (library == RESETTING and match[1].lower() in NOT_RESET):
                continue
            if _is_of_the_object(call, scope):
                continue  # one value for as long as the object lives, and so for all of its connections
            if (
                _is_put_back(statements, scope, match[1])
                or _is_its_own(connections, session, scope)
                or runs_for_itself(analysis, scope)
            ):
                continue
            kept = "stays open for the next request" if library == OF_DJANGO else "goes back to its pool"
            message = f"`{match[1]}` is set for as long as the connection lives, and the connection {kept}"
            step = Step(scope.module.path, call.line, "what is set here is still set for whoever gets the connection next")
            steps = (step, *_committed(analysis, scope, call, library))
            mend = Mend("`SET LOCAL …` or `set_config(…, true)`, which end with the transaction")
            served = analysis.reach.path_to(scope)
            sure = CERTAIN if served and len(steps) > 1 and _tells_whose(text, match[1]) else LIKELY
            yield Sighting(scope, call.line, call.column, call.end_line, message, steps, mend, sure)


def _keeps_settings(analysis: Analysis) -> bool:
    """A pool of asyncpg that is told what to do with a connection that comes back, and does not reset it there."""
    told = ((scope, dict(call.keywords).get("reset")) for scope, _, call in analysis.calls_of("create_pool"))
    return any(given is not None and not _resets(analysis, given, scope) for scope, given in told)


def _resets(analysis: Analysis, given: Expression, scope: FunctionSymbol) -> bool:
    """The function that a pool is given asks the connection how to reset it, or resets it by itself."""
    match analysis.receivers.value(given, scope):
        case Routine(function=function):
            texts = (value[1] for value in values_of(function) if value[0] == "string")
            return "get_reset_query" in function.called or any(PUT_BACK.match(str(each)) for each in texts)
    return False


def _is_of_the_object(call: CallSite, scope: FunctionSymbol) -> bool:
    """What is set is made of the object whose method it is, directly or by a name that has got it there."""
    parts = (*call.arguments, *_parts(call.arguments[0], scope))
    named = [each for one in parts for each in within(one, scope) if each[0] == "name"]
    values = [each.value for name in named for each in scope.assigned.get(name[1], ())]
    return OWN in named or any(OWN in within(each, scope) for each in values)


def _tells_whose(text: str, name: str) -> bool:
    """What it is set to comes from somewhere, and rows are seen by it: a role, a schema, a tenant."""
    return PLACE.search(text) is not None and not name.lower().endswith(("timeout", "_mem", "_checks", "mode"))


def _committed(analysis: Analysis, scope: FunctionSymbol, call: CallSite, library: str) -> Iterator[Step]:
    """Where the transaction is committed, by which alone the setting outlives it; asyncpg commits each statement by itself."""
    session = _connection_of(call.callee[1], scope)
    if library in OF_SESSIONS:
        yield Step(
            scope.module.path, call.line, "a setting is none of the transaction's here, and stays when that is rolled back"
        )
        return
    if library == OF_DJANGO:
        yield Step(
            scope.module.path, call.line, "a statement outside of `atomic` is committed by itself, and so is what is inside"
        )
        return
    if _is_committed_at_its_end(session, scope):
        yield Step(scope.module.path, call.line, "the pool commits what is left when its block ends, and the setting with it")
        return
    if library == RESETTING:
        yield Step(scope.module.path, call.line, "a statement outside of a transaction is committed by itself")
        return
    transactions = analysis.once(Transactions)
    if session[0] == "name":
        tracked = Tracked(scope, session[1], library)
        for index, each in enumerate(scope.facts.calls):
            if each.line > call.line and COMMITS in transactions.effects(tracked, index):
                yield Step(scope.module.path, each.line, f"`{session[1]}` is committed, and the setting with it")
                return
    elif session[0] in ("attribute", "subscript"):
        committing = ("attribute", session, "commit")
        for where, _, each in analysis.calls_of("commit"):
            if each.callee == committing and not where.module.in_tests and analysis.reach.path_to(where):
                yield Step(where.module.path, each.line, f"`{written(session, scope)}` is committed, and the setting with it")
                return


def _connection_of(executing: Expression, scope: FunctionSymbol) -> Expression:
    """The connection that a cursor works on, where that is what executes."""
    if executing[0] == "name":
        for each in scope.assigned.get(executing[1], ()):
            value = each.value[1] if each.value[0] == "await" else each.value
            if value[0] == "call" and scope.facts.calls[value[1]].callee[::2] == ("attribute", "cursor"):
                return scope.facts.calls[value[1]].callee[1]  # type: ignore[no-any-return]
    return executing


def _is_committed_at_its_end(session: Expression, scope: FunctionSymbol) -> bool:
    """`with pool.connection() as connection:` of psycopg, which commits where nothing fails."""
    given = scope.assigned.get(session[1], ()) if session[0] == "name" else ()
    return any(
        each.how in ("with", "with async")
        and each.value[0] == "call"
        and last_name(scope.facts.calls[each.value[1]].callee) == "connection"
        for each in given
    )


def _parts(statement: Expression, scope: FunctionSymbol) -> tuple[Expression, ...]:
    """What a call of `text`, or a local name, puts the statement together of."""
    match statement:
        case ("call", int(index)):
            return scope.facts.calls[index].arguments
        case ("name", str(name)):
            return tuple(each.value for each in scope.assigned.get(name, ()))
    return ()


def _is_put_back(statements: Statements, scope: FunctionSymbol, name: str) -> bool:
    """The function resets what it has set, or sets it once more, on some way at least."""
    executing = [call for call in scope.facts.calls if call.arguments and last_name(call.callee) in EXECUTING]
    texts = [statements.written(call.arguments[0], scope) for call in executing]
    again = [match for text in texts if (match := LASTING.match(text)) and match[1].lower() == name.lower()]
    return any(PUT_BACK.match(text) for text in texts) or len(again) > 1


def _is_its_own(connections: Connections, expression: Expression, scope: FunctionSymbol) -> bool:
    """The connection was made by the driver itself, and is nobody's after this."""
    if expression[0] != "name" or (connections.held(expression, scope) or "") in SQLALCHEMY:
        return False
    values = (each.value[1] if each.value[0] == "await" else each.value for each in scope.assigned.get(expression[1], ()))
    return any(value[0] == "call" and last_name(scope.facts.calls[value[1]].callee) == "connect" for value in values)
