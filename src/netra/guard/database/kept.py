"""Where the sessions and connections end up that a program opens and keeps.

What is opened is followed from the call to the place: through a local name, a collection, and an object that is made of it and
keeps it. A place is an attribute or a variable; what a getter under `cache` gives, what a parameter or a `ContextVar` has when
nobody gives it anything, and what a lifespan yields are places, too.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.database.carriers import Carriers
from netra.guard.database.connections import Connections, Opening, is_migration
from netra.guard.entries.sorts import START
from netra.guard.facts import ASYNC, BODY, PLAIN, TOP, CallSite, Expression, Where, last_name
from netra.guard.lazily import lazily
from netra.guard.requests.sharing import Sharing
from netra.guard.requests.singletons import is_application, is_application_state, is_cached_for_all
from netra.guard.requests.slots import Slot
from netra.guard.symbols import External, FunctionSymbol, VariableSymbol
from netra.guard.values import Instance, Routine, Step

# How an attribute or a variable is called that a session is stored in, to look at no more assignments than needed.
NAMED: Final = ("session", "db", "conn", "connection")

# How an application is called, by itself or through the request.
APPLICATIONS: Final = frozenset({"app", "application", "_app", "request", "self", "bot", "ctx", "context", "interaction"})

# What an application holds for whoever asks it, by the frameworks' names.
HOLDING: Final = frozenset("config extensions extra state bot_data".split())

# What keeps all that it is made with, under the names that it is given.
NAMESPACES: Final = frozenset({"dict", "SimpleNamespace", "State"})

# By these words a key says that what lies under it is one user's, one connection's or one thread's own.
OWN: Final = frozenset(
    """user userid account owner customer member person principal identity token session sid thread task chat conversation
    request req connection conn socket websocket ws client ident pid""".split()
)

# Of these a server has many in one thread.
ASYNCHRONOUS: Final = ("sqlalchemy.ext.asyncio.", "asyncpg.", "psycopg.Async", "aiomysql.")

# Sessions of document stores, which hold no connection, and are one transaction each.
OF_DOCUMENTS: Final = frozenset({"motor.motor_asyncio.AsyncIOMotorClientSession", "pymongo.AsyncClientSession"})

# Methods of a stack that give what they enter: a session gives itself.
ENTERING: Final = frozenset({"enter_context", "enter_async_context"})

# Where a local name goes on to another place.
FOLLOWED: Final = frozenset("assign argument element return yield".split())

# Names and objects between what is opened and the place where it stays.
FURTHEST: Final = 4


class KeptForAll(NamedTuple):
    """A session or connection that is put somewhere, with the place that puts it there."""

    scope: FunctionSymbol
    target: Expression
    library: str
    line: int
    column: int
    end_line: int
    left: bool = False
    """It belongs to the function that puts it there, and was not opened for the place."""
    slot: Slot | None = None
    """The place, where the target alone does not tell."""
    used_by: tuple[FunctionSymbol, ...] = ()
    """The functions that get it from there, where the target alone does not tell."""


class KeptConnections:
    """Answers what is kept; use `analysis.once(KeptConnections)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._connections = analysis.once(Connections)
        self._carriers = analysis.once(Carriers)
        self._sharing = analysis.once(Sharing)

    def all(self) -> tuple[KeptForAll, ...]:
        """Each of them once: what is put on an application may have been followed there from its opening already."""
        return self._every

    @lazily
    def _every(self) -> tuple[KeptForAll, ...]:
        found: list[KeptForAll] = []
        seen: set[tuple[FunctionSymbol, Expression]] = set()
        for each in self._all():
            if each.target[0] == "name" or (each.scope, each.target) not in seen:
                seen.add((each.scope, each.target))
                found.append(each)
        return tuple(found)

    def _all(self) -> Iterator[KeptForAll]:
        for opening in self._connections.openings:
            yield from self._of_opening(opening)
        for opening in self._connections.made_on_import:
            if not is_migration(opening.scope.module):
                yield from self._of_opening(opening)
        yield from self._put_on_application()
        yield from self._stored()

    # --- what is opened for a place --------------------------------------------------------------------------------------

    def _of_opening(self, opening: Opening) -> Iterator[KeptForAll]:
        for kept in self._ends(("call", opening.index), opening.call.where, opening, FURTHEST):
            yield kept
            return

    def _ends(self, value: Expression, where: Where, opening: Opening, depth: int) -> Iterator[KeptForAll]:
        """Where a value ends up that is the session, has it in an attribute, or is a collection with it."""
        scope, call = opening.scope, opening.call
        while where[0] in ("await", "element") and len(where) == 2:
            value = ("await", value) if where[0] == "await" else value
            where = where[1]

        def kept(target: Expression, slot: Slot | None = None, used_by: tuple[FunctionSymbol, ...] = ()) -> KeptForAll:
            return KeptForAll(scope, target, opening.library, call.line, call.column, call.end_line, False, slot, used_by)

        match where:
            case ("assign", ("name", str(name)) as target) if scope.facts.sort == BODY:
                if (slot := self._of_class(scope, name)) is not None:
                    yield kept(target, slot, self._asking_class(scope, name))
            case ("assign", ("name", str(name)) as target):
                if scope.facts.sort == TOP or name in scope.facts.globals:
                    yield kept(target)
                elif depth:
                    if (handler := self._handler(target, scope)) is not None:
                        note = f"the one `{name}` answers for as long as the server runs"
                        slot = Slot(scope.full_name, name, Step(scope.module.path, call.line, note))
                        yield kept(target, slot, (handler,))
                    for use in scope.facts.uses if len(scope.assigned.get(name, ())) == 1 else ():
                        if use.name == name and (use.where[0] in FOLLOWED or use.where == ("attribute", "cursor")):
                            yield from self._ends(target, use.where, opening, depth - 1)
            case ("assign", target) if target[0] == "attribute":
                thread = self._of_thread(target, opening)
                yield kept(target) if thread is None else kept(target, thread, (scope,))
            case ("assign", ("subscript", inner, key) as target):
                entry = self._sharing.entry(target, scope)
                if entry is None:  # `app["db"]`
                    yield kept(target, None if is_application(inner) else self._of_start(target, scope))
                elif not self._is_of_somebody(inner, key):
                    yield kept(target, entry[0])
            case ("yield",) if self._is_start(scope):
                note = f"`{scope.name}` gives it to the application, for as long as that runs"
                yield kept(value, Slot("lifespan", scope.name, Step(scope.module.path, scope.facts.line, note)))
            case ("return",) if is_cached_for_all(scope):
                note = f"what `{scope.name}` opens is kept for all who call it"
                step = Step(scope.module.path, scope.facts.line, note)
                yield kept(("name", scope.name), Slot(scope.full_name, "()", step), (scope,))
            case ("attribute", "cursor"):
                # A cursor works on the connection that has made it.
                for index, each in enumerate(scope.facts.calls if depth else ()):
                    if each.callee == ("attribute", value, "cursor"):
                        yield from self._ends(("call", index), each.where, opening, depth - 1)
            case ("default",):
                yield from self._given_by_default(value, opening)
            case ("argument", int(index), position) if depth:
                outer = scope.facts.calls[index]
                if outer.callee == ("name", "setattr") and position == 2 and outer.arguments[1][0] == "string":
                    yield from self._ends(
                        value, ("assign", ("attribute", outer.arguments[0], outer.arguments[1][1])), opening, depth - 1
                    )
                if last_name(outer.callee) in ENTERING or self._keeps(outer, index, value, position, scope):
                    yield from self._ends(("call", index), outer.where, opening, depth - 1)

    def _keeps(self, outer: CallSite, index: int, value: Expression, position: int | str, scope: FunctionSymbol) -> bool:
        """What a call makes has the session for as long as it is there itself."""
        name = last_name(outer.callee)
        if name == "ContextVar":
            return position == "default"
        return name in NAMESPACES or self._carriers.kept_as(index, value, scope) is not None

    def _handler(self, holder: Expression, scope: FunctionSymbol) -> FunctionSymbol | None:
        """The method of a local object that a framework is given to call: `router.add_get("/people", people.find)`."""
        for call in scope.facts.calls:
            for each in call.given:
                if each[0] == "attribute" and each[1] == holder:
                    match self._analysis.receivers.value(each, scope):
                        case Routine(function=function) if function in self._analysis.reach.entries:
                            return function
        return None

    def _is_start(self, scope: FunctionSymbol) -> bool:
        """A lifespan, or another function that runs once before anybody is served."""
        entry = self._analysis.reach.entries.get(scope)
        return entry is not None and entry.sort == START

    def _of_start(self, target: Expression, scope: FunctionSymbol) -> Slot | None:
        """`async def startup(ctx): ctx["db"] = …`: what a worker is started with stays for all of its jobs."""
        match target:
            case ("subscript" | "attribute", ("name", str(name)), key) if name in scope.parameters and self._is_start(scope):
                note = f"`{name}` is there for as long as the worker, and all of its jobs get it"
                return Slot("worker", str(key), Step(scope.module.path, scope.facts.line, note))
        return None

    def _of_thread(self, target: Expression, opening: Opening) -> Slot | None:
        """`local = threading.local()`, and then `local.session = …`: all coroutines of a server run in one thread."""
        if not opening.library.startswith(ASYNCHRONOUS) or target[1][0] != "name":
            return None
        match self._analysis.program.lookup(target[1][1], opening.scope):
            case VariableSymbol(scope=at, name=name) if at.facts.sort == TOP and len(at.assigned.get(name, ())) == 1:
                made = at.assigned[name][0]
            case _:
                return None
        callee = at.facts.calls[made.value[1]].callee if made.value[0] == "call" else ("other",)
        match self._analysis.program.evaluate(callee, at):
            case External(dotted="threading.local" | "_threading_local.local"):
                note = f"`{name}` has one of each for a thread, and all coroutines of a server run in one"
                return Slot(at.module.name, f"{name}.{target[2]}", Step(at.module.path, made.line, note))
        return None

    def _given_by_default(self, value: Expression, opening: Opening) -> Iterator[KeptForAll]:
        """`def find(number, session=SessionLocal())`: it is opened once, when the function is defined."""
        scope, call = opening.scope, opening.call
        for function in scope.children:
            for parameter in function.facts.parameters:
                if parameter.default == value:
                    note = f"the default of `{parameter.name}` is made once, when `{function.name}` is defined"
                    slot = Slot(function.full_name, parameter.name, Step(function.module.path, parameter.line, note))
                    target = ("name", parameter.name)
                    yield KeptForAll(
                        scope, target, opening.library, call.line, call.column, call.end_line, False, slot, (function,)
                    )

    def _of_class(self, body: FunctionSymbol, name: str) -> Slot | None:
        kind = next((each for each in body.module.classes if each.facts.body == body.facts.number), None)
        if kind is None:
            return None
        return Slot(kind.full_name, name, Step(body.module.path, kind.facts.line, f"`{kind.name}.{name}` belongs to the class"))

    def _asking_class(self, body: FunctionSymbol, name: str) -> tuple[FunctionSymbol, ...]:
        """The methods that work with what lies in their class."""
        own = next((each for each in body.module.classes if each.facts.body == body.facts.number), None)
        if own is None or name in own.set_on_self:
            return ()
        classes = (own, *self._analysis.program.subclasses.get(own, ()))
        methods = [each for kind in classes for named in kind.methods.values() for each in named]
        holders = {"self", "cls", own.name}
        return tuple(each for each in methods if any(f"{holder}.{name}" in _asked(each) for holder in holders))

    def _is_of_somebody(self, container: Expression, key: Expression) -> bool:
        """An entry of its own for each connection or user, or one that somebody takes out again."""
        words = {word for each in _names(key) for word in each.lower().strip("_").split("_")}
        if words & OWN:
            return True
        name = last_name(container)
        return any(
            last_name(each.callee) in ("pop", "clear", "popitem") and each.callee[0] == "attribute"
            and last_name(each.callee[1]) == name for one in self._analysis.scopes for each in one.facts.calls
        ) or any(
            each.how == "delete" and each.target[0] == "subscript" and last_name(each.target[1]) == name
            for one in self._analysis.scopes for each in one.facts.assignments
        )  # fmt: skip

    # --- what somebody has, and leaves there -----------------------------------------------------------------------------

    def _put_on_application(self) -> Iterator[KeptForAll]:
        """`async with factory() as session: app.state.session = session`, in a function that starts the application."""
        for scope in self._analysis.scopes:
            if scope.facts.sort not in (PLAIN, ASYNC) or scope.module.in_tests or APPLICATIONS.isdisjoint(scope.facts.loads):
                continue
            for each in scope.facts.assignments:
                if each.how not in ("=", "annotated") or each.value[0] not in ("name", "call", "await"):
                    continue
                if is_application_state(each.target) or on_application(each.target, scope) is not None:
                    library = self._held_in(each.value, scope) or self._of_documents(each.value, scope)
                    if library is not None:
                        yield KeptForAll(scope, each.target, library, each.line, each.column, each.line)

    def _held_in(self, value: Expression, scope: FunctionSymbol) -> str | None:
        """What a name holds, or an object that is made of it and keeps it: `Resolver(session)`."""
        if value[0] != "call":
            return self._connections.held(value, scope) if value[0] == "name" else None
        call = scope.facts.calls[value[1]]
        for given in call.given:
            # What is opened for it stands in the function, and is followed from there.
            if given[0] == "name" and any(each.how in ("with", "with async") for each in scope.assigned.get(given[1], ())):
                library = self._connections.held(given, scope)
                if library is not None and self._carriers.kept_as(value[1], given, scope) is not None:
                    return library
        return None

    def _stored(self) -> Iterator[KeptForAll]:
        """Every session that a function has and puts where it outlives the function."""
        for scope in self._sharing.served:
            for each in scope.facts.assignments:
                if each.how not in ("=", "annotated") or each.value[0] not in ("name", "choice", "await"):
                    continue
                made = each.value[0] == "await"
                outside = each.target[0] == "attribute" or (each.target[0] == "name" and each.target[1] in scope.facts.globals)
                if outside and (last_name(each.target) or "").strip("_").endswith(NAMED):
                    library = None if made else self._connections.held(each.value, scope)
                    library = library or self._of_documents(each.value, scope)
                    if library is not None:
                        yield KeptForAll(scope, each.target, library, each.line, each.column, each.line, not made)

    def _of_documents(self, value: Expression, scope: FunctionSymbol) -> str | None:
        """The session of a transaction on documents, which a client makes for it and whoever is in it hands on."""
        match self._analysis.receivers.value(value, scope):
            case Instance(kind=kind) if kind.full_name in OF_DOCUMENTS:
                return kind.full_name
        return None


def on_application(target: Expression, scope: FunctionSymbol) -> Slot | None:
    """`app["db"]` of aiohttp, `app.ctx.db` of Sanic, `app.db` of Quart: it is there for as long as the application."""
    match target:
        case ("subscript", inner, str(key)) | ("subscript", inner, ("string", str(key))) if is_application(inner):
            name = key
        case ("subscript", inner, ("name", str(key)) | ("attribute", _, str(key))) if is_application(inner):
            name = key  # `app[DATABASE]`, where that is a `web.AppKey`
        case ("subscript", ("attribute", inner, str(kept)), ("string", str(name)) | str(name)) if kept in HOLDING:
            if not is_application(inner) and kept != "bot_data":
                return None
        case ("attribute", ("attribute", inner, "ctx"), str(name)) if is_application(inner):
            pass
        case ("attribute", inner, str(name)) if is_application(inner) or last_name(inner) == "bot":
            pass
        case _:
            return None
    note = f"`{name}` belongs to the application, and so to every request"
    return Slot("app", name, Step(scope.module.path, scope.facts.line, note))


def _names(key: Expression) -> Iterator[str]:
    """The names in a key: `(tenant, user_id)`, `id(websocket)`, `thread.name`."""
    match key:
        case ("name", str(name)):
            yield name
        case ("attribute", inner, str(name)):
            yield name
            yield from _names(inner)
        case ("tuple", parts) | ("formatted", parts):
            for each in parts:
                yield from _names(each)
        case ("call", _):
            yield "connection"  # `threading.get_ident()`, `id(socket)`: who knows


def _asked(method: FunctionSymbol) -> frozenset[str]:
    """The attributes of names that a method reads or calls something on, as they are written."""
    return frozenset(each.name for each in method.facts.uses) | frozenset(
        f"{each[1][1]}.{each[2]}"
        for call in method.facts.calls
        for each in (call.callee, call.callee[1] if call.callee[0] == "attribute" else ("other",), *call.given)
        if each[0] == "attribute" and each[1][0] == "name"
    )
