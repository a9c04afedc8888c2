"""Rows of mapped classes that a function has out of a session: which class, which session, and what its query asked beside.

user = await session.get(User, number)
posts = (await session.execute(select(Post).where(Post.seen))).scalars().all()
session.add(User(name=name))

A name that is assigned in several places is what the last of them in front of the line gives, where nothing passes it by.
"""

from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.database.connections import SESSIONS, Connections
from netra.guard.facts import TOP, Assignment, Expression, last_name
from netra.guard.immutable import immutable
from netra.guard.members.mapped import SQLALCHEMY, MappedClasses
from netra.guard.settings import top_of
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import TypeOf

ASYNCHRONOUS: Final = "sqlalchemy.ext.asyncio.AsyncSession"

RUNNING: Final = frozenset({"execute", "scalars", "exec", "scalar"})
GIVING_ROWS: Final = frozenset({"all", "scalars", "unique", "fetchall"})
GIVING_ONE: Final = frozenset({"first", "one", "one_or_none", "scalar_one", "scalar_one_or_none", "scalar", "get"})
GETTING: Final = frozenset({"get", "get_one"})
NARROWING: Final = frozenset(
    """where filter filter_by order_by limit offset join outerjoin with_for_update distinct group_by having""".split()
)
# What makes sessions; the first two whatever they are told.
FACTORIES: Final = ("async_sessionmaker", "sessionmaker", "AsyncSession", "Session")

DEEPEST: Final = 10


@immutable
class RowInHand:
    """What a name holds."""

    kind: ClassSymbol
    session: Expression
    line: int
    """Where it was loaded or added."""
    plain: bool
    """The query said nothing of what is loaded beside, as far as it is seen."""
    added: bool
    """It was made here, and handed to the session."""


@immutable
class _Selected:
    """What an expression gives: rows, or one, of a class."""

    kind: ClassSymbol
    session: Expression
    plain: bool


class RowsInHand:
    """Answers about one program; use `analysis.once(RowsInHand)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._mapped = analysis.once(MappedClasses)
        self._connections = analysis.once(Connections)
        self._expiring: dict[tuple[str, bool], bool] = {}

    def session(self, expression: Expression, scope: FunctionSymbol) -> str:
        """The class of the models that a session is of; empty for what is none."""
        held = self._connections.held(expression, scope)
        return held if held in SESSIONS and held is not None else ""

    def expires(self, scope: FunctionSymbol, session: str) -> bool:
        """Everything of this program that makes such sessions leaves `expire_on_commit` as it is: a commit forgets all."""
        asynchronous = session == ASYNCHRONOUS
        key = (top_of(scope.module), asynchronous)
        if key not in self._expiring:
            self._expiring[key] = self._find_expiring(*key)
        return self._expiring[key]

    def _find_expiring(self, top: str, asynchronous: bool) -> bool:
        made = 0
        configured = [each for _, _, each in self._analysis.calls_of("configure", "partial", "sessionmaker")]
        if any("expire_on_commit" in dict(each.keywords) for each in configured if last_name(each.callee) != "sessionmaker"):
            return False
        for scope, _, call in self._analysis.calls_of(*FACTORIES):
            if scope.module.in_tests or top_of(scope.module) != top:
                continue
            keywords, name = dict(call.keywords), last_name(call.callee)
            kind = keywords.get("class_", call.arguments[1] if len(call.arguments) > 1 else ("none",))
            late = name in ("async_sessionmaker", "AsyncSession") or (last_name(kind) or "").startswith("Async")
            if name == "sessionmaker" and kind != ("none",) and (last_name(kind) or "") not in ("AsyncSession", "Session"):
                return False
            if late != asynchronous:
                continue
            if "expire_on_commit" in keywords or "**" in keywords or any(each[0] == "star" for each in call.arguments):
                return False
            made += 1
        return made > 0

    def row(self, name: str, scope: FunctionSymbol, line: int) -> RowInHand | None:
        """What a local name holds at a line, when that is a row."""
        if name in scope.parameters or scope.facts.sort == TOP or name in scope.facts.globals:
            return None
        given = self._last(name, scope, line)
        if given is None:
            return None
        if given.how == "for":
            found = self._many(given.value, scope, given.line + 1)
            return None if found is None else RowInHand(found.kind, found.session, given.line, found.plain, added=False)
        if given.how not in ("=", "annotated"):
            return None
        if given.value[0] == "call" and (added := self._added(name, given, scope, line)) is not None:
            return added
        found = self._one(given.value, scope, given.line)
        return None if found is None else RowInHand(found.kind, found.session, given.line, found.plain, added=False)

    def _last(self, name: str, scope: FunctionSymbol, line: int) -> Assignment | None:
        """The assignment that gives a name what it has at a line; None where another may."""
        before = [each for each in scope.assigned.get(name, ()) if each.line <= line]
        if not before:
            return None
        last = max(before, key=lambda each: each.line)
        others = [each for each in scope.assigned[name] if each is not last]
        around = [each for each in scope.facts.blocks if each.line <= last.line <= each.end_line]
        passed_by = [each for each in around if not each.line <= line <= each.end_line and not each.what.startswith("with")]
        if passed_by and (others or any(each.what != "try" for each in passed_by)):
            return None
        # What a loop assigns further down is there when it begins again.
        loops = [each for each in scope.facts.blocks if each.what == "loop" and each.line <= line <= each.end_line]
        if any(each.line <= one.line <= each.end_line and one.line > line for each in loops for one in others):
            return None
        return last

    def _added(self, name: str, given: Assignment, scope: FunctionSymbol, line: int) -> RowInHand | None:
        made = scope.facts.calls[given.value[1]]
        match self._analysis.receivers.value(made.callee, scope):
            case TypeOf(kind=kind) if self._mapped.mapper(kind) == SQLALCHEMY:
                pass
            case _:
                return None
        for call in scope.facts.calls:
            if call.callee[0] != "attribute" or call.callee[2] not in ("add", "add_all") or not given.line <= call.line < line:
                continue
            held = [part for each in call.arguments for part in (each[1] if each[0] in ("list", "tuple") else (each,))]
            around = [each for each in scope.facts.blocks if each.line <= call.line <= each.end_line]
            passed_by = [each.what for each in around if not each.line <= line <= each.end_line]
            if ("name", name) in held and all(each.startswith("with") or each == "try" for each in passed_by):
                return RowInHand(kind, call.callee[1], call.line, plain=False, added=True)
        return None

    def _one(self, value: Expression, scope: FunctionSymbol, line: int) -> _Selected | None:
        """The row that an expression gives."""
        match value:
            case ("await", inner):
                return self._one(inner, scope, line)
            case ("call", int(index)):
                call = scope.facts.calls[index]
                if call.callee[0] != "attribute":
                    return None
                _, inner, name = call.callee
                if name in GETTING and call.arguments and self.session(inner, scope):
                    kind = self._mapped_class(call.arguments[0], scope)
                    plain = not {"options", "populate_existing", "**"} & dict(call.keywords).keys()
                    return None if kind is None else _Selected(kind, inner, plain)
                if name == "scalar" and call.arguments and self.session(inner, scope):
                    return self._asked(call.arguments[0], inner, scope, line)
                return self._result(inner, scope, line) if name in GIVING_ONE else None
        return None

    def _many(self, value: Expression, scope: FunctionSymbol, line: int) -> _Selected | None:
        """The rows over which a loop goes."""
        match value:
            case ("name", str(name)) if name not in scope.parameters:
                given = self._last(name, scope, line - 1)
                return self._many(given.value, scope, given.line) if given is not None and given.how == "=" else None
            case ("call" | "await", _):
                return self._result(value, scope, line)
        return None

    def _result(self, value: Expression, scope: FunctionSymbol, line: int, depth: int = DEEPEST) -> _Selected | None:
        """The rows of `(await session.execute(select(User))).scalars()`, and of a name that has that."""
        if depth == 0:
            return None
        match value:
            case ("await", inner):
                return self._result(inner, scope, line, depth)
            case ("name", str(name)) if name not in scope.parameters:
                given = self._last(name, scope, line - 1) or self._last(name, scope, line)
                if given is None or given.how not in ("=", "annotated"):
                    return None
                return self._result(given.value, scope, given.line, depth - 1)
            case ("call", int(index)):
                call = scope.facts.calls[index]
                if call.callee[0] != "attribute":
                    return None
                _, inner, name = call.callee
                if name in RUNNING and call.arguments and self.session(inner, scope):
                    return self._asked(call.arguments[0], inner, scope, line)
                if name == "query" and len(call.arguments) == 1 and self.session(inner, scope):
                    kind = self._mapped_class(call.arguments[0], scope)
                    return None if kind is None else _Selected(kind, inner, plain=True)
                found = self._result(inner, scope, line, depth - 1)
                if found is None or name in GIVING_ROWS or name in NARROWING:
                    return found
                return _Selected(found.kind, found.session, plain=False) if name == "options" else None
        return None

    def _asked(
        self, statement: Expression, session: Expression, scope: FunctionSymbol, line: int, depth: int = DEEPEST
    ) -> _Selected | None:
        """What a statement selects: `select(User).where(…)`, or a name that has it."""
        if depth == 0:
            return None
        match statement:
            case ("name", str(name)) if name not in scope.parameters:
                given = self._last(name, scope, line - 1)
                if given is None or given.how not in ("=", "annotated"):
                    return None
                return self._asked(given.value, session, scope, given.line, depth - 1)
            case ("call", int(index)):
                call = scope.facts.calls[index]
                if last_name(call.callee) == "select":
                    kind = self._mapped_class(call.arguments[0], scope) if len(call.arguments) == 1 else None
                    return None if kind is None else _Selected(kind, session, plain=True)
                if call.callee[0] != "attribute":
                    return None
                found = self._asked(call.callee[1], session, scope, line, depth - 1)
                if found is None or call.callee[2] in NARROWING:
                    return found
                return _Selected(found.kind, session, plain=False)
        return None

    def _mapped_class(self, expression: Expression, scope: FunctionSymbol) -> ClassSymbol | None:
        match self._analysis.receivers.value(expression, scope):
            case TypeOf(kind=kind) if self._mapped.mapper(kind) == SQLALCHEMY:
                return kind
        return None
