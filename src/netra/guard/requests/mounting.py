"""What stands before the paths of routes that hang in something by where they are written, and not by a router's name.

`Mount("/api", routes=[Route("/users", users)])` of Starlette, `path("api/", include("users.urls"))` of Django, and
`Router("/v1", route_handlers=[Users])` of Litestar.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final, TypeAlias

from netra.guard.analysis import Analysis
from netra.guard.entries.paths import Path, given_to, path_of
from netra.guard.facts import CallSite, Expression, Where, last_name
from netra.guard.lazily import lazily
from netra.guard.symbols import ClassSymbol, FunctionSymbol, ModuleSymbol, VariableSymbol

# What puts a path before all that it is given, and what hands routes on as they are.
MOUNTING: Final = frozenset({"Mount", "mount"})
HOLDING: Final = frozenset("Router Starlette FastAPI Host list tuple".split())
# Where Litestar is given handlers: by this keyword, or as what stands at a place of these.
HANDLERS: Final = "route_handlers"
PLACES: Final = {"Router": 1, "Litestar": 0}

# Mounts within mounts.
DEEPEST: Final = 6

_Home: TypeAlias = tuple[FunctionSymbol, str]
_Site: TypeAlias = tuple[FunctionSymbol, CallSite]


class Mounting:
    """Answers what stands before a route; use `analysis.once(Mounting)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._program = analysis.program

    # --- Starlette -------------------------------------------------------------------------------------------------------

    def above(self, call: CallSite, scope: FunctionSymbol, depth: int = 0) -> tuple[Path, ...]:
        """The paths before that of a call of `Route`, `Mount` or `Router`, by what it is written in."""
        return self._around(call.where, scope, depth) or ((),)

    def _around(self, where: Where, scope: FunctionSymbol, depth: int) -> tuple[Path, ...]:
        if depth > DEEPEST:
            return ()
        match where:
            case ("element", inner):
                return self._around(inner, scope, depth)
            case ("argument", int(index), _):
                outer = scope.facts.calls[index]
                name = last_name(outer.callee)
                if name in MOUNTING:
                    return self._below(outer, scope, depth)
                return self.above(outer, scope, depth + 1) if name in HOLDING else ()
            case ("assign", ("name", str(name))):
                return self._kept((scope, name), depth)
            case ("return",):
                return self._kept((scope.parent, scope.name), depth) if scope.parent is not None else ()
        return ()

    def _kept(self, home: _Home, depth: int) -> tuple[Path, ...]:
        """The paths under which a list of routes, or an application, hangs that a name holds or a function gives."""
        found: list[Path] = []
        for scope, call in self._mounted.get(home, ()):
            found += self._below(call, scope, depth)
        return tuple(dict.fromkeys(found))

    def _below(self, mount: CallSite, scope: FunctionSymbol, depth: int) -> tuple[Path, ...]:
        given = given_to(mount, 0, "path")
        own = None if given is None else path_of(given, scope, self._program)
        if own is None:
            return ()
        return tuple((*before, *own) for before in self.above(mount, scope, depth + 1))

    @lazily
    def _mounted(self) -> dict[_Home, list[_Site]]:
        """Of each name that holds something which is mounted: where that is done."""
        found: dict[_Home, list[_Site]] = defaultdict(list)
        for scope, _, call in self._program.calls_of(("Mount",)):
            if not scope.module.in_tests:
                for given in (*call.arguments[1:2], *(value for key, value in call.keywords if key in ("app", "routes"))):
                    for home in self._homes(given, scope, 0):
                        found[home].append((scope, call))
        return found

    def _homes(self, given: Expression, scope: FunctionSymbol, depth: int) -> Iterator[_Home]:
        """The names and functions that an application or a list of routes comes from: `Router(routes)`, `[*users, *teams]`."""
        if depth > DEEPEST:
            return
        match given:
            case ("name" | "attribute", *_):
                match self._program.evaluate(given, scope):
                    case VariableSymbol(scope=where, name=name):
                        yield where, name
                        for assigned in where.assigned.get(name, ()) if name not in where.parameters else ():
                            if assigned.value[0] in ("call", "list"):
                                yield from self._homes(assigned.value, where, depth + 1)
            case ("list" | "tuple", parts):
                for part in parts:
                    if part[0] == "star":
                        yield from self._homes(part[1], scope, depth + 1)
            case ("operator", "+", left, right):
                yield from self._homes(left, scope, depth + 1)
                yield from self._homes(right, scope, depth + 1)
            case ("call", int(index)):
                call = scope.facts.calls[index]
                if last_name(call.callee) in HOLDING:
                    for each in (*call.arguments[:1], *(value for key, value in call.keywords if key == "routes")):
                        yield from self._homes(each, scope, depth + 1)
                    return
                match self._program.evaluate(call.callee, scope):
                    case FunctionSymbol(parent=around, name=name) if around is not None:
                        yield around, name

    # --- Django ----------------------------------------------------------------------------------------------------------

    def above_pattern(self, call: CallSite, scope: FunctionSymbol, depth: int = 0) -> tuple[Path, ...]:
        """The paths before that of a call of `path`, by what includes the list that it stands in."""
        if depth > DEEPEST:
            return ((),)
        found: list[Path] = []
        match call.where:
            case ("element", ("assign", ("name", str(name)))):
                for where, including in self._including.get((scope, name), ()):
                    found += self._below_pattern(including, where, depth)
            case ("element", ("argument", int(index), _)) | ("element", ("element", ("argument", int(index), _))):
                # `path("api/", include([path("users", users)]))`
                match scope.facts.calls[index].where:
                    case ("argument", int(outer), _):
                        found += self._below_pattern(scope.facts.calls[outer], scope, depth)
        return tuple(dict.fromkeys(found)) or ((),)

    def _below_pattern(self, including: CallSite, scope: FunctionSymbol, depth: int) -> Iterator[Path]:
        own = path_of(including.arguments[0], scope, self._program) if including.arguments else None
        if own is not None and last_name(including.callee) == "path":
            yield from ((*before, *own) for before in self.above_pattern(including, scope, depth + 1))

    @lazily
    def _including(self) -> dict[_Home, list[_Site]]:
        """Of each list of patterns: the calls of `path` that include it."""
        found: dict[_Home, list[_Site]] = defaultdict(list)
        for scope, _, call in self._program.calls_of(("include",)):
            if scope.module.in_tests or not call.arguments or call.where[0] != "argument":
                continue
            given = call.arguments[0]
            given = given[1][0] if given[0] == "tuple" and given[1] else given
            outer = scope.facts.calls[call.where[1]]
            if given[0] == "string" and (module := self._program.modules.get(given[1])) is not None:
                found[module.top, "urlpatterns"].append((scope, outer))
                continue
            match self._program.evaluate(given, scope):
                case VariableSymbol(scope=where, name=name):
                    found[where, name].append((scope, outer))
                case ModuleSymbol() as module:
                    found[module.top, "urlpatterns"].append((scope, outer))
        return found

    # --- Litestar --------------------------------------------------------------------------------------------------------

    def above_handler(self, handler: ClassSymbol | FunctionSymbol) -> tuple[Path, ...]:
        """The paths before that of a controller or a handler, by the routers that it is given to."""
        return self._of_routers(self._handed.get(handler, []), 0)

    def _of_routers(self, sites: list[_Site], depth: int) -> tuple[Path, ...]:
        found: list[Path] = []
        for scope, call in sites if depth < DEEPEST else ():
            own = self._own(call, scope)
            if own is not None:
                above = self._of_routers(self._holders(call, scope), depth + 1)
                found += [(*before, *own) for before in above]
        return tuple(dict.fromkeys(found)) or ((),)

    def _own(self, call: CallSite, scope: FunctionSymbol) -> Path | None:
        given = given_to(call, 0, "path") if last_name(call.callee) == "Router" else dict(call.keywords).get("path")
        return () if given is None else path_of(given, scope, self._program)

    def _holders(self, router: CallSite, scope: FunctionSymbol) -> list[_Site]:
        """The routers and applications that a router is given to: by its name, or where it is written."""
        match router.where:
            case ("assign", ("name", str(name))):
                return self._handed.get((scope, name), [])
            case ("element", ("argument", int(index), _)):
                return [(scope, scope.facts.calls[index])]
        return []

    @lazily
    def _handed(self) -> dict[object, list[_Site]]:
        """Of each controller, handler and name of a router: the calls of `Router` and `Litestar` that are given it."""
        found: dict[object, list[_Site]] = defaultdict(list)
        for scope, _, call in self._program.calls_of(PLACES):
            if scope.module.in_tests:
                continue
            listed = given_to(call, PLACES[last_name(call.callee) or ""], HANDLERS)
            for each in self._each(listed, scope):
                match self._program.evaluate(each, scope):
                    case ClassSymbol() | FunctionSymbol() as handler:
                        found[handler].append((scope, call))
                    case VariableSymbol(scope=where, name=name):
                        found[where, name].append((scope, call))
        return found

    def _each(self, listed: Expression | None, scope: FunctionSymbol) -> tuple[Expression, ...]:
        if listed is not None and listed[0] in ("name", "attribute"):
            match self._program.evaluate(listed, scope):
                case VariableSymbol(scope=where, name=name) if len(where.assigned.get(name, ())) == 1:
                    listed = where.assigned[name][0].value
        return listed[1] if listed is not None and listed[0] in ("list", "tuple") else ()
