"""Which routes a program serves, each under its whole path, with the prefixes of routers and of those that include them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.paths import REST, Path, Prefixes, given_to, path_of
from netra.guard.entries.sorts import VERBS
from netra.guard.facts import CallSite, Decorator, Expression, last_name
from netra.guard.lazily import lazily
from netra.guard.requests.mounting import Mounting
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol
from netra.guard.values import Routine, TypeOf

WEBSOCKET: Final = "WEBSOCKET"
"""Stands for a verb where a socket is opened."""

SOCKETS: Final = frozenset("websocket websocket_route".split())
SERVING: Final = VERBS | SOCKETS | {"route", "api_route"}
REGISTERING: Final = frozenset("add_api_route add_route add_url_rule Route APIRoute".split())
REGISTERING_SOCKETS: Final = frozenset("add_api_websocket_route add_websocket_route WebSocketRoute APIWebSocketRoute".split())
ADDED_VERB: Final = {f"add_{verb}": verb.upper() for verb in VERBS}
HANDLERS: Final = frozenset("endpoint handler view_func view".split())

# `web.get("/users", users)` of aiohttp, `path("users/", users)` of Django.
OF_AIOHTTP: Final = VERBS | {"route", "view"}
OF_DJANGO: Final = frozenset({"path", "re_path"})

LITESTAR: Final = "litestar"

# By these a module is imported whose name is a text.
LOADING: Final = frozenset({"import_module", "__import__", "import_string"})


@dataclass(frozen=True, slots=True)
class ServedRoute:
    """One handler under one path. `verbs` is None where any is served, or which is not known."""

    path: Path
    verbs: frozenset[str] | None
    handler: FunctionSymbol

    def answers(self, verb: str) -> bool:
        return self.verbs is None or verb in self.verbs or (verb == "HEAD" and "GET" in self.verbs)

    def __str__(self) -> str:
        return f"{' '.join(sorted(self.verbs or {'any'}))} /{'/'.join(self.path)}"


class Routing:
    """The routes of a program. Routes whose path is not a text are left out."""

    def __init__(self, analysis: Analysis) -> None:
        self._program = analysis.program
        self._receivers = analysis.receivers
        self._prefixes = Prefixes(analysis.program)
        self._mounting = analysis.once(Mounting)
        self._unclear: list[Path] = []

    @lazily
    def routes(self) -> tuple[ServedRoute, ...]:
        found: list[ServedRoute] = []
        for module in self._program.own:
            if not module.in_tests:
                for scope in module.functions:
                    found += self._decorated(scope)
        for name in sorted((*REGISTERING, *REGISTERING_SOCKETS, *ADDED_VERB)):
            for scope, call in self._calls(name):
                found += self._registered(scope, name, call)
        for name in sorted(OF_AIOHTTP):
            for scope, call in self._calls(name):
                if len(call.arguments) > 1 and call.callee[0] == "attribute" and self._is(call.callee, "aiohttp.web", scope):
                    found += self._registered(scope, name, call)
        for name in sorted(OF_DJANGO):
            for scope, call in self._calls(name):
                if len(call.arguments) > 1 and self._is(call.callee, "django.urls", scope):
                    found += self._of_django(scope, call)
        return tuple(dict.fromkeys(found))

    @lazily
    def unclear(self) -> tuple[Path, ...]:
        """Paths that something serves of which nothing else is known."""
        assert self.routes is not None
        for _, call in self._calls("register"):
            # The routers of Django REST framework make several paths of one: `router.register("users", Users)`.
            match call.arguments:
                case (("string", str(text)), _, *_):
                    self._unclear.append((*(each for each in text.strip("^/").split("/") if each), REST))
        for scope, call in self._calls("add_resource"):
            for each in call.arguments[1:]:
                if (own := path_of(each, scope, self._program)) is not None:
                    self._unclear.append(own)
        if any(not LOADING.isdisjoint(scope.called) for scope, _ in self._calls("include_router")):
            # Routers of modules that are imported by a text: any route may stand below any prefix.
            self._unclear += [each.path for each in self.routes if each.path]
        return tuple(dict.fromkeys(self._unclear))

    @lazily
    def mounts(self) -> tuple[Path, ...]:
        """Where something is mounted of which nothing is known: it may serve anything below."""
        found: list[Path] = []
        for name in ("mount", "Mount", "add_static", "add_subapp"):
            for scope, call in self._calls(name):
                if any(key == "routes" for key, _ in call.keywords) or self._is_read(call, scope):
                    continue  # the routes say themselves what they serve
                given = given_to(call, 0, "path", "prefix")
                if given is not None and (path := path_of(given, scope, self._program)) is not None:
                    found.append(path)
        return tuple(found)

    def _is_read(self, call: CallSite, scope: FunctionSymbol) -> bool:
        """Something is known to be served below: what is mounted is an application of this program."""
        given = given_to(call, 0, "path", "prefix")
        path: Path = () if given is None else path_of(given, scope, self._program) or ()
        places = [(each.path, at) for each in self.routes if path for at in range(len(each.path))]
        return path in [served[at : at + len(path)] for served, at in places]

    def _calls(self, name: str) -> Iterator[tuple[FunctionSymbol, CallSite]]:
        for scope, index in self._program.calls_named.get(name, ()):
            if not scope.module.in_tests:
                yield scope, scope.facts.calls[index]

    def _is(self, callee: Expression, module: str, scope: FunctionSymbol) -> bool:
        match self._program.evaluate(callee, scope):
            case External(dotted=dotted):
                return dotted.rpartition(".")[0] == module
        return False

    # --- decorators ------------------------------------------------------------------------------------------------------

    def _decorated(self, scope: FunctionSymbol) -> Iterator[ServedRoute]:
        around = scope.parent
        for each in scope.facts.decorators if around is not None else ():
            name = last_name(each.callee)
            if name not in SERVING or not each.called or around is None:
                continue
            verbs = frozenset({WEBSOCKET}) if name in SOCKETS else frozenset({name.upper()}) if name in VERBS else None
            if each.callee[0] != "attribute":
                yield from self._of_litestar(scope, each, verbs, around)
                continue
            given = given_to(each, 0, "path", "rule")
            own = None if given is None else path_of(given, around, self._program)
            verbs = _verbs(each.keywords) if verbs is None else verbs
            for prefix in self._prefixes.of(each.callee[1], around, 0):
                if own is not None:
                    yield ServedRoute((*prefix, *own), verbs, scope)
                elif given is not None:
                    self._unclear.append((*prefix, REST))

    def _of_litestar(
        self, scope: FunctionSymbol, each: Decorator, verbs: frozenset[str] | None, around: FunctionSymbol
    ) -> Iterator[ServedRoute]:
        """`@get("/users/{id:int}")`, on a function or in a controller that has a path of its own."""
        match self._program.evaluate(each.callee, around):
            case External(dotted=dotted) if dotted.partition(".")[0] == LITESTAR:
                given = given_to(each, 0, "path")
                owner = scope.owner
                before: list[Path | None] = [()]
                if owner is not None and (kept := owner.body.assigned.get("path")):
                    before = [path_of(kept[0].value, owner.body, self._program)]
                for one in given[1] if given is not None and given[0] in ("list", "tuple") else (given,):
                    own = () if one is None else path_of(one, around, self._program)
                    if own is not None and before[0] is not None:
                        for above in self._mounting.above_handler(owner or scope):
                            yield ServedRoute((*above, *before[0], *own), verbs, scope)

    # --- calls -----------------------------------------------------------------------------------------------------------

    def _registered(self, scope: FunctionSymbol, name: str, call: CallSite) -> Iterator[ServedRoute]:
        verbs = (
            frozenset({WEBSOCKET})
            if name in REGISTERING_SOCKETS
            else frozenset({ADDED_VERB[name]})
            if name in ADDED_VERB
            else frozenset({name.upper()})
            if name in VERBS
            else None
            if name == "view"
            else _verbs(call.keywords)
        )
        arguments = call.arguments
        match arguments:
            case (("string", str(verb)), _, *_) if verb == "*" or verb.lower() in VERBS:  # aiohttp: the verb stands first
                verbs, arguments = None if verb == "*" else frozenset({verb.upper()}), arguments[1:]
        given = arguments[0] if arguments else given_to(call, 0, "path", "rule")
        own = None if given is None else path_of(given, scope, self._program)
        if own is None:
            return
        router = call.callee[1] if call.callee[0] == "attribute" else None
        if router is None:
            prefixes = self._mounting.above(call, scope)
        elif name in OF_AIOHTTP:
            prefixes = self._above_listed(call, scope)
        else:
            prefixes = self._prefixes.of(router, scope, 0)
        for each in (*arguments[1:], *(value for key, value in call.keywords if key in HANDLERS)):
            found = self._handlers(each, verbs, scope)
            for answered, handler in found:
                yield from (ServedRoute((*prefix, *own), answered, handler) for prefix in prefixes)
            if found:
                return
        self._unclear += [(*prefix, *own) for prefix in prefixes]

    def _above_listed(self, call: CallSite, scope: FunctionSymbol) -> tuple[Path, ...]:
        """`app.add_routes([web.get("/users", users)])`, where the application is part of another."""
        where = call.where[1] if call.where[0] == "element" else call.where
        if where[0] != "argument" or last_name(scope.facts.calls[where[1]].callee) != "add_routes":
            return ((),)
        added = scope.facts.calls[where[1]].callee
        return self._prefixes.of(added[1], scope, 0) if added[0] == "attribute" else ((),)

    def _of_django(self, scope: FunctionSymbol, call: CallSite) -> Iterator[ServedRoute]:
        own = path_of(call.arguments[0], scope, self._program)
        if own is None or last_name(call.callee) == "re_path":
            return
        found = self._handlers(call.arguments[1], None, scope)
        prefixes = self._mounting.above_pattern(call, scope)
        for prefix in prefixes:
            for verbs, handler in found:
                yield ServedRoute((*prefix, *own), _told(handler) if verbs is None else verbs, handler)
        if not found and not _includes(call.arguments[1], scope):
            self._unclear += [(*prefix, *own) for prefix in prefixes]

    def _handlers(
        self, given: Expression, verbs: frozenset[str] | None, scope: FunctionSymbol
    ) -> list[tuple[frozenset[str] | None, FunctionSymbol]]:
        """The functions that answer, each with its verbs: one, or the methods of a class that is called like them."""
        if given[0] == "call":
            callee = scope.facts.calls[given[1]].callee
            if callee[0] != "attribute" or callee[2] != "as_view":
                return []
            given = callee[1]
        match self._receivers.value(given, scope):
            case Routine(function=handler):
                return [(verbs, handler)]
            case TypeOf(kind=kind) if not kind.module.library and not self._answers_elsewhere(kind):
                return [
                    (frozenset({verb.upper()}), method)
                    for verb in VERBS
                    for each in self._program.order(kind)[0]
                    for method in each.methods.get(verb, ())[:1]
                ]
        return []

    def _answers_elsewhere(self, kind: ClassSymbol) -> bool:
        """A base that is not known, other than the plain views of the frameworks, may have verbs of its own."""
        plain = {"HTTPEndpoint", "WebSocketEndpoint", "View", "MethodView", "APIView", "HTTPMethodView"}
        for each in self._program.order(kind)[0]:
            around = each.module.function(each.facts.scope)
            for base in each.facts.bases:
                if not isinstance(self._program.evaluate(base, around), ClassSymbol) and last_name(base) not in plain:
                    return True
        return "dispatch" in kind.methods


def _includes(given: Expression, scope: FunctionSymbol) -> bool:
    return given[0] == "call" and last_name(scope.facts.calls[given[1]].callee) == "include"


def _told(handler: FunctionSymbol) -> frozenset[str] | None:
    """The verbs that `@api_view(["GET"])` leaves to a view of Django; None where none is left out."""
    for each in handler.facts.decorators:
        if last_name(each.callee) in ("api_view", "require_http_methods") and each.called and each.arguments:
            return _listed(each.arguments[0])
        if (last_name(each.callee) or "").startswith("require_"):
            return {"require_GET": frozenset({"GET"}), "require_POST": frozenset({"POST"})}.get(last_name(each.callee) or "")
    return None


def _verbs(keywords: tuple[tuple[str, Expression], ...]) -> frozenset[str] | None:
    for key, value in keywords:
        if key == "methods":
            return _listed(value)
    return frozenset({"GET"})


def _listed(value: Expression) -> frozenset[str] | None:
    if value[0] in ("list", "tuple", "set") and all(each[0] == "string" for each in value[1]):
        return frozenset(each[1].upper() for each in value[1])
    return None
