"""Classes of which one object serves the whole process.

Such an object is made at the top of a module or in the body of a class, by a getter that keeps it in a global variable or under
`lru_cache`, is put on `app.state`, is middleware, or is made by another such object for itself; or its class gives the same one
to whoever makes one. A class of which somebody also makes an object while a request is served is none: of its attributes nobody
can tell whose they are.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.given_requests import is_given_request
from netra.guard.entries.reach import EntryPoint
from netra.guard.entries.sorts import LISTENER, ROUTE, SOCKET, START
from netra.guard.facts import BODY, TOP, Assignment, CallSite, Expression, last_name
from netra.guard.lazily import lazily
from netra.guard.meaning.expressions import within
from netra.guard.program import Program
from netra.guard.requests.class_tables import made_by_table
from netra.guard.requests.mapped import is_mapped
from netra.guard.requests.serving import Serving
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol
from netra.guard.values import Instance, Step, TypeOf

CACHING = frozenset({"lru_cache", "cache"})

# What makes an application or a server of a library, or runs one.
STARTING: Final = frozenset(
    """FastAPI Starlette Litestar Sanic Flask Quart Application FastMCP ASGIApp AsyncServer start_server serve run_app
    serve_forever ThreadingHTTPServer HTTPServer ThreadingTCPServer""".split()
)
ADDING_SERVICER: Final = re.compile(r"add_\w+Servicer_to_server")

# What `lru_cache` keeps for one value of such a parameter is somebody's own.
OF_SOMEBODY: Final = frozenset(
    """user userid account owner tenant customer member person principal identity token session sid thread chat conversation
    request req run connection conn socket websocket ws client key self cls args kwargs""".split()
)

# Whom libraries let one object answer, by how they are known.
ANSWERING_ALL: Final = (
    "discord",
    "gRPC",
    "slack",
    "telegram",
    "falcon",
    "celery",
    "every request",
    "socket event",
    "dramatiq",
    "taskiq",
    "rasa",
    "bot activity",
    "strawberry",
)

# What asks for a view of Django REST framework whether somebody may come in.
OF_VIEWS: Final = "rest_framework"
ASKED_BY_VIEWS: Final = frozenset("authenticate has_permission has_object_permission allow_request".split())

# What a class is derived from whose one object holds something else in each thread or task.
OF_ONE_THREAD: Final = re.compile(r"_?(local|localbase|threadlocal|localproxy|contextlocal)", re.IGNORECASE)


# Where the one object of a bot or an application makes what it needs before anybody speaks to it.
SETTING_UP: Final = ("setup_hook", "on_startup", "startup")
RUN_ONCE: Final = re.compile(r"(?:AutoSharded)?(?:Bot|Client)|FastAPI|Starlette|Litestar|Sanic|Quart|Flask|FastMCP|Application")

# By these names a function comes to the application.
CARRYING: Final = frozenset("request req ws websocket app application connection conn ctx context info".split())

# What makes one object answer for as long as a server runs.
SERVERS: Final = frozenset("discord nextcord disnake fastapi starlette litestar sanic quart flask fastmcp mcp".split())
# How libraries call what the handlers of one path or one resource stand in.
CONTROLLERS: Final = ("Controller", "View", "Resource", "Handler", "Endpoint", "ViewSet")
REGISTERING: Final = re.compile(r"add_\w+_to_server|add_cog|register_instance")

# What makes a dataclass of a class of GraphQL.
OF_STRAWBERRY: Final = tuple(("attribute", ("name", "strawberry"), name) for name in ("type", "input", "interface"))


class Singletons:
    """Answers whether an attribute of `self` belongs to everybody."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._serving = analysis.once(Serving)
        self._makings: dict[ClassSymbol, tuple[tuple[FunctionSymbol, CallSite], ...]] = {}
        self._known: dict[ClassSymbol, Step | None] = {}

    def made(self, kind: ClassSymbol) -> Step | None:
        """Where the one object of a class is made; None when there may be one for each request.

        A method may run on an object of a class below: when that is the only one there is, it is the one that is meant.
        """
        if kind not in self._known:
            self._known[kind] = None  # what two classes that make one another find
            self._known[kind] = self._made(kind)
        return self._known[kind]

    def _made(self, kind: ClassSymbol) -> Step | None:
        if (alone := self._alone(kind)) is not None:
            return alone
        if is_mapped(kind, self._analysis.program):
            return None  # a row that a module has made is one of many
        found: Step | None = self._mounted.get(kind) or self._listening.get(kind) or self._promised.get(kind)
        for each in (kind, *self._analysis.program.subclasses.get(kind, ())):
            for scope, call in self._makings_of(each):
                if self._is_kept(scope, call):
                    found = found or Step(scope.module.path, call.line, f"one `{each.name}` is made here for the whole process")
                elif scope in self._serving:
                    return None
        return found or self._told_each_time(kind)

    def _told_each_time(self, kind: ClassSymbol) -> Step | None:
        """A library's class that nothing in it makes an object of, whose methods are told the request each time: so it is not
        made for one. Classes that a framework makes for each request are below one of its own.
        """
        program = self._analysis.program
        order, closed = program.order(kind)
        if not closed or any(self._makings_of(each) for each in (kind, *program.subclasses.get(kind, ()))):
            return None
        if any(map(has_fields, order)) or any(is_given_request(each, program) for each in _making(order)):
            return None
        for methods in kind.methods.values():
            if methods[0].name not in ("__init__", "__new__") and is_given_request(methods[0], program):
                note = f"`{kind.name}` is told the request each time, and so it is not made for one"
                return Step(kind.module.path, methods[0].facts.line, note)
        return None

    def _alone(self, kind: ClassSymbol) -> Step | None:
        """What makes one object of a class and gives it to whoever makes another: a metaclass, a decorator or `__new__`."""
        note = f"whoever makes a `{kind.name}` gets the same one"
        for each in self._analysis.program.order(kind)[0]:
            named = [value for name, value in each.facts.keywords if name == "metaclass"]
            named += [decorator.callee for decorator in each.facts.decorators]
            if any("singleton" in (last_name(one) or "").lower() for one in named):
                return Step(each.module.path, each.facts.line, note)
            for making in each.methods.get("__new__", ()):
                if _gives_the_first(making):
                    return Step(each.module.path, making.facts.line, note)
            for base in each.facts.bases:
                if RUN_ONCE.fullmatch(last_name(base) or "") and self._is_of_server(base, each):
                    return Step(each.module.path, each.facts.line, f"one `{each.name}` runs for the whole process")
        return None

    def begins_again(self, kind: ClassSymbol) -> bool:
        """Whoever makes one gets the only one there is, and has its `__init__` run on it once more.

        One that asks something first may be asking whether that has been done.
        """
        making = kind.methods.get("__init__", ())
        asks = any(block.what == "if" for each in making for block in each.facts.blocks)
        return bool(making) and not asks and any(map(_gives_the_first, kind.methods.get("__new__", ())))

    def _is_of_server(self, base: Expression, kind: ClassSymbol) -> bool:
        match self._analysis.program.evaluate(base, kind.module.function(kind.facts.scope)):
            case External(dotted=dotted):
                return dotted.partition(".")[0] in SERVERS
            case ClassSymbol(module=module):
                return module.library and module.name.partition(".")[0] in SERVERS
        return False

    @lazily
    def _mounted(self) -> dict[ClassSymbol, Step]:
        """Middleware, which a framework makes once: `app.add_middleware(Identity)`, `Middleware(Identity)`."""
        found: dict[ClassSymbol, Step] = {}
        for scope, _, call in self._analysis.calls_of("add_middleware", "Middleware"):
            match self._analysis.receivers.value(call.arguments[0], scope) if call.arguments else None:
                case TypeOf(kind=kind) if not scope.module.in_tests and not kind.module.library:
                    note = f"one `{kind.name}` is made of this for the whole process"
                    found.setdefault(kind, Step(scope.module.path, call.line, note))
        return found

    @lazily
    def _promised(self) -> dict[ClassSymbol, Step]:
        """Classes that are said to be those of what lies in the application.

        `def desk(request) -> Desk: return request.app.state.desk`.
        """
        found: dict[ClassSymbol, Step] = {}
        for scope in self._analysis.scopes:
            if scope.module.in_tests or CARRYING.isdisjoint(scope.facts.loads):
                continue
            noted = [each for each in scope.facts.assignments if each.annotation is not None]
            said = [(each.annotation, each.value, each.line, scope) for each in noted]
            if scope.facts.returns is not None and scope.parent is not None:
                said += [(scope.facts.returns, each.value, each.line, scope.parent) for each in scope.facts.returned]
            for annotation, value, line, around in said:
                if not (is_application_state(value) or (value[0] == "attribute" and value[2] == "lifespan_context")):
                    continue
                match None if annotation is None else self._analysis.receivers.annotated(annotation, around):
                    case Instance(kind=kind) if not kind.module.library:
                        note = f"the application has one `{kind.name}` for all"
                        found.setdefault(kind, Step(scope.module.path, line, note))
        return found

    @lazily
    def _listening(self) -> dict[ClassSymbol, Step]:
        """Classes of which a library is given one object, that answers everybody: cogs of a bot, servicers of gRPC."""
        found: dict[ClassSymbol, Step] = {}
        for function, entry in self._analysis.reach.entries.items():
            if function.owner is None:
                if (kind := self._registering(function, entry)) is not None:
                    note = f"one `{kind.name}` registers {entry.label}, and answers it for all"
                    found.setdefault(kind, Step(function.module.path, function.facts.line, note))
                continue
            listens = entry.sort == LISTENER and entry.label.startswith(ANSWERING_ALL)
            if listens and (self._is_chosen(function.owner) or _is_made_for_a_view(function)):
                continue
            if listens or is_handed(function, entry):
                note = f"one `{function.owner.name}` answers {entry.label} for all"
                found.setdefault(function.owner, Step(function.module.path, function.owner.facts.line, note))
        return found

    def _is_chosen(self, kind: ClassSymbol) -> bool:
        """It stands in a table, out of which somebody takes it to make one: `drivers = {"gevent": GeventSocket}`."""
        tables = [each.value for each in kind.module.top.facts.assignments if each.value[0] == "dict"]
        parts = (part for table in tables for part in within(table, kind.module.top))
        return any(part == ("name", kind.name) for part in parts) and not self._makings_of(kind)

    def _registering(self, function: FunctionSymbol, entry: EntryPoint) -> ClassSymbol | None:
        """The class of the object in whose method a handler stands, `@self.app.get("/")`: its `self` is the same for all."""
        around = function.parent
        if around is None or around.owner is None or not entry.serves or "self" not in function.facts.loads:
            return None
        own = "self" in around.parameters and "self" not in function.parameters and not function.module.in_tests
        return around.owner if own and around not in self._serving else None

    def made_while_served(self, kind: ClassSymbol) -> Step | None:
        """Where an object of a class, or of one below it, is made for somebody who is served.

        A class that is registered under a name, and wants something to be made with, is made by whoever asks for it.
        """
        if self._serving.is_registered(kind) and self._wants_something(kind):
            line = kind.facts.line
            return Step(kind.module.path, line, f"`{kind.name}` is registered here, for whoever makes one of it")
        entries = self._analysis.reach.entries
        for each in (kind, *self._analysis.program.subclasses.get(kind, ())):
            for methods in each.methods.values():
                entry = entries.get(methods[0])
                made_for_it = entry is not None and entry.sort in (ROUTE, SOCKET) and self._is_of_framework(each, methods[0])
                if entry is not None and made_for_it and not is_handed(methods[0], entry):
                    return Step(each.module.path, each.facts.line, f"a `{each.name}` is made anew for {entry.label}")
            for scope, call in self._makings_of(each) if self._alone(each) is None else ():
                if scope in self._serving and not self._is_kept(scope, call):
                    return Step(scope.module.path, call.line, f"a `{each.name}` of its own is made here for whoever is served")
        return None

    def _is_of_framework(self, kind: ClassSymbol, method: FunctionSymbol) -> bool:
        """Only a framework makes objects of the class: its method has no decorator, or stands in a controller of a library."""
        bases = (base for above in self._analysis.program.order(kind)[0] for base in above.facts.bases)
        return not method.facts.decorators or any((last_name(base) or "").endswith(CONTROLLERS) for base in bases)

    def _wants_something(self, kind: ClassSymbol) -> bool:
        making = next(
            (each.methods["__init__"][0] for each in self._analysis.program.order(kind)[0] if "__init__" in each.methods), None
        )
        return making is not None and any(
            each.default is None and each.position == "positional" for each in making.facts.parameters[1:]
        )

    def _makings_of(self, kind: ClassSymbol) -> tuple[tuple[FunctionSymbol, CallSite], ...]:
        """Every place that makes an object of a class."""
        if kind not in self._makings:
            self._makings[kind] = tuple(self._find_makings(kind))
        return self._makings[kind]

    def _find_makings(self, kind: ClassSymbol) -> Iterator[tuple[FunctionSymbol, CallSite]]:
        names = {kind.name, "cls"} | self._aliases.get(kind.name, set())
        for name in sorted(names) if not kind.module.library else ():
            for scope, index in self._analysis.program.calls_named.get(name, ()):
                call = scope.facts.calls[index]
                match self._analysis.receivers.value(call.callee, scope):
                    case TypeOf(kind=found) if found is kind and not scope.module.in_tests:
                        yield scope, call

        yield from self._analysis.once(made_by_table).get(kind, ())

    def _bodied(self, body: FunctionSymbol) -> tuple[ClassSymbol, ...]:
        """The class of a body, with those above it."""
        kind = next((each for each in body.module.classes if each.facts.body == body.facts.number), None)
        return () if kind is None else self._analysis.program.order(kind)[0]

    @lazily
    def _aliases(self) -> dict[str, set[str]]:
        """The other names under which something is imported."""
        found: dict[str, set[str]] = {}
        for scope in self._analysis.scopes:
            for each in scope.facts.imports:
                if each.name and each.bound != each.name:
                    found.setdefault(each.name, set()).add(each.bound)
        return found

    def _is_kept(self, scope: FunctionSymbol, call: CallSite) -> bool:
        """The object that this call makes stays for as long as the process."""
        if scope.facts.sort == TOP:
            return not _is_guarded_main(scope, call.line)
        if scope.facts.sort == BODY:
            at_top = scope.parent is not None and scope.parent.facts.sort == TOP and call.where[0] == "assign"
            return at_top and not any(map(has_fields, self._bodied(scope)))
        if is_cached_for_all(scope):
            return call.where[0] in ("return", "assign")
        if (_makes_application(scope) and scope not in self._serving) or self._is_start(scope):
            return True
        where = call.where
        if where[0] == "argument" and REGISTERING.fullmatch(last_name(scope.facts.calls[where[1]].callee) or ""):
            return True  # `add_people_to_server(People(), server)`: the one object that answers
        if where[0] == "element" and where[1][0] == "assign":
            where = where[1]  # one of a few, each by its name: `self.agents = {"plain": Agent()}`
        match where:
            case ("assign", ("name", str(name))) if name in scope.facts.globals:
                return True
            case ("assign", ("attribute", ("name", "cls"), _)):
                return True
            case ("assign", target) if is_of_application(target):
                return True
            case ("assign", ("attribute", ("name", "self"), _)) if scope.owner is not None:
                return scope.name in ("__init__", *SETTING_UP) and self.made(scope.owner) is not None
            case ("assign", ("name", str(name))) if name not in scope.parameters and scope not in self._serving:
                # `desk = Desk(pool)`, and then `app.state.desk = desk`.
                kept = (each.target for each in scope.facts.assignments if each.value == ("name", name) and each.how == "=")
                return any(map(is_of_application, kept)) or self._is_part_of_kept(("name", name), scope)
            case ("argument", int(index), _):
                # A part of what is kept: `app.state.assistant = Assistant(Files(pool))`.
                outer = scope.facts.calls[index]
                return isinstance(self._analysis.receivers.value(outer.callee, scope), TypeOf) and self._is_kept(scope, outer)
        return False

    def _is_part_of_kept(self, part: Expression, scope: FunctionSymbol) -> bool:
        """`app.state.services = Services(desk)`, where `desk` was made above."""
        return any(
            call.where[0] == "assign"
            and is_of_application(call.where[1])
            and part in call.given
            and isinstance(self._analysis.receivers.value(call.callee, scope), TypeOf)
            for call in scope.facts.calls
        )

    def _is_start(self, scope: FunctionSymbol) -> bool:
        """A framework calls it once, before anybody is served."""
        entry = self._analysis.reach.entries.get(scope)
        return entry is not None and entry.sort == START and scope not in self._serving


def _is_made_for_a_view(function: FunctionSymbol) -> bool:
    """Of permissions, throttles and authentications Django REST framework makes an object for each request."""
    imported = (each.module.partition(".")[0] for each in function.module.top.facts.imports)
    return function.name in ASKED_BY_VIEWS and OF_VIEWS in imported


def _making(order: Sequence[ClassSymbol]) -> list[FunctionSymbol]:
    return [each for kind in order for each in kind.methods.get("__init__", ())]


def is_handed(function: FunctionSymbol, entry: EntryPoint) -> bool:
    """A method of an object is what answers, `add_get("/ws", rooms.join)`, of a class that no framework makes anything of."""
    owner = function.owner
    plain = owner is not None and not owner.facts.bases and not function.facts.decorators
    return plain and entry.sort in (ROUTE, SOCKET)


def has_fields(kind: ClassSymbol) -> bool:
    """Its class-level values are defaults of fields, copied for each object: dataclasses, and models with fields."""
    named = [*(each.callee for each in kind.facts.decorators), *kind.facts.bases]
    ends = ("dataclass", "BaseModel", "SQLModel", "Model", "Schema", "define", "Struct")
    return any((last_name(each) or "").endswith(ends) or each in OF_STRAWBERRY for each in named)


def is_dataclass(kind: ClassSymbol) -> bool:
    """Its fields are what is annotated in its body, and nothing else: a dataclass of Python or of pydantic."""
    return any((last_name(each.callee) or "").endswith("dataclass") for each in kind.facts.decorators)


def is_of_one_thread(kind: ClassSymbol, program: Program) -> bool:
    """It is below `threading.local`, `asgiref.local.Local` or another name for one: each thread or task sees its own of it."""
    bases = ((base, each) for each in program.order(kind)[0] for base in each.facts.bases)
    named = ((base, each) for base, each in bases if OF_ONE_THREAD.fullmatch(last_name(base) or ""))
    return any(not isinstance(program.evaluate(base, each.module.top), ClassSymbol) for base, each in named)


def _gives_the_first(making: FunctionSymbol) -> bool:
    """`if cls._one is None: cls._one = super().__new__(cls)`, and then `return cls._one`, which is not one of several."""
    kept = {each.target for each in making.facts.assignments if each.how == "=" and each.target[0] == "attribute"}
    given = [each.value for each in making.facts.returned]
    tested = any(each.what == "if" for each in making.facts.blocks)
    return tested and bool(given) and all(each in kept and each[1] != ("name", "self") for each in given)


def is_cached_for_all(function: FunctionSymbol) -> bool:
    """A function under `lru_cache` of which no parameter has values of users, sessions or requests, by its name."""
    told = any(word in OF_SOMEBODY for parameter in function.parameters for word in parameter.lower().split("_"))
    return bool(function.decorator_names & CACHING) and not told


def _is_guarded_main(scope: FunctionSymbol, line: int) -> bool:
    """Under `if __name__ == "__main__"`: an example, or a command."""
    return any(
        each.what == "if" and each.line <= line <= each.end_line and "__name__" in str(each.expressions)
        for each in scope.facts.blocks
    )


def _makes_application(scope: FunctionSymbol) -> bool:
    """A function that makes an application, or starts a server: what it makes besides is there for as long as they are."""
    names = {last_name(call.callee) or "" for call in scope.facts.calls}
    return not names.isdisjoint(STARTING) or any(ADDING_SERVICER.fullmatch(each) for each in names)


def is_application(expression: Expression) -> bool:
    """The application of a web framework, by its usual names."""
    return last_name(expression) in ("app", "application", "_app", "current_app", "config_dict")


def is_application_state(target: Expression) -> bool:
    """`app.state.x` or `request.app.state.x`, `app.ctx.x` of Sanic, `request.app["x"]` and `app[DESK]` of aiohttp."""
    match target:
        case ("attribute", ("attribute", application, "state" | "ctx"), _) | ("subscript", application, ("string", _)):
            return is_application(application)
        case ("subscript", application, ("name" | "attribute", *_) as key):
            name = last_name(key) or ""
            return is_application(application) and (name.isupper() or name.lower().endswith("key"))
    return False


def is_of_application(target: Expression) -> bool:
    """What lies there is there for as long as the application: in its state, or as `app.desk` in an attribute of its own."""
    return is_application_state(target) or (
        target[0] == "attribute" and is_application(target[1]) and target[2] not in ("state", "ctx", "config")
    )


def is_item(each: Assignment) -> bool:
    """`x[key] = …`: something enters `x`, which stays what it is."""
    return bool(each.target[0] == "subscript")
