"""What SQLAlchemy and SQLModel make rows of: the mapped class that a statement selects, or that a session is asked for.

    user = await session.get(User, number)
    user = await session.scalar(select(User).where(User.email == email))
    user = (await session.execute(select(User))).scalar_one()

No annotation has to be believed for it. A statement is followed through the methods that narrow it, through names, and through
methods of the program that give one: `self._select().where(…)` of a repository whose `model` each class below sets.
"""

from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

from netra.guard.facts import ASYNC, OTHER, CallSite, Expression
from netra.guard.meaning.receivers import Receivers
from netra.guard.program import Program
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol, VariableSymbol
from netra.guard.values import Routine

Kinds: TypeAlias = frozenset[ClassSymbol]
Classes: TypeAlias = Callable[[Expression, FunctionSymbol, ClassSymbol | None], Kinds | None]

LIBRARIES: Final = frozenset({"sqlalchemy", "sqlmodel"})
SESSIONS: Final = frozenset({"Session", "AsyncSession", "scoped_session", "async_scoped_session"})

# What narrows or orders a statement, and leaves alone what it selects.
NARROWING: Final = frozenset(
    """where filter filter_by order_by limit offset options join outerjoin distinct with_for_update execution_options
    group_by having""".split()
)
# What gives one row out of a result whose rows are objects, and out of one whose rows have columns.
ONE: Final = frozenset("first one one_or_none".split())
ONE_OF_COLUMNS: Final = frozenset("scalar scalar_one scalar_one_or_none".split())

ALL: Final = frozenset({"all", "fetchall", "partitions"})

NAMES: Final = ONE | ONE_OF_COLUMNS | {"get", "get_one"}

# How many statements and functions lie between a row and its `select`.
DEEPEST: Final = 6


class Rows:
    """Answers about one program; `classes` says which classes an expression may be."""

    def __init__(self, program: Program, receivers: Receivers, classes: Classes) -> None:
        self._program = program
        self._receivers = receivers
        self._classes = classes

    def of(self, call: CallSite, scope: FunctionSymbol, on: ClassSymbol | None, *, late: bool) -> Kinds | None:
        """The classes of which the row is that a call gives, awaited where `late`."""
        if call.callee[0] != "attribute" or call.callee[2] not in NAMES:
            return None
        asked = self._asked(call, scope)
        if asked is None or (asked.facts.sort == ASYNC) != late or asked.owner is None:
            return None
        if asked.owner.name in SESSIONS:
            if not call.arguments or call.callee[2] == "one":
                return None
            if call.callee[2] in ("get", "get_one"):
                return self._classes(call.arguments[0], scope, on)
            return self._selected(call.arguments[0], scope, on, DEEPEST) if call.callee[2] == "scalar" else None
        return self._result(call.callee[1], scope, on, columns=call.callee[2] in ONE_OF_COLUMNS)

    def each(self, result: Expression, scope: FunctionSymbol) -> Kinds | None:
        """The class of which each row of a result is over which a loop goes: `await session.scalars(…)`, or `….all()` of it."""
        call = scope.facts.calls[result[1]] if result[0] == "call" else None
        if call is not None and call.callee[0] == "attribute" and call.callee[2] in ALL:
            if (asked := self._asked(call, scope)) is None or asked.owner is None or asked.owner.name in SESSIONS:
                return None
            return self._result(call.callee[1], scope, None, columns=False)
        return self._result(result, scope, None, columns=False)

    def _asked(self, call: CallSite, scope: FunctionSymbol) -> FunctionSymbol | None:
        match self._receivers.value(call.callee, scope):
            case Routine(function=function) if function.module.name.partition(".")[0] in LIBRARIES:
                return function
        return None

    def _result(self, result: Expression, scope: FunctionSymbol, on: ClassSymbol | None, *, columns: bool) -> Kinds | None:
        """What each row of a result is: `await session.scalars(…)`, `session.execute(…).scalars()`, a name that is one."""
        match result:
            case ("await", inner):
                return self._result(inner, scope, on, columns=columns)
            case ("name", str(name)) if name not in scope.parameters:
                given = scope.assigned.get(name, ())
                made = given[0].value if len(given) == 1 and given[0].how == "=" else OTHER
                return self._result(made, scope, on, columns=columns) if made[0] in ("call", "await") else None
            case ("call", int(index)):
                call = scope.facts.calls[index]
            case _:
                return None
        asked = self._asked(call, scope)
        if asked is None or asked.owner is None or call.callee[0] != "attribute":
            return None
        match call.callee[2]:
            case "unique":
                return self._result(call.callee[1], scope, on, columns=columns)
            case "scalars" if asked.owner.name not in SESSIONS and not columns:
                return self._result(call.callee[1], scope, on, columns=True)
            case "execute" if columns and call.arguments:
                return self._selected(call.arguments[0], scope, on, DEEPEST)
            case "scalars" | "exec" if not columns and call.arguments:
                return self._selected(call.arguments[0], scope, on, DEEPEST)
        return None

    def _selected(self, statement: Expression, scope: FunctionSymbol, on: ClassSymbol | None, depth: int) -> Kinds | None:
        """The class that a statement selects, and nothing beside it."""
        if depth == 0:
            return None
        match statement:
            case ("call", int(index)):
                call = scope.facts.calls[index]
                match self._program.evaluate(call.callee, scope):
                    case External(dotted=dotted):
                        selects = dotted.rpartition(".")[2] == "select" and dotted.partition(".")[0] in LIBRARIES
                        only = call.arguments[0] if selects and len(call.arguments) == 1 and not call.keywords else None
                        return None if only is None else self._classes(only, scope, on)
                if call.callee[0] != "attribute":
                    return self._given_by(call.callee, scope, on, depth)
                if call.callee[1] == ("name", "self") or call.callee[2] not in NARROWING:
                    return self._given_by(call.callee, scope, on, depth)
                return self._selected(call.callee[1], scope, on, depth - 1)
            case ("name", str(name)):
                match self._program.evaluate(statement, scope):
                    case VariableSymbol(scope=where) if where is scope and name not in scope.parameters:
                        given = scope.assigned.get(name, ())
                        if any(each.how != "=" for each in given):
                            return None
                        first = [each.value for each in given if _root(each.value, scope) != statement]
                        narrowed = [each.value for each in given if _root(each.value, scope) == statement]
                        if not first or not all(_narrows(each, scope) for each in narrowed):
                            return None
                        return together(self._selected(each, scope, on, depth - 1) for each in first)
        return None

    def _given_by(self, callee: Expression, scope: FunctionSymbol, on: ClassSymbol | None, depth: int) -> Kinds | None:
        """What a function of the program gives a statement of."""
        of = on or scope.owner
        if callee[0] == "attribute" and callee[1] == ("name", "self") and of is not None:
            found = next((each.methods[callee[2]] for each in self._program.order(of)[0] if callee[2] in each.methods), [])
            if on is None and any(callee[2] in each.methods for each in self._program.subclasses.get(of, ())):
                return None
        else:
            match self._receivers.value(callee, scope):
                case Routine(function=function, receiver=None):
                    found = [function]
                case _:
                    return None
        if len(found) != 1 or found[0].facts.sort == ASYNC or found[0].facts.yields or found[0].module.library:
            return None
        function = found[0]
        if function.facts.falls or not function.decorator_names <= {"staticmethod", "classmethod"}:
            return None
        above = on if function.owner is not None else None
        return together(self._selected(each.value, function, above, depth - 1) for each in function.facts.returned) or None


def _root(statement: Expression, scope: FunctionSymbol) -> Expression:
    """`statement` of `statement.where(…).limit(…)`."""
    while statement[0] == "call" and scope.facts.calls[statement[1]].callee[0] == "attribute":
        statement = scope.facts.calls[statement[1]].callee[1]
    return statement


def _narrows(statement: Expression, scope: FunctionSymbol) -> bool:
    while statement[0] == "call":
        callee = scope.facts.calls[statement[1]].callee
        if callee[0] != "attribute" or callee[2] not in NARROWING:
            return False
        statement = callee[1]
    return True


def together(parts: Iterable[Kinds | None]) -> Kinds | None:
    """All that several may be; nothing when one of them is not known."""
    found: set[ClassSymbol] = set()
    for each in parts:
        if each is None:
            return None
        found |= each
    return frozenset(found)


def in_order(kinds: Kinds) -> Iterable[ClassSymbol]:
    """Classes by their names: a set has another order in each process, and what is asked first may decide an answer."""
    return kinds if len(kinds) < 2 else sorted(kinds, key=lambda each: (each.full_name, each.module.path, each.facts.line))
