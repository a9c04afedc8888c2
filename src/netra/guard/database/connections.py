"""Sessions and connections of databases: what opens a new one, which names hold one, and who closes it.

A call opens a new one when it is a class or function of a library that does, a factory made by `sessionmaker`, or a function of
the program all of whose results are new. What a registry, a getter or an attribute hands out may belong to somebody else, and
is none.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.database.by_use import OpenedByUse, SessionsByUse
from netra.guard.database.carriers import Carriers
from netra.guard.facts import ASYNC, BODY, NAMED, PLAIN, TOP, CallSite, Expression, Where, last_name
from netra.guard.lazily import lazily
from netra.guard.meaning.parameters import parameter_given
from netra.guard.program import TAKEN_OUT
from netra.guard.requests.on_request import OnRequest
from netra.guard.symbols import ClassSymbol, FunctionSymbol, ModuleSymbol
from netra.guard.values import AwaitableOf, CoroutineOf, Foreign, Instance, Routine, TypeOf, Value

SQLALCHEMY: Final = frozenset(
    """sqlalchemy.orm.Session sqlalchemy.ext.asyncio.AsyncSession sqlalchemy.engine.Connection
    sqlalchemy.ext.asyncio.AsyncConnection sqlalchemy.engine.PooledConnection""".split()
)
SESSIONS: Final = frozenset({"sqlalchemy.orm.Session", "sqlalchemy.ext.asyncio.AsyncSession"})
DRIVERS: Final = frozenset(
    """asyncpg.Connection psycopg.AsyncConnection psycopg.Connection psycopg2.connection pymysql.Connection
    aiosqlite.Connection sqlite3.Connection aiomysql.MysqlConnection""".split()
)
HELD: Final = SQLALCHEMY | DRIVERS | {"redis.asyncio.PubSub"}
"""What somebody has to close, by the name of its class in the models."""

FACTORIES: Final = frozenset({"sqlalchemy.orm.sessionmaker", "sqlalchemy.ext.asyncio.async_sessionmaker"})
REGISTRIES: Final = frozenset({"sqlalchemy.orm.scoped_session", "sqlalchemy.ext.asyncio.async_scoped_session"})
OPENING: Final = frozenset("connect acquire getconn raw_connection pubsub".split())
POOLED: Final = frozenset("acquire getconn connection raw_connection".split())
"""What takes a connection out of a pool."""
CLOSING: Final = frozenset("close aclose terminate invalidate remove dispose disconnect".split())
GIVING_BACK: Final = frozenset("putconn release closing aclosing enter_context enter_async_context push callback".split())

# Functions that look at a value, or copy from it, and keep nothing.
LOOKING: Final = frozenset(
    """isinstance hasattr getattr print str repr bool id type len inspect text select insert update delete cast
    read_sql read_sql_query to_sql run_sync debug info warning error exception suppress""".split()
)

# How a connection is called that a session is made for.
CONNECTED: Final = frozenset({"conn", "connection", "db_conn", "db_connection"})

# Calls between a session and the function that keeps or closes it.
FURTHEST: Final = 2


@dataclass(frozen=True, slots=True)
class Opening:
    """A call that opens something new, with what it is."""

    scope: FunctionSymbol
    index: int
    kind: ClassSymbol
    library: str
    """The name of its class in the models."""

    @property
    def call(self) -> CallSite:
        return self.scope.facts.calls[self.index]

    @property
    def where(self) -> Where:
        """Where what is opened stands: behind the `await`, when the call is awaited."""
        where = self.call.where
        return where[1] if where[0] == "await" and len(where) == 2 else where


class Connections:
    """The sessions and connections of a program."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._by_use = analysis.once(SessionsByUse)
        self._factories = analysis.once(OpenedByUse)
        self._on_request = analysis.once(OnRequest)
        self._carriers = analysis.once(Carriers)
        self._new: dict[FunctionSymbol, ClassSymbol | None] = {}
        self._kept: dict[tuple[FunctionSymbol, str], str] = {}
        self._let_go: dict[tuple[ClassSymbol, str], bool] = {}

    # --- what it is ------------------------------------------------------------------------------------------------------

    def library_class(self, kind: ClassSymbol) -> str | None:
        """The class of the models that a session or connection is of, or below."""
        for each in self._analysis.program.order(kind)[0]:
            if each.full_name in REGISTRIES:
                return None
            if each.module.library and each.full_name in HELD:
                return each.full_name
        return None

    def held(self, expression: Expression, scope: FunctionSymbol) -> str | None:
        """The class of the models of a session or connection that an expression is; None for all else."""
        match self._analysis.receivers.value(expression, scope):
            case Instance(kind=kind):
                return self.library_class(kind)
            case None | Foreign():
                put = self._on_request.kind(expression)
                told = self._by_use.of(expression, scope) or self._factories.entered(expression, scope)
                return told if put is None else self.library_class(put)
        return None

    # --- what opens one --------------------------------------------------------------------------------------------------

    @lazily
    def openings(self) -> tuple[Opening, ...]:
        """Every call in functions of the program, outside tests, that opens something new."""
        return tuple(self._openings(PLAIN, ASYNC))

    @lazily
    def made_on_import(self) -> tuple[Opening, ...]:
        """Every such call at the top of a module or in the body of a class."""
        return tuple(self._openings(TOP, BODY))

    def _openings(self, *sorts: str) -> Iterator[Opening]:
        for name in (*sorted(self._names), TAKEN_OUT):  # `app["sessions"]()`
            for scope, index in self._analysis.program.calls_named.get(name, ()):
                if scope.facts.sort in sorts and not scope.module.in_tests:
                    opening = self._opening(index, scope)
                    if opening is None and scope.facts.calls[index].where[0] == "called":
                        # `get_factory()()`, `sessionmaker(engine)()`: what the call gives is called in turn.
                        outer = (number for number, each in enumerate(scope.facts.calls) if each.callee == ("call", index))
                        opening = self._opening(next(outer, index), scope)
                    if opening is not None:
                        yield opening

    def _opening(self, index: int, scope: FunctionSymbol) -> Opening | None:
        kind = self.opened(index, scope)
        library = None if kind is None else self.library_class(kind)
        return None if kind is None or library is None else Opening(scope, index, kind, library)

    @lazily
    def _names(self) -> frozenset[str]:
        """Names under which anything that opens is called: to look at no more calls than needed."""
        names = {"sessionmaker", "async_sessionmaker"}
        made: set[str] = set()
        for scope in self._analysis.scopes:
            facts = scope.facts
            if facts.imports:
                names.update([each.bound for each in facts.imports if each.name in ("sessionmaker", "async_sessionmaker")])
            made.update([each.name for each in facts.parameters if each.annotation and _names_maker(each.annotation)])
        passed: dict[str, set[str]] = {}
        taken: list[tuple[str, str]] = []
        getters: set[str] = set()
        given: dict[str, set[str]] = {}
        for scope in self._analysis.scopes:
            for parameter in scope.facts.parameters:
                if parameter.default is not None and (source := last_name(parameter.default)) is not None:
                    passed.setdefault(source, set()).add(parameter.name)
            for each in scope.facts.assignments:
                if each.target[0] not in NAMED:
                    continue
                target = each.target[-1]
                value = each.value[1] if each.value[0] == "await" else each.value
                if value[0] == "call":
                    callee = scope.facts.calls[value[1]].callee
                    source = callee[-1] if callee[0] in NAMED else _called(scope.facts.calls[value[1]], scope)
                    if source in names:
                        made.add(target)
                    elif source is not None:
                        taken.append((source, target))
                else:  # `self._factory = factory or SessionLocal`
                    for one in value[1] if value[0] == "choice" else (value,):
                        if one[0] in NAMED:
                            passed.setdefault(one[-1], set()).add(target)
            for each_import in scope.facts.imports:
                if each_import.name and each_import.bound != each_import.name:
                    passed.setdefault(each_import.name, set()).add(each_import.bound)
            if scope.facts.sort in (PLAIN, ASYNC) and not scope.facts.yields:
                for returned in scope.facts.returned:
                    if last_name(returned.value) in made:
                        getters.add(scope.name)
                    for source in self._called_for(returned.value, scope):
                        given.setdefault(source, set()).add(scope.name)
        getters |= {function for name in names for function in given.get(name, ())}
        made |= {target for source, target in taken if source in getters}  # `factory = get_factory()`, and then `factory()`
        waiting = [*made, *names, *getters, *OPENING, *self._factories.names, "Session", "AsyncSession"]
        found = set(waiting)
        while waiting:
            name = waiting.pop()
            following = {*passed.get(name, ()), *given.get(name, ())}
            if name == "__call__":  # `database = Database()`, and then `database()`
                classes = (kind for module in self._analysis.modules for kind in module.classes)
                callable_ones = {kind.name for kind in classes if "__call__" in kind.methods}
                following |= {target for source, target in taken if source in callable_ones}
            waiting += following - found
            found |= following
        return frozenset(found)

    def _called_for(self, value: Expression, scope: FunctionSymbol) -> Iterator[str]:
        """The names of what is called for a returned value, through one local name."""
        values = [value]
        if value[0] == "name":
            values = [each.value for each in scope.assigned.get(value[1], ())]
        for each in values:
            each = each[1] if each[0] == "await" else each
            if each[0] == "call" and (name := _called(scope.facts.calls[each[1]], scope)) is not None:
                yield name

    def opened(self, index: int, scope: FunctionSymbol) -> ClassSymbol | None:
        """The class of what a call opens anew; None for a call that opens nothing, or may hand out what is there."""
        receivers = self._analysis.receivers
        match receivers.value(scope.facts.calls[index].callee, scope):
            case TypeOf(kind=kind):
                return kind if self.library_class(kind) in SESSIONS else None
            case Instance(kind=kind) if kind.full_name in FACTORIES:
                return self._instance(receivers.value(("call", index), scope))
            case Routine(function=function) if function.module.library:
                whole = function.name in OPENING
                return self._instance(receivers.value(("call", index), scope)) if whole else None
            case Routine(function=function):
                return self._opened_by(function)
            case Instance(kind=kind) if not kind.module.library and len(kind.methods.get("__call__", ())) == 1:
                return self._opened_by(kind.methods["__call__"][0])
            case None if (library := self._factories.opened(scope.facts.calls[index], scope)) is not None:
                return self._by_full_name.get(library)
        return None

    @lazily
    def _by_full_name(self) -> dict[str, ClassSymbol]:
        modules = (each for each in self._analysis.program.modules.values() if each.model)
        return {kind.full_name: kind for module in modules for kind in module.classes if kind.full_name in SESSIONS}

    def is_pooled(self, index: int, scope: FunctionSymbol, depth: int = FURTHEST) -> bool:
        """What a call opens is taken out of a pool, and goes back there, by all that is seen."""
        name = last_name(scope.facts.calls[index].callee)
        if name in POOLED:
            return True
        match self._analysis.receivers.value(scope.facts.calls[index].callee, scope):
            case Routine(function=function) if not function.module.library and depth > 0:
                inner = [number for number, each in enumerate(function.facts.calls) if last_name(each.callee) != name]
                return any(self.is_pooled(number, function, depth - 1) for number in inner)
        return False

    def _instance(self, value: Value | None) -> ClassSymbol | None:
        match value:
            case CoroutineOf(result=Instance(kind=kind)) | AwaitableOf(result=Instance(kind=kind)) | Instance(kind=kind):
                return kind
        return None

    def _opened_by(self, function: FunctionSymbol) -> ClassSymbol | None:
        """What a function of the program opens for its caller, when all that it returns is new."""
        if function not in self._new:
            self._new[function] = None
            facts = function.facts
            results = [each.value for each in facts.returned if each.value != ("none",)]
            if facts.sort in (PLAIN, ASYNC) and not facts.yields and not facts.decorators and results and not facts.falls:
                kinds = {self._result(each, function) for each in results}
                self._new[function] = kinds.pop() if len(kinds) == 1 else None
        return self._new[function]

    def _result(self, value: Expression, scope: FunctionSymbol) -> ClassSymbol | None:
        value = value[1] if value[0] == "await" else value
        match value:
            case ("call", int(index)):
                return self.opened(index, scope)
            case ("name", str(name)) if name not in scope.parameters and name not in scope.facts.globals:
                assigned = scope.assigned.get(name, ())
                if any(name in child.facts.loads for child in scope.children) or self.is_kept(scope, name, giving=True):
                    return None
                if len(assigned) == 1 and assigned[0].how == "=":
                    given = assigned[0].value
                    given = given[1] if given[0] == "await" else given
                    return self.opened(given[1], scope) if given[0] == "call" else None
        return None

    # --- who closes it ---------------------------------------------------------------------------------------------------

    def is_kept(self, scope: FunctionSymbol, name: str, *, giving: bool = False, depth: int = FURTHEST) -> bool:
        """Whether a local name goes where somebody else may close it: returned, stored, bound by a closure, or handed on.

        With `giving`, that it is returned does not count.
        """
        if any(name in inner.facts.loads for inner in _below(scope)):
            return True
        closes = sum(
            1
            for call in scope.facts.calls
            if call.callee[0] == "attribute" and call.callee[1] == ("name", name) and call.callee[2] in CLOSING
        )
        for use in scope.facts.uses:
            if use.name != name:
                continue
            where = use.where
            while where[0] in ("element", "await"):
                where = where[1] if len(where) > 1 else ("other",)
            match where:
                case ("return",) if giving and use.where == ("return",):
                    continue
                case ("return",) | ("yield",) if use.where[0] == "element":
                    return True
                case ("iterate",) if use.where[0] == "element":
                    return True  # `for each in (source, target): each.close()`
                case ("return",) | ("assign", *_) | ("store",) | ("default",) | ("lambda",) | ("unpack",) | ("other",):
                    return True
                case ("attribute", str(attribute)) if attribute in CLOSING:
                    closes -= 1
                case ("argument", int(index), position):
                    if self.taken(scope, index, position, depth) == "kept":
                        return True
        return closes < 0

    def taken(self, scope: FunctionSymbol, index: int, position: int | str, depth: int = FURTHEST) -> str:
        """What a call makes of an argument: "closed", "used", or "kept" where it may go on and nobody knows."""
        call = scope.facts.calls[index]
        name = last_name(call.callee) or ""
        if name in GIVING_BACK:
            return "closed" if name in ("putconn", "release", "closing", "aclosing") else "kept"
        match self._analysis.receivers.value(call.callee, scope):
            case Routine(function=function, bound=bound) if not function.module.library and depth > 0:
                return self._taken_by(function, position, bound=bound, depth=depth)
            case Routine(function=function) if function.module.library:
                return "used"
            case TypeOf(kind=kind) if not kind.module.library and depth > 0:
                return self._taken_by_object(scope, index, position, kind, depth)
        return "used" if name in LOOKING else "kept"

    def _taken_by_object(self, scope: FunctionSymbol, index: int, position: int | str, kind: ClassSymbol, depth: int) -> str:
        """What becomes of a session of which an object is made: "used" where the object is gone with the function, and none of
        its methods closes the session or hands it out.
        """
        call = scope.facts.calls[index]
        given = call.arguments[position] if isinstance(position, int) else dict(call.keywords).get(position, ("other",))
        attribute = self._carriers.kept_as(index, given, scope)
        if attribute is None or self._lets_go(kind, attribute):
            return "kept"
        where = call.where
        if where[0] == "assign" and where[1][0] == "name" and where[1][1] not in scope.facts.globals:
            return "kept" if self.is_kept(scope, where[1][1], depth=depth - 1) else "used"
        return "used" if where[0] == "attribute" else "kept"

    def _lets_go(self, kind: ClassSymbol, attribute: str) -> bool:
        """Some method of a class closes what it has in an attribute, or gives it to somebody."""
        if "." in attribute:
            return True  # what the objects do that it has made is not asked
        if (kind, attribute) not in self._let_go:
            order = self._analysis.program.order(kind)[0]
            methods = [each for one in order for named in one.methods.values() for each in named]
            whole = f"self.{attribute}"
            self._let_go[kind, attribute] = any(
                each.name in ("__exit__", "__aexit__", "__del__")
                or any(use.name == whole and use.where[0] in ("return", "yield", "element") for use in each.facts.uses)
                or any(use.name == whole and use.where[0] == "attribute" and use.where[1] in CLOSING for use in each.facts.uses)
                for each in methods
            )
        return self._let_go[kind, attribute]

    def _taken_by(self, function: FunctionSymbol, position: int | str, *, bound: bool, depth: int) -> str:
        parameter = parameter_given(function, position, bound=bound)
        if parameter is None or function.facts.decorators:
            return "kept"
        entered = [use.where[0] for use in function.facts.uses if use.name == parameter]
        if function.facts.yields and ("yield" in entered or "with" in entered or "with async" in entered):
            return "kept"  # whom a generator gives it to, or what entering it does, is not asked
        key = (function, parameter)
        if key not in self._kept:
            self._kept[key] = "used"  # what a function that calls itself finds
            closed = any(
                call.callee[0] == "attribute" and call.callee[1] == ("name", parameter) and call.callee[2] in CLOSING
                for call in function.facts.calls
            )
            if closed:
                self._kept[key] = "closed"
            elif self.is_kept(function, parameter, depth=depth - 1):
                self._kept[key] = "kept"
            elif any(self._hands_to_closer(function, parameter, use.where, depth - 1) for use in function.facts.uses):
                self._kept[key] = "closed"
        return self._kept[key]

    def _hands_to_closer(self, function: FunctionSymbol, name: str, where: Where, depth: int) -> bool:
        if where[0] != "argument" or depth < 1:
            return False
        arguments = function.facts.calls[where[1]].arguments
        given = isinstance(where[2], int) and where[2] < len(arguments) and arguments[where[2]] == ("name", name)
        return given and self.taken(function, where[1], where[2], depth) == "closed"


def _names_maker(annotation: Expression) -> bool:
    """`sessionmaker` stands somewhere in an annotation."""
    # Nearly every annotation is a name: the text of the others is looked through, whatever they are made of.
    return "sessionmaker" in (annotation[1] if annotation[0] == "name" else str(annotation))


def _called(call: CallSite, scope: FunctionSymbol) -> str | None:
    """The name of what is called; of `get_factory()()`, of what gives what is called."""
    callee = call.callee
    while callee[0] == "call":
        callee = scope.facts.calls[callee[1]].callee
    return last_name(callee)


def _below(scope: FunctionSymbol) -> Iterator[FunctionSymbol]:
    """Every function inside a function, at any depth."""
    for child in scope.children:
        yield child
        yield from _below(child)


def is_migration(module: ModuleSymbol) -> bool:
    """A revision of Alembic, or what runs them: it works alone, with a connection that is its own or somebody else's."""
    return "down_revision" in module.top.assigned or "alembic" in [each.module for each in module.top.facts.imports]


def runs_for_itself(analysis: Analysis, scope: FunctionSymbol) -> bool:
    """Only commands, migrations and tests lead here: the process ends, and with it whatever is open."""
    if scope.facts.sort in (TOP, BODY) or is_migration(scope.module):
        return True
    entries = analysis.reach.routes_to(scope)
    return bool(entries) and all(not each.serves for each in entries)


def works_on_given(call: CallSite, scope: FunctionSymbol) -> bool:
    """`Session(connection)`, `Session(bind=self.connection)`: it works on one that somebody else has opened, and ends."""
    configured = [each for each in scope.facts.calls if each.callee == ("attribute", call.callee, "configure")]
    bound = [*call.arguments[:1], *(value for each in (call, *configured) for key, value in each.keywords if key == "bind")]
    return any((last_name(each) or "").lstrip("_") in CONNECTED for each in bound)
