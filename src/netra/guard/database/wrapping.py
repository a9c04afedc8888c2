"""Which layer a stretch of code asks the database through: Django and SQLAlchemy raise errors of their own, and no driver's.

`django.db.OperationalError` is no `sqlite3.OperationalError`, and neither is `sqlalchemy.exc.OperationalError`: both have it as
their cause.
"""

from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.database import django
from netra.guard.facts import Block, CallSite, last_name
from netra.guard.lazily import lazily
from netra.guard.program import imported_packages
from netra.guard.symbols import External, FunctionSymbol
from netra.guard.values import Instance, Routine

DRIVERS: Final = frozenset("sqlite3 aiosqlite psycopg psycopg2 asyncpg pymysql MySQLdb mysql oracledb cx_Oracle pyodbc".split())
LAYERS: Final = frozenset({"django", "sqlalchemy", "sqlmodel"})

# Operations of a session or connection of SQLAlchemy that send a statement.
SENDING: Final = frozenset("execute scalar scalars commit flush get query merge refresh exec exec_driver_sql delete".split())
# What may be asked of a driver as well, and is unknown where it is not known to be of a layer.
RAW: Final = frozenset("cursor execute executemany executescript commit connect raw_connection driver_connection".split())
ENTERED: Final = frozenset({"django.db.transaction.atomic", "django.db.connection.cursor"})

# Calls between a stretch and what asks the database.
FURTHEST: Final = 2


class Wrapping:
    """Answers through which layer the calls of a stretch of lines ask the database."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis

    def layer(self, scope: FunctionSymbol, block: Block) -> tuple[str, int] | None:
        """`django` or `sqlalchemy`, with the line of such a call; None where there is none, or something may ask a driver."""
        calls = [each for each in scope.facts.calls if block.line <= each.line <= block.end_line]
        found = [self._asked(each, scope, FURTHEST) for each in calls]
        if "" in found or not any(found):
            return None
        first = next((layer, call.line) for layer, call in zip(found, calls, strict=True) if layer)
        return first if all(each in (None, first[0]) for each in found) else None

    def _asked(self, call: CallSite, scope: FunctionSymbol, depth: int) -> str | None:
        """The layer that a call asks the database through; an empty word where it may be a driver, None where it asks none."""
        if self._has_django and django.asks(self._analysis, call, scope) is not None:
            return "django"
        match self._analysis.program.evaluate(call.callee, scope):
            case External(dotted=dotted):
                if dotted in ENTERED:
                    return "django"
                return "" if dotted.partition(".")[0] in DRIVERS else None
        name = last_name(call.callee)
        if call.callee[0] == "attribute":
            match self._analysis.receivers.value(call.callee[1], scope):
                case Instance(kind=kind) if kind.module.library:
                    top = kind.module.name.partition(".")[0]
                    if top in LAYERS:
                        return "sqlalchemy" if name in SENDING else None
                    return "" if top in DRIVERS else None
        match self._analysis.receivers.value(call.callee, scope):
            case Routine(function=function) if function.module.library:
                return "" if function.module.name.partition(".")[0] in DRIVERS else None
            case Routine(function=function) if depth:
                return self._within(function, depth - 1)
            case Routine():
                return None
        return "" if name in RAW else None

    def _within(self, function: FunctionSymbol, depth: int) -> str | None:
        found = {self._asked(each, function, depth) for each in function.facts.calls} - {None}
        return "" if len(found) > 1 else next(iter(found), None)

    @lazily
    def _has_django(self) -> bool:
        return "django" in self._analysis.program.once(imported_packages)
