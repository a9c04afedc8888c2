"""Who can bring a program to a place: entry points of the known frameworks, and the callers between them and a function."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from netra.guard.entries import handed
from netra.guard.entries.frameworks import BY_DECORATOR, label, listening
from netra.guard.entries.given_requests import given_requests
from netra.guard.entries.methods import answering
from netra.guard.entries.paths import Prefixes
from netra.guard.entries.queued import jobs
from netra.guard.entries.registered import registered
from netra.guard.entries.shaped import shaped
from netra.guard.entries.sorts import COMMAND, LISTENER, NAMED, ROUTE, SOCKET, START, TASK, TEST, VERBS
from netra.guard.entries.workers import run_by_workers
from netra.guard.facts import ASYNC, CallSite, Decorator, Expression, dotted, last_name
from netra.guard.lazily import lazily
from netra.guard.meaning.receivers import Receivers
from netra.guard.program import GIVEN, Program
from netra.guard.symbols import External, FunctionSymbol
from netra.guard.values import Either, Instance, Routine, Step, TypeOf

ROUTING: Final = VERBS | {"route", "api_route", "websocket", "websocket_route"}
ADDING: Final = frozenset(
    """add_api_route add_route add_websocket_route add_api_websocket_route add_url_rule Route WebSocketRoute APIRoute
    add_get add_post add_put add_delete add_patch add_head""".split()
)
TASKS: Final = frozenset("task shared_task periodic_task actor flow".split())
COMMANDS: Final = frozenset("command callback".split())

# Decorators by which something outside takes a function, also where they are called on it; and what is a name for one.
TAKING_FUNCTIONS: Final = ROUTING | TASKS | BY_DECORATOR.keys()
NAMES: Final = frozenset({"name", "attribute"})

# Functions looked at on the way up from one place, and how many routes are shown.
MOST_CALLERS: Final = 400
MOST_SHOWN: Final = 5
# And on the way up from who picks something out of a table of functions.
MOST_LEADING: Final = 60


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """A function that something outside the program calls, and how it is known outside: `GET /users`."""

    function: FunctionSymbol
    sort: str
    label: str

    @property
    def serves(self) -> bool:
        """It works for one of several users at a time."""
        return self.sort in (ROUTE, SOCKET, TASK, LISTENER, NAMED)


class Reach:
    """Answers which entry points lead to a function."""

    def __init__(self, program: Program, receivers: Receivers, named: tuple[str, ...] = ()) -> None:
        self._program = program
        self._receivers = receivers
        self._named = named
        self._prefixes = Prefixes(program)
        self._callers: dict[FunctionSymbol, tuple[tuple[FunctionSymbol, int], ...]] = {}
        self._found: dict[FunctionSymbol, tuple[EntryPoint, ...]] = {}

    @lazily
    def entries(self) -> dict[FunctionSymbol, EntryPoint]:
        """Every entry point of the program."""
        found = dict(self._outer)
        leading: dict[FunctionSymbol, EntryPoint | None] = {}
        for function, table, reader in self._program.once(registered):
            if function in found:
                continue
            if reader not in leading:
                leading[reader] = self._leading(reader)
            if (entry := leading[reader]) is not None:
                found[function] = EntryPoint(function, LISTENER, f"{entry.label}, through `{table}`")
        for function in given_requests(self._program):
            if function not in found and not any(not caller.module.in_tests for caller, _ in self.callers(function)):
                found[function] = EntryPoint(function, LISTENER, "whoever serves with it")
        return found

    def _leading(self, function: FunctionSymbol) -> EntryPoint | None:
        """The nearest entry point that serves and leads to a function, those left out that lie in tables."""
        seen = {function}
        waiting = deque([function])
        while waiting and len(seen) < MOST_LEADING:
            at = waiting.popleft()
            entry = self._outer.get(at)
            if entry is not None and entry.serves and not at.module.in_tests:
                return entry
            for caller, _ in self.callers(at):
                if caller not in seen:
                    seen.add(caller)
                    waiting.append(caller)
        return None

    @lazily
    def _outer(self) -> dict[FunctionSymbol, EntryPoint]:
        """The entry points that something outside the program calls by itself."""
        found = dict(self._methods)
        found.update((entry.function, entry) for scope in self._program.scopes for entry in self._of(scope))
        for scope, _, call in self._program.calls_of((GIVEN,)):
            found.update((entry.function, entry) for entry in self._applied(scope, call))
        for scope, _, call in self._program.calls_of(ADDING):
            found.update((entry.function, entry) for entry in self._added(scope, call))
        for function, sort, known_as in (*run_by_workers(self._program), *shaped(self._program)):
            found.setdefault(function, EntryPoint(function, sort, known_as))
        for scope, row, call, given in self._program.once(handed.handed):
            match self._receivers.value(given, scope):
                case Routine(function=function) if not scope.module.in_tests:
                    found.setdefault(function, EntryPoint(function, row.sort, handed.label(row, call, function)))
                case Instance(kind=kind) if not scope.module.in_tests and not kind.module.library:
                    # An object that is called: `App(authorize=Authorizer(workspaces))`.
                    for function in kind.methods.get("__call__", ())[:1]:
                        found.setdefault(function, EntryPoint(function, row.sort, handed.label(row, call, function)))
        for scope, given in handed.dependencies(self._program):
            match self._receivers.value(given, scope):
                case Routine(function=function) if not scope.module.in_tests and not function.module.library:
                    found.setdefault(function, EntryPoint(function, LISTENER, f"dependency {function.name}"))
        for given, scope in jobs(self._program):
            match self._receivers.value(given, scope):
                case Routine(function=function):
                    found.setdefault(function, EntryPoint(function, TASK, f"task {function.full_name}"))
        return found

    @lazily
    def serving(self) -> frozenset[FunctionSymbol]:
        """Handlers of HTTP routes: a framework calls them, awaits once and serialises what they give.

        Methods of views are left out: Tornado and aiohttp await whatever those return.
        """
        return frozenset(each.function for each in self.entries.values() if each.sort == ROUTE).difference(self._methods)

    @lazily
    def _methods(self) -> dict[FunctionSymbol, EntryPoint]:
        found = self._program.once(answering)
        return {function: EntryPoint(function, sort, known_as) for function, sort, known_as in found}

    def _of(self, scope: FunctionSymbol) -> Iterator[EntryPoint]:
        for decorator in scope.facts.decorators:
            if (entry := self._decorated(scope, decorator, scope.parent or scope)) is not None:
                yield entry
                break
        if scope.name.startswith("test") and scope.module.in_tests and scope.facts.sort != "body":
            yield EntryPoint(scope, TEST, scope.full_name)
        called = f"{scope.module.own_name}.{scope.facts.qualified}"
        if self._named and any(fnmatchcase(called, each) for each in self._named):
            yield EntryPoint(scope, NAMED, scope.full_name)

    def _applied(self, scope: FunctionSymbol, call: CallSite) -> Iterator[EntryPoint]:
        """A decorator that is called on a function of elsewhere: `app.command("/ask")(ask)`."""
        made = scope.facts.calls[call.callee[1]]
        if scope.module.in_tests or len(call.arguments) != 1 or call.keywords or call.arguments[0][0] not in NAMES:
            return
        if last_name(made.callee) not in TAKING_FUNCTIONS:
            return
        match self._receivers.value(call.arguments[0], scope):
            case Routine(function=function) if not function.module.library:
                decorator = Decorator(made.callee, True, made.arguments, made.keywords, call.line)
                if (entry := self._decorated(function, decorator, scope)) is not None:
                    yield entry

    def _decorated(self, scope: FunctionSymbol, decorator: Decorator, around: FunctionSymbol) -> EntryPoint | None:
        name = last_name(decorator.callee) or ""
        if (row := listening(decorator, around, self._program)) is not None:
            return EntryPoint(scope, LISTENER if row.serves else START, label(row, decorator, scope))
        attribute = decorator.callee[0] == "attribute"
        if name in ROUTING and decorator.called:
            path = _path(decorator.arguments, decorator.keywords)
            symbol = self._program.evaluate(decorator.callee, around)
            litestar = isinstance(symbol, External) and symbol.dotted.startswith("litestar")
            if (attribute and path is not None) or litestar:
                socket = name.startswith("websocket")
                verb = "WebSocket" if socket else name.upper() if name in VERBS else _verbs(decorator)
                before = self._prefix(decorator.callee, around) if path is not None else ""
                return EntryPoint(scope, SOCKET if socket else ROUTE, f"{verb} {before + (path or '') or '/'}")
        if name in TASKS and (attribute or name == "shared_task"):
            return EntryPoint(scope, TASK, f"task {scope.full_name}")
        if name in COMMANDS and attribute:
            return EntryPoint(scope, COMMAND, f"command {scope.name.replace('_', '-')}")
        return None

    def _added(self, scope: FunctionSymbol, call: CallSite) -> Iterator[EntryPoint]:
        path = _path(call.arguments, call.keywords)
        name = last_name(call.callee) or ""
        socket = "ebSocket" in name or "websocket" in name
        for each in (
            *call.arguments[1:],
            *(value for key, value in call.keywords if key in ("endpoint", "handler", "view_func")),
        ):
            found = tuple(self._handlers(each, scope)) if path is not None else ()
            for function in found:
                whole = f"{self._prefix(call.callee, scope)}{path}"
                yield EntryPoint(function, SOCKET if socket else ROUTE, f"{'WebSocket' if socket else 'HTTP'} {whole}")
            if found:
                return

    def _handlers(self, given: Expression, scope: FunctionSymbol) -> Iterator[FunctionSymbol]:
        """The function that a route is given; where a function of the program makes the route, each that it is given.

        `def page(path, handler): return Route(f"/app/{path}", handler)`.
        """
        match self._receivers.value(given, scope):
            case Routine(function=function):
                yield function
            case Either() | None if given[0] == "name" and given[1] in scope.parameters and not scope.facts.asynchronous:
                number = scope.parameters[given[1]]
                for caller, passed in self._receivers.parameters.given(scope, scope.facts.parameters[number], number):
                    match None if passed is None else self._receivers.value(passed, caller):
                        case Routine(function=function) if not function.module.library and not caller.module.in_tests:
                            yield function

    def _prefix(self, callee: Expression, scope: FunctionSymbol) -> str:
        """What stands before the path, where the router that it is given to hangs in one place."""
        found = self._prefixes.of(callee[1], scope) if callee[0] == "attribute" else ((),)
        return "".join(f"/{each}" for each in found[0]) if len(found) == 1 else ""

    # --- callers ---------------------------------------------------------------------------------------------------------

    def routes_to(self, function: FunctionSymbol) -> tuple[EntryPoint, ...]:
        """The entry points from which calls lead to a function, the nearest first."""
        if function not in self._found:
            found: list[EntryPoint] = []
            seen = {function}
            waiting = deque([function])
            while waiting and len(seen) < MOST_CALLERS:
                at = waiting.popleft()
                if (entry := self.entries.get(at)) is not None:
                    found.append(entry)
                for caller, _ in self.callers(at):
                    if caller not in seen:
                        seen.add(caller)
                        waiting.append(caller)
            self._found[function] = tuple(found)
        return self._found[function]

    def labels(self, function: FunctionSymbol) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each.label for each in self.routes_to(function) if each.sort != TEST))[:MOST_SHOWN]

    def served_by(self, function: FunctionSymbol) -> EntryPoint | None:
        """The nearest entry point that serves others on the same loop: all between it and the function is asynchronous."""
        seen = {function}
        waiting = deque([function])
        while waiting and len(seen) < MOST_CALLERS:
            at = waiting.popleft()
            entry = self.entries.get(at)
            if entry is not None and entry.serves and not at.module.in_tests:
                return entry
            for caller, _ in self.callers(at):
                if caller not in seen and caller.facts.sort == ASYNC:
                    seen.add(caller)
                    waiting.append(caller)
        return None

    def path_to(self, function: FunctionSymbol) -> tuple[Step, ...]:
        """The calls from the nearest serving entry point down to a function; nothing when none serves."""
        came: dict[FunctionSymbol, tuple[FunctionSymbol, int]] = {}
        waiting = deque([function])
        seen = {function}
        while waiting and len(seen) < MOST_CALLERS:
            at = waiting.popleft()
            entry = self.entries.get(at)
            if entry is not None and entry.serves:
                steps = [Step(at.module.path, at.facts.line, f"{entry.label} is answered by `{at.facts.qualified}`")]
                while at in came:
                    below, line = came[at]
                    steps.append(Step(at.module.path, line, f"which leads to `{below.facts.qualified}`"))
                    at = below
                return tuple(steps)
            for caller, line in self.callers(at):
                if caller not in seen:
                    seen.add(caller)
                    came[caller] = (at, line)
                    waiting.append(caller)
        return ()

    def callers(self, function: FunctionSymbol) -> tuple[tuple[FunctionSymbol, int], ...]:
        """Who calls a function, with the line; the function around a nested one, and who depends on it, count."""
        if function not in self._callers:
            self._callers[function] = ()
            self._callers[function] = tuple(self._find_callers(function))
        return self._callers[function]

    def _find_callers(self, function: FunctionSymbol) -> Iterator[tuple[FunctionSymbol, int]]:
        parent = function.parent
        if parent is not None and parent.facts.sort not in ("top", "body"):
            yield parent, function.facts.line
        yield from self._dependents.get(function, ())
        yield from self._starters.get(function, ())
        yield from self._wrapped.get(function, ())
        owner = function.owner
        made = owner.name if owner is not None and function.name in ("__init__", "__new__", "__post_init__") else None
        for caller, index in self._program.calls_named.get(made or function.name, ()):
            if caller.facts.sort in ("top", "body"):
                continue
            call = caller.facts.calls[index]
            match self._receivers.value(call.callee, caller):
                case Routine() as called:
                    if self._may_be(called, function):
                        yield caller, call.line
                case TypeOf(kind=kind) if made and owner in self._program.order(kind)[0]:
                    yield caller, call.line
                case Either(options=options):
                    # `self.tools[name].execute(…)`: one of those that lie there.
                    if any(isinstance(each, Routine) and self._may_be(each, function) for each in options):
                        yield caller, call.line

    def _may_be(self, called: Routine, function: FunctionSymbol) -> bool:
        """A call of a function is one of it; a call of a method reaches those that override it as well."""
        if called.function is function:
            return True
        above = called.receiver
        if function.owner is None or above is None or called.function.name != function.name:
            return False
        return above in self._program.order(function.owner)[0]

    @lazily
    def _starters(self) -> dict[FunctionSymbol, list[tuple[FunctionSymbol, int]]]:
        """Who lets a function run later, or in a thread, without calling it."""
        found: dict[FunctionSymbol, list[tuple[FunctionSymbol, int]]] = {}
        for scope, _, call in self._program.calls_of(handed.LATER):
            if scope.facts.sort not in ("top", "body"):
                for each in call.given:
                    if each[0] in ("name", "attribute"):
                        match self._receivers.value(each, scope):
                            case Routine(function=function):
                                found.setdefault(function, []).append((scope, call.line))
        return found

    @lazily
    def _wrapped(self) -> dict[FunctionSymbol, list[tuple[FunctionSymbol, int]]]:
        """The functions in whose place a wrapper of the program runs: who calls one of them calls the wrapper."""
        found: dict[FunctionSymbol, list[tuple[FunctionSymbol, int]]] = {}
        for scope in self._program.scopes:
            around = scope.parent
            for decorator in scope.facts.decorators if scope.facts.sort == ASYNC and around is not None else ():
                match self._program.evaluate(decorator.callee, around or scope):
                    case FunctionSymbol(module=module) as symbol if not module.library:
                        for wrapper in self._receivers.kinds.wrappers(symbol, called=decorator.called):
                            found.setdefault(wrapper, []).append((scope, decorator.line))
        return found

    @lazily
    def _dependents(self) -> dict[FunctionSymbol, list[tuple[FunctionSymbol, int]]]:
        found: dict[FunctionSymbol, list[tuple[FunctionSymbol, int]]] = {}
        for scope in self._program.scopes:
            for parameter in scope.facts.parameters:
                if (parameter.default is None and parameter.annotation is None) or scope.parent is None:
                    continue
                match self._receivers.parameters.dependency(parameter, scope.parent):
                    case Routine(function=function):
                        found.setdefault(function, []).append((scope, parameter.line))
        return found


def _path(arguments: tuple[Expression, ...], keywords: tuple[tuple[str, Expression], ...]) -> str | None:
    for each in (*arguments[:1], *(value for key, value in keywords if key in ("path", "rule"))):
        match each:
            case ("string", str(text)) if text == "" or text.startswith("/"):
                return text
            case ("formatted", _) | ("name", _) | ("attribute", *_):
                return dotted(each) or "…"
    return None


def _verbs(decorator: Decorator) -> str:
    for key, value in decorator.keywords:
        if key == "methods" and value[0] in ("list", "tuple", "set"):
            return " ".join(each[1] for each in value[1] if each[0] == "string") or "HTTP"
    return "HTTP"
