"""Objects that the queries of mappers give, by the class on which a query begins, and no annotation has to be believed:

    User.query.filter_by(email=email).first()            # Flask-SQLAlchemy
    session.query(User).filter(User.id == number).one()  # SQLAlchemy
    await Message.objects.filter(room=room).afirst()     # Django
    await Vehicle.get_or_none(id=number)                 # Tortoise

A query is followed through the methods that narrow it, through names, and through methods of the program's own managers.
"""

from collections.abc import Callable
from typing import Final, TypeAlias

from netra.guard.facts import OTHER, CallSite, Expression, last_name
from netra.guard.members.mappers import DJANGO, TORTOISE, mapper_of
from netra.guard.members.parents import SQL_MODELS, Parents
from netra.guard.members.rows import NARROWING, Kinds
from netra.guard.members.tables import TABLES
from netra.guard.program import Program
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Routine, Value

Classes: TypeAlias = Callable[[Expression, FunctionSymbol, ClassSymbol | None], Kinds | None]
Evaluate: TypeAlias = Callable[[Expression, FunctionSymbol], Value | None]

SQL: Final = "sqlalchemy"
# What a query is still one of the same objects after.
STILL: Final = NARROWING | frozenset(
    """all exclude select_related prefetch_related only defer using select_for_update reverse annotate alias using_db
    complex_filter iterator aiterator none""".split()
)
ONE: Final = frozenset("get first last earliest latest one one_or_none first_or_404 get_or_404 one_or_404 create".split())
LATE: Final = frozenset("aget afirst alast aearliest alatest acreate".split())
OF_TORTOISE: Final = frozenset("get get_or_none first last earliest latest create".split())
GIVING_ONE: Final = ONE | LATE | OF_TORTOISE | {"get_one"}
# `session.get(User, number)`: what is given a mapped class and a key gives a row, whatever it is.
ASKING: Final = frozenset({"get", "get_one", "get_or_404"})
ROW_HOLDERS: Final = frozenset({"objects", "_default_manager", "_base_manager"})

# How many names and methods lie between a query and the class on which it begins.
DEEPEST: Final = 6


class Queries:
    """Answers about one program; `classes` says which classes an expression may be, `value` what it is."""

    def __init__(self, program: Program, parents: Parents, classes: Classes, value: Evaluate) -> None:
        self._program = program
        self._parents = parents
        self._classes = classes
        self._value = value

    def one(self, call: CallSite, scope: FunctionSymbol, *, late: bool) -> Kinds | None:
        """The class of the object that a query gives by its last method, awaited where `late`."""
        if call.callee[0] != "attribute" or call.callee[2] not in GIVING_ONE:
            return None
        if call.callee[2] in ASKING and len(call.arguments) > 1:
            if isinstance(self._value(call.callee, scope), Routine):
                return None  # of what is known, it is known what it gives
            kind = self._only(call.arguments[0], scope)
            return None if kind is None or not self._parents.above(kind, TABLES | SQL_MODELS) else frozenset({kind})
        found = self.begins(call.callee[1], scope)
        if found is None:
            return None
        kind, mapper = found
        name = call.callee[2]
        if mapper == TORTOISE:
            given = late and name in OF_TORTOISE
        elif mapper == DJANGO:
            given = name in LATE if late else name in ONE
        else:
            given = not late and name in ONE - {"create", "last", "earliest", "latest"}
        return frozenset({kind}) if given else None

    def each(self, expression: Expression, scope: FunctionSymbol) -> Kinds | None:
        """The class of the objects that a loop over a query gives."""
        if expression[0] == "await":
            expression = expression[1]
        if expression[0] == "attribute":
            return None  # a manager is no query, and neither is a class
        found = self.begins(expression, scope)
        return None if found is None else frozenset({found[0]})

    def begins(self, query: Expression, scope: FunctionSymbol, depth: int = DEEPEST) -> tuple[ClassSymbol, str] | None:
        """The mapped class on which a query begins, and whose mapper it is."""
        if depth == 0:
            return None
        match query:
            case ("subscript", inner, key) if key == OTHER:
                return self.begins(inner, scope, depth - 1)  # a slice
            case ("await", inner):
                return self.begins(inner, scope, depth)
            case ("attribute", inner, "query"):
                kind = self._only(inner, scope)
                return (kind, SQL) if kind is not None and self._parents.above(kind, TABLES) else None
            case ("attribute", inner, str(name)) if name in ROW_HOLDERS:
                kind = self._only(inner, scope)
                return (kind, DJANGO) if kind is not None and mapper_of(kind, self._program) == DJANGO else None
            case ("call", int(index)):
                return self._narrowed(scope.facts.calls[index], scope, depth)
            case ("name", str(name)):
                return self._named(name, scope, depth) or self._of_class(query, scope)
            case ("attribute", *_):
                return self._of_class(query, scope)
        return None

    def _of_class(self, expression: Expression, scope: FunctionSymbol) -> tuple[ClassSymbol, str] | None:
        """`Vehicle` of `Vehicle.filter(…)`."""
        kind = self._only(expression, scope)
        return (kind, TORTOISE) if kind is not None and mapper_of(kind, self._program) == TORTOISE else None

    def _narrowed(self, call: CallSite, scope: FunctionSymbol, depth: int) -> tuple[ClassSymbol, str] | None:
        if call.callee[0] != "attribute":
            return None
        _, inner, name = call.callee
        if name == "query" and len(call.arguments) == 1:
            kind = self._only(call.arguments[0], scope)
            return (kind, SQL) if kind is not None and self._parents.above(kind, TABLES) else None
        if name == "list" or name in STILL:
            return self.begins(inner, scope, depth - 1)
        if inner[0] == "attribute" and inner[2] in ROW_HOLDERS and (found := self.begins(inner, scope, depth - 1)):
            return found if self._is_own_narrowing(found[0], inner[2], name) else None
        return None

    def _is_own_narrowing(self, kind: ClassSymbol, manager: str, name: str) -> bool:
        """`Message.objects.recent(…)`, where that narrows `self`: all that it returns begins there."""
        for each in kind.body.assigned.get(manager, ()):
            match self._program.evaluate(class_of_queries(each.value, kind.body), kind.body):
                case ClassSymbol() as holding:
                    methods = holding.methods.get(name, ())
                    return (
                        len(methods) == 1
                        and bool(methods[0].facts.returned)
                        and all(_is_of_self(one.value, methods[0]) for one in methods[0].facts.returned)
                    )
        return False

    def _named(self, name: str, scope: FunctionSymbol, depth: int) -> tuple[ClassSymbol, str] | None:
        """`found = User.query`, `found = found.filter(…)`."""
        given = scope.assigned.get(name, ())
        if not given or name in scope.parameters or any(each.how not in ("=", "annotated") for each in given):
            return None
        found = set()
        for each in given:
            if _root(each.value, scope) == ("name", name):
                if not _narrows(each.value, scope):
                    return None
            else:
                found.add(self.begins(each.value, scope, depth - 1))
        return found.pop() if len(found) == 1 else None

    def _only(self, expression: Expression, scope: FunctionSymbol) -> ClassSymbol | None:
        kinds = self._classes(expression, scope, None) if expression[0] in ("name", "attribute") else None
        return next(iter(kinds)) if kinds is not None and len(kinds) == 1 else None


def may_query(call: CallSite, scope: FunctionSymbol) -> bool:
    """By its names alone: the call is a method of what may be a query."""
    if call.callee[0] != "attribute" or (call.callee[2] not in GIVING_ONE and call.callee[2] not in STILL):
        return False
    root = _root(call.callee[1], scope)
    if root[0] == "call":
        return last_name(scope.facts.calls[root[1]].callee) == "query"
    return root[0] == "name" or (root[0] == "attribute" and root[2] in {"query", *ROW_HOLDERS})


def _root(query: Expression, scope: FunctionSymbol) -> Expression:
    """`User.query` of `User.query.filter(…).limit(…)`; of `session.query(User).filter(…)` the call of `query`."""
    while True:
        if query[0] == "subscript" and query[2] == OTHER:
            query = query[1]
        elif query[0] == "call" and scope.facts.calls[query[1]].callee[0] == "attribute":
            callee = scope.facts.calls[query[1]].callee
            if callee[2] == "query":
                return query
            query = callee[1]
        else:
            return query


def _narrows(query: Expression, scope: FunctionSymbol) -> bool:
    while True:
        if query[0] == "subscript" and query[2] == OTHER:
            query = query[1]
        elif query[0] == "call":
            callee = scope.facts.calls[query[1]].callee
            if callee[0] != "attribute" or callee[2] not in STILL:
                return False
            query = callee[1]
        else:
            return True


def _is_of_self(query: Expression, method: FunctionSymbol) -> bool:
    root = _root(query, method)
    own = root == ("name", "self") or (root[0] == "call" and method.facts.calls[root[1]].callee == ("name", "super"))
    return own and _narrows_or_begins(query, method)


def _narrows_or_begins(query: Expression, method: FunctionSymbol) -> bool:
    """All methods on the way narrow, and the first may be `get_queryset`."""
    while query[0] in ("subscript", "call"):
        if query[0] == "subscript":
            query = query[1]
            continue
        callee = method.facts.calls[query[1]].callee
        if callee[0] != "attribute":
            return callee == ("name", "super")
        if callee[2] not in STILL and callee[2] != "get_queryset":
            return False
        query = callee[1]
    return True


def class_of_queries(made: Expression, body: FunctionSymbol) -> Expression:
    """Whose the methods of a manager of Django are: `People` of `People()` and of `People.as_manager()`."""
    while made[0] == "call":
        made = body.facts.calls[made[1]].callee
    return made[1] if made[0] == "attribute" and made[2] in ("as_manager", "from_queryset") else made
