"""Sessions of SQLAlchemy that nothing says are any: told by their name together with what is done with them."""

import re
from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import BODY, TOP, CallSite, Expression, last_name
from netra.guard.lazily import lazily
from netra.guard.symbols import FunctionSymbol

NAMES: Final = frozenset(
    """db session db_session dbsession async_session sql_session database_session db_sess sess s dbs tx uow_session
    _session _db read_session write_session""".split()
)
ENDING: Final = frozenset({"commit", "rollback", "flush"})
# What only a session has. `execute` and `delete` have many.
OF_A_SESSION: Final = frozenset(
    "add add_all flush refresh scalars scalar merge expunge expunge_all begin_nested query bulk_save_objects".split()
)
# Coroutine functions of an asynchronous session: whoever awaits one of these has none that is synchronous.
AWAITED: Final = frozenset("commit rollback flush refresh execute scalars scalar merge get delete close".split())

OPENING_SESSIONS: Final = re.compile(r"_?(?:async_|db_)*session_?(?:maker|factory)|(?:Async)?SessionLocal")
OPENED: Final = {"with": "sqlalchemy.orm.Session", "with async": "sqlalchemy.ext.asyncio.AsyncSession"}

LIBRARIES: Final = frozenset({"sqlalchemy", "sqlmodel"})


class SessionsByUse:
    """Answers by name and use, in programs that import SQLAlchemy or SQLModel somewhere."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._known: dict[tuple[FunctionSymbol, Expression], str | None] = {}
        self.is_there = any(
            each.module.partition(".")[0] in LIBRARIES for scope in analysis.scopes for each in scope.facts.imports
        )

    def of(self, expression: Expression, scope: FunctionSymbol) -> str | None:
        """The class that a parameter, or an attribute of `self`, must have, to be used as it is."""
        if not self.is_there or (last_name(expression) or "") not in NAMES:
            return None
        match expression:
            case ("name", str(name)):
                at: FunctionSymbol | None = scope
                while at is not None and name not in at.bound:
                    at = at.parent
                if at is None or at.facts.sort in (TOP, BODY) or name not in at.parameters or at.assigned.get(name):
                    return None
                if at.facts.parameters[at.parameters[name]].annotation is not None:
                    return None
                users = [at, *(each for each in at.children if name not in each.bound)]
            case ("attribute", ("name", "self"), _) if scope.owner is not None:
                at = scope
                users = [method for methods in scope.owner.methods.values() for method in methods]
            case _:
                return None
        key = (at if expression[0] == "name" else users[0], expression)
        if key not in self._known:
            self._known[key] = _told(list(_methods(expression, users)))
        return self._known[key]


def _methods(expression: Expression, users: list[FunctionSymbol]) -> Iterator[tuple[str, bool]]:
    """The methods that are called on it, and whether they are awaited."""
    for scope in users:
        for call in scope.facts.calls:
            if call.callee[0] == "attribute" and call.callee[1] == expression:
                yield call.callee[2], call.where[0] == "await"


def _told(methods: list[tuple[str, bool]]) -> str | None:
    names = {name for name, _ in methods}
    if not names & ENDING or not names - ENDING & OF_A_SESSION:
        return None
    awaited = {each for name, each in methods if name in AWAITED}
    if awaited == {True}:
        return "sqlalchemy.ext.asyncio.AsyncSession"
    return "sqlalchemy.orm.Session" if awaited == {False} else None


class OpenedByUse:
    """What opens sessions and is known by its name alone: `with self.session_maker() as session:`, in an argument without an
    annotation. It is believed where some block of the program commits by hand what it opens under that name, so that it does
    not do so itself.
    """

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._there = analysis.once(SessionsByUse).is_there

    @lazily
    def names(self) -> frozenset[str]:
        """The names under which such a factory is called."""
        found = [name for name in self._analysis.program.calls_named if OPENING_SESSIONS.fullmatch(name)] if self._there else []
        calls = self._analysis.calls_of(*found) if found else ()
        return frozenset(
            call.callee[-1] for scope, _, call in calls if not scope.module.in_tests and "commit" in _asked_of(call, scope)
        )

    def opened(self, call: CallSite, scope: FunctionSymbol) -> str | None:
        """The class of the session that a call opens, for a block or for a local name."""
        if call.callee[-1] not in self.names:
            return None
        if call.where[0] in OPENED:
            return OPENED[call.where[0]] if _asked_of(call, scope) & OF_A_SESSION else None
        if call.where[0] == "assign" and call.where[1][0] == "name" and len(scope.assigned.get(call.where[1][1], ())) == 1:
            # `session = self.session_maker()`: what is awaited of it tells which of the two it is.
            asked = list(_methods(call.where[1], [scope]))
            awaited = {late for name, late in asked if name in AWAITED}
            if {name for name, _ in asked} & OF_A_SESSION and len(awaited) == 1:
                return OPENED["with async" if awaited.pop() else "with"]
        return None

    def entered(self, expression: Expression, scope: FunctionSymbol) -> str | None:
        """The class of what has been opened under a local name, and nothing else has given that."""
        given = scope.assigned.get(expression[1], ()) if expression[0] == "name" and self.names else ()
        if len(given) != 1 or given[0].value[0] != "call" or not (given[0].how == "=" or given[0].how.startswith("with")):
            return None
        return self.opened(scope.facts.calls[given[0].value[1]], scope)


def _asked_of(call: CallSite, scope: FunctionSymbol) -> set[str]:
    """The methods that are called on what a block gives a name: `with factory() as session:`."""
    names = [each.target for each in scope.facts.assignments if each.how.startswith("with") and each.line == call.line]
    return {
        each.callee[2]
        for each in scope.facts.calls
        if each.callee[0] == "attribute" and each.callee[1] in names and each.callee[1][0] == "name"
    }
