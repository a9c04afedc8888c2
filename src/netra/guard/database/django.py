"""Calls by which Django asks its database, in the thread that makes them: in an async function it raises."""

from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Expression
from netra.guard.meaning.given_last import given_last
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol
from netra.guard.values import Instance

LIBRARY: Final = "django.db"

# What sends a query that a manager puts together, and what an object of a model does with its row.
OF_QUERIES: Final = frozenset(
    """get create first last latest earliest count exists get_or_create update_or_create bulk_create bulk_update aggregate
    in_bulk update delete""".split()
)
OF_ROWS: Final = frozenset("save delete refresh_from_db".split())
# What gives one row, whose methods then ask the database.
OF_ONE: Final = frozenset("get first last create aget afirst alast acreate latest earliest alatest aearliest".split())
CALLED: Final = OF_QUERIES | OF_ROWS | {"cursor"}
QUERYING: Final = frozenset({"objects", "_default_manager", "_base_manager"})
MODEL: Final = "Model"

# What lets a function run in a thread of its own.
THREADED: Final = frozenset({"sync_to_async", "database_sync_to_async"})

# What settings call their databases, and what in them lets a connection outlive the request that it was opened for.
DATABASES: Final = "DATABASES"
KEEPING_CONNECTIONS: Final = (("string", "CONN_MAX_AGE"), ("string", "pool"))

LONGEST_CHAIN: Final = 12


def keeps_connections(analysis: Analysis) -> bool:
    """The settings let a connection live on behind its request: `"CONN_MAX_AGE": 600`, a pool, or
    `dj_database_url.config(conn_max_age=…)`.
    """
    for module in analysis.modules:
        if module.in_tests:
            continue
        for each in module.top.facts.assignments:
            if each.target == ("name", DATABASES) and each.value[0] == "dict" and any(_is_kept(one) for one in each.value[1]):
                return True
            if each.target[0] == "subscript" and each.target[2] in KEEPING_CONNECTIONS:
                return True
        if any(key == "conn_max_age" for call in module.top.facts.calls for key, _ in call.keywords):
            return True
    return False


def _is_kept(item: tuple[Expression, Expression]) -> bool:
    """An item of the settings of databases, or one further inside, says that connections are kept."""
    key, value = item
    if value[0] == "dict":
        return any(_is_kept(one) for one in value[1])
    return key in KEEPING_CONNECTIONS and value not in (("none",), ("constant", "bool", False))


def is_connection(analysis: Analysis, expression: Expression, scope: FunctionSymbol) -> bool:
    """`connection` of Django, or one of its `connections`, by its alias."""
    if expression[0] == "subscript":
        expression = expression[1]
    match analysis.program.evaluate(expression, scope):
        case External(dotted="django.db.connection" | "django.db.connections"):
            return True
    return False


def asks(analysis: Analysis, call: CallSite, scope: FunctionSymbol) -> str | None:
    """What a call works with that waits for the database of Django; None for all else."""
    callee = call.callee
    if callee[0] != "attribute":
        return None
    method, receiver = callee[2], callee[1]
    if method == "cursor":
        match analysis.program.evaluate(receiver, scope):
            case External(dotted="django.db.connection"):
                return "django.db.connection"
        return None
    if method in OF_QUERIES and _puts_queries(analysis, receiver, scope):
        return "django.db.models.Manager"
    if method in OF_ROWS:
        given = _given(receiver, call.line, scope)
        if given is not None and _is_row(analysis, given, scope):
            return "django.db.models.Model"
        value = analysis.receivers.value(receiver, scope)
        # A short name that the function has for other things, too.
        match analysis.receivers.value(given, scope) if value is None and given is not None else value:
            case Instance(kind=kind) if _is_model(analysis, kind) and not _defines(analysis, kind, method):
                return "django.db.models.Model"
    return None


def _given(receiver: Expression, line: int, scope: FunctionSymbol) -> Expression | None:
    """What a local name is given, by the last line above that says so, or by the only one."""
    if receiver[0] != "name" or receiver[1] in scope.parameters:
        return None
    given = scope.assigned.get(receiver[1], ())
    last = given[0] if len(given) == 1 else given_last(receiver[1], line, scope)
    return last.value if last is not None and last.how in ("=", "annotated") else None


def _is_row(analysis: Analysis, given: Expression, scope: FunctionSymbol) -> bool:
    """What a manager has given: `await Room.objects.aget(pk=1)`."""
    value = given[1] if given[0] == "await" else given
    callee: Expression = scope.facts.calls[value[1]].callee if value[0] == "call" else ("other",)
    return callee[0] == "attribute" and callee[2] in OF_ONE and _puts_queries(analysis, callee[1], scope)


def is_threaded(function: FunctionSymbol) -> bool:
    """Its decorator hands it to a thread."""
    return not THREADED.isdisjoint(function.decorator_names)


def _puts_queries(analysis: Analysis, receiver: Expression, scope: FunctionSymbol) -> bool:
    """`Tour.objects`, `Tour.objects.filter(…).order_by(…)`, and a local name that holds what that gives."""
    for _ in range(LONGEST_CHAIN):
        match receiver:
            case ("call", int(index)):
                receiver = scope.facts.calls[index].callee
            case ("attribute", model, str(name)) if name in QUERYING:
                match analysis.program.evaluate(model, scope):
                    case ClassSymbol() as kind:
                        return _is_model(analysis, kind)
                return False
            case ("attribute", inner, _):
                receiver = inner
            case ("name", str(name)) if name not in scope.parameters:
                assigned = scope.assigned.get(name, ())
                if len(assigned) != 1 or assigned[0].how != "=":
                    return False
                receiver = assigned[0].value
            case _:
                return False
    return False


def _is_model(analysis: Analysis, kind: ClassSymbol) -> bool:
    """The class is below Django's `Model`, and its manager is the one that Django gives it, or is not looked at."""
    for each in analysis.program.order(kind)[0]:
        for base in each.facts.bases:
            match analysis.program.evaluate(base, each.module.function(each.facts.scope)):
                case External(dotted=dotted) if dotted.startswith("django.") and dotted.endswith(MODEL):
                    return True
                case ClassSymbol(module=module, name=name) if module.model and name == MODEL:
                    return module.name.startswith("django.")
    return False


def _defines(analysis: Analysis, kind: ClassSymbol, method: str) -> bool:
    return any(method in each.methods for each in analysis.program.order(kind)[0])
