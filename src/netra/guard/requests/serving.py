"""Where the work for users is done: every function that a route, a socket or a task leads to, found from there downwards.

`reach` asks who leads to one function, and looks upwards; here the question is asked of thousands of functions, and one walk
from the entry points answers it for all of them.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.reach import EntryPoint
from netra.guard.entries.sorts import LISTENER, ROUTE, SOCKET
from netra.guard.facts import ASYNC, BODY, PLAIN, SELF, TOP, Assignment, Expression, Parameter, last_name
from netra.guard.lazily import lazily
from netra.guard.symbols import ClassSymbol, FunctionSymbol, VariableSymbol
from netra.guard.values import Either, Foreign, Instance, Routine, Step, TypeOf, Value

# They call what they are given, now or soon, in a thread, a task or after the response.
RUNNERS: Final = frozenset(
    """to_thread run_in_threadpool run_in_executor submit add_task partial run_sync call_soon call_later start_soon
    call_soon_threadsafe run_coroutine_threadsafe Thread sync_to_async iterate_in_threadpool""".split()
)
MAKING: Final = ("__init__", "__new__", "__post_init__")
ENTERING: Final = ("__enter__", "__exit__", "__aenter__", "__aexit__")

# A base class with more classes below it than this is an interface of plug-ins: a call of it says nothing of any one of them.
MOST_OVERRIDES: Final = 12

# Names of parameters that tell one user of several. `user` beside a password or a host is the one who signs in to a server.
WHOM: Final = frozenset("user user_id userid current_user principal account_id tenant_id".split())
SIGNING_IN: Final = frozenset("password passwd host port dsn".split())
# Decorators that leave a function to whoever calls it. What another one does with it, nobody can say: a fixture, a command.
HARMLESS: Final = frozenset(
    "staticmethod classmethod override lru_cache cache wraps asynccontextmanager contextmanager".split()
)
# Modules that people run by hand.
APART: Final = frozenset("cli commands command scripts script management migrations examples testing __main__ setup".split())
OFFERED: Final = "offered"


class Serving:
    """The functions that run while somebody is served."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._around: dict[FunctionSymbol, tuple[FunctionSymbol, ...]] = {}
        self._offered: dict[FunctionSymbol, EntryPoint] = {}

    def __contains__(self, function: FunctionSymbol) -> bool:
        return function in self._came

    def surely(self, function: FunctionSymbol) -> bool:
        """A call that can be seen leads there from an entry point."""
        return function in self._came and self.entry(function).sort != OFFERED

    def _find_offered(
        self, came: dict[FunctionSymbol, tuple[FunctionSymbol, int] | None]
    ) -> Iterator[tuple[FunctionSymbol, EntryPoint]]:
        """Functions that are told for which user they work, in a program with routes, and that nothing in it calls.

        In code without annotations the call graph has holes, and what is written for the next route has none yet. Whoever
        calls such a function has several users, as it says itself.
        """
        entries = self._analysis.reach.entries.values()
        tops = {each.function.module.name.partition(".")[0] for each in entries if each.sort in (ROUTE, SOCKET)}
        for scope in self._analysis.scopes if tops else ():
            whom = next((each.name for each in scope.facts.parameters if each.name in WHOM), None)
            if (
                whom is not None
                and scope not in came
                and scope.module.name.partition(".")[0] in tops
                and self._is_offered(scope)
            ):
                yield scope, EntryPoint(scope, OFFERED, f"whoever has a `{whom}`")
        for module in self._analysis.modules if tops else ():
            for scope in module.functions:
                # `module.name`, where the module has no such name: its `__getattr__` is asked, by nobody that calls it.
                if scope.name == "__getattr__" and scope.parent is module.top and module.name.partition(".")[0] in tops:
                    yield scope, EntryPoint(scope, OFFERED, "whoever asks the module for a name")
        for kind, method in self._plugged_in() if tops else ():
            if method not in came and method.module.name.partition(".")[0] in tops:
                yield method, EntryPoint(method, OFFERED, f"whoever asks for a `{kind.name}` by its name")

    def _plugged_in(self) -> Iterator[tuple[ClassSymbol, FunctionSymbol]]:
        """Methods of classes that a decorator of the program puts into its register, where a class above promises them."""
        for module in self._analysis.modules:
            for kind in module.classes if not module.in_tests else ():
                if self.is_registered(kind):
                    above = self._analysis.program.order(kind)[0][1:]
                    for name, methods in kind.methods.items():
                        promised = [each for one in above for each in one.methods.get(name, ())]
                        if not name.startswith("_") and any(each.facts.abstract for each in promised):
                            yield kind, methods[0]

    def is_registered(self, kind: ClassSymbol) -> bool:
        """A decorator of the program, called with a name, takes the class: `@tool("search")`."""
        around = kind.module.function(kind.facts.scope)
        for each in kind.facts.decorators:
            if each.called and each.arguments and each.arguments[0][0] == "string":
                match self._analysis.receivers.value(each.callee, around):
                    case Routine(function=function) if not function.module.library:
                        return True
        return False

    def _is_offered(self, scope: FunctionSymbol) -> bool:
        if scope.module.in_tests or scope.facts.sort not in (PLAIN, ASYNC) or scope.name.startswith(("_", "test")):
            return False
        if scope.parent is None or scope.parent.facts.sort not in (TOP, BODY) or not scope.decorator_names <= HARMLESS:
            return False
        if APART & {*scope.module.name.split(".")} or SIGNING_IN & {*scope.parameters}:
            return False
        if not all(caller.module.in_tests for caller, _ in self._analysis.reach.callers(scope)):
            return False
        return not any(
            self._may_call(scope, caller, index) for caller, index in self._analysis.program.calls_named.get(scope.name, ())
        )

    def _may_call(self, function: FunctionSymbol, caller: FunctionSymbol, index: int) -> bool:
        """A call of such a name, outside of tests, is not known to call something else."""
        if caller.module.in_tests:
            return False
        match self._analysis.receivers.value(caller.facts.calls[index].callee, caller):
            case Routine(function=called):
                return called is function
        return True

    @lazily
    def _came(self) -> dict[FunctionSymbol, tuple[FunctionSymbol, int] | None]:
        """Each function with who leads to it and where; None for an entry point."""
        entries = [each.function for each in self._analysis.reach.entries.values() if each.serves]
        came: dict[FunctionSymbol, tuple[FunctionSymbol, int] | None] = dict.fromkeys(
            each for each in entries if not _is_of_tests(each)
        )
        # A decorator of the program may put a function of its own in the place of one that is registered.
        came.update(dict.fromkeys(around for each in tuple(came) for around in self.wrappers(each) if around not in came))
        self._walk(came, deque(came))
        self._offered.update(self._find_offered(came))
        came.update(dict.fromkeys(self._offered))
        self._walk(came, deque(self._offered))
        return came

    def _walk(self, came: dict[FunctionSymbol, tuple[FunctionSymbol, int] | None], waiting: deque[FunctionSymbol]) -> None:
        while waiting:
            at = waiting.popleft()
            for below, line in self._below(at):
                if below not in came and not below.module.library and not _is_of_tests(below):
                    came[below] = (at, line)
                    waiting.append(below)

    def _below(self, scope: FunctionSymbol) -> Iterator[tuple[FunctionSymbol, int]]:
        for child in scope.children:
            # What a decorator takes may run in another process, or never; calls of it by its name are followed below.
            if child.facts.sort != BODY and child.decorator_names <= {"wraps"}:
                yield child, child.facts.line
        for parameter in scope.facts.parameters:
            if scope.parent is None or (parameter.default is None and parameter.annotation is None):
                continue
            if (function := self.dependency(parameter, scope.parent)) is not None:
                yield function, parameter.line
        if scope.owner is not None:
            yield from self._mentioned(scope)
        yield from self._entered(scope)
        yield from self._set(scope)
        for call in scope.facts.calls:
            for below in self._called(call.callee, scope):
                yield below, call.line
            if call.callee[-1] in RUNNERS and call.callee[0] in ("name", "attribute"):
                for given in call.given:
                    if given[0] in ("name", "attribute"):
                        for below in self._called(given, scope):
                            yield below, call.line

    def dependency(self, parameter: Parameter, around: FunctionSymbol) -> FunctionSymbol | None:
        """What a framework calls to fill a parameter: a function, `__call__` of an object, or `__init__` of a class."""
        match self._analysis.receivers.parameters.dependency(parameter, around):
            case Routine(function=function):
                return function
            case Instance(kind=kind) if "__call__" in kind.methods:
                return kind.methods["__call__"][0]
            case TypeOf(kind=kind) if "__init__" in kind.methods:
                return kind.methods["__init__"][0]
        return None

    def _entered(self, scope: FunctionSymbol) -> Iterator[tuple[FunctionSymbol, int]]:
        """What runs at the beginning and the end of a `with` on an object of the program."""
        for block in scope.facts.blocks:
            if block.what in ("with", "with async"):
                for each in block.expressions:
                    match self._analysis.receivers.value(each, scope):
                        case Instance(kind=kind) if not kind.module.library:
                            yield from ((kind.methods[name][0], block.head) for name in ENTERING if name in kind.methods)

    def _set(self, scope: FunctionSymbol) -> Iterator[tuple[FunctionSymbol, int]]:
        yield from ((setter, each.line) for setter, each in self.set_by(scope))

    def set_by(self, scope: FunctionSymbol) -> Iterator[tuple[FunctionSymbol, Assignment]]:
        """The setters of properties that assignments call: `mailer.sender = user.email`."""
        for each in scope.facts.assignments:
            if each.target[0] == "attribute" and each.how == "=" and each.target[2] in self._setters:
                match self._analysis.receivers.value(each.target[1], scope):
                    case Instance(kind=kind):
                        for above in self._analysis.program.order(kind)[0]:
                            if (setter := self._setters[each.target[2]].get(above)) is not None:
                                yield setter, each
                                break

    @lazily
    def _setters(self) -> dict[str, dict[ClassSymbol, FunctionSymbol]]:
        found: dict[str, dict[ClassSymbol, FunctionSymbol]] = {}
        for scope in self._analysis.scopes:
            if scope.owner is not None and "setter" in scope.decorator_names and len(scope.facts.parameters) == 2:
                found.setdefault(scope.name, {})[scope.owner] = scope
        return found

    def _mentioned(self, scope: FunctionSymbol) -> Iterator[tuple[FunctionSymbol, int]]:
        """Methods that a method hands on without calling them, and those that it asks for by the beginning of their names."""
        for use in scope.facts.uses:
            if use.name.startswith("self.") and use.where[0] in ("element", "assign", "argument"):
                match self._analysis.receivers.value(("attribute", SELF, use.name[5:]), scope):
                    case Routine(function=function):
                        yield function, use.line
        for number, call in enumerate(scope.facts.calls):
            if call.callee == ("name", "getattr"):
                yield from ((method, call.line) for method in self.asked_for(("call", number), scope))

    def asked_for(self, expression: Expression, scope: FunctionSymbol) -> tuple[FunctionSymbol, ...]:
        """The methods of which one is asked for by what its name begins with: `getattr(self, f"on_{kind}")`."""
        if expression[0] == "name":
            given = [each.value for each in scope.assigned.get(expression[1], ())]
            expression = given[0] if len(given) == 1 else expression
        if expression[0] != "call" or scope.owner is None:
            return ()
        call = scope.facts.calls[expression[1]]
        if call.callee != ("name", "getattr") or len(call.arguments) < 2 or call.arguments[0] != SELF:
            return ()
        match call.arguments[1]:
            case ("formatted", (("string", str(beginning)), *_)) | ("operator", "+", ("string", str(beginning)), _):
                found: dict[str, FunctionSymbol] = {}
                for kind in self._analysis.program.order(scope.owner)[0]:
                    for name, methods in kind.methods.items():
                        if beginning and name.startswith(beginning):
                            found.setdefault(name, methods[0])
                return tuple(found.values())
        return ()

    def _called(self, callee: Expression, scope: FunctionSymbol) -> Iterable[FunctionSymbol]:
        value = self._analysis.receivers.value(callee, scope)
        if value is None:
            made = self.made(callee, scope)
            return () if made is None else (made,)
        return () if isinstance(value, Foreign) else self._run_by(value)

    def _run_by(self, called: Value) -> Iterator[FunctionSymbol]:
        """What runs of the program when something is called."""
        match called:
            case Routine(function=function, receiver=receiver):
                yield function
                yield from self.wrappers(function)
                overriding = () if receiver is None else self._analysis.program.subclasses.get(receiver, ())
                if len(overriding) <= MOST_OVERRIDES:
                    for below in overriding:
                        yield from below.methods.get(function.name, ())
            case TypeOf(kind=kind):
                for name in MAKING:
                    for above in self._analysis.program.order(kind)[0]:
                        if name in above.methods:
                            yield from above.methods[name]
                            break
            case Instance(kind=kind) if "__call__" in kind.methods:
                yield from kind.methods["__call__"]
            case Either(options=options):
                # `(stream if live else collect)(number)`: one or the other is called.
                yield from (each.function for each in options if isinstance(each, Routine))

    def made(self, callee: Expression, scope: FunctionSymbol) -> FunctionSymbol | None:
        """The function that a name of a module stands for, where another has made it there: `greet = greeter()`."""
        match self._analysis.program.evaluate(callee, scope):
            case VariableSymbol(scope=at, name=name) if at.facts.sort == TOP:
                given = [each.value for each in at.assigned.get(name, [])]
                if len(given) == 1 and given[0][0] == "call":
                    maker = at.facts.calls[given[0][1]].callee
                    return next(self._given_by(self._analysis.receivers.value(maker, at)), None)
        return None

    def wrappers(self, function: FunctionSymbol) -> tuple[FunctionSymbol, ...]:
        """The functions of the program that run in place of a decorated one, and call it."""
        if function not in self._around:
            found: list[FunctionSymbol] = []
            around = function.parent
            for each in function.facts.decorators if around is not None else ():
                made = [*self._given_by(self._analysis.receivers.value(each.callee, around or function))]
                found += [inner for one in made for inner in _returned(one)] if each.called else made
            self._around[function] = tuple(found)
        return self._around[function]

    @staticmethod
    def _given_by(maker: Value | None) -> Iterator[FunctionSymbol]:
        """The functions that a function of the program makes and gives."""
        match maker:
            case Routine(function=function) if not function.module.library:
                yield from _returned(function)

    def entry(self, function: FunctionSymbol) -> EntryPoint:
        """The entry point from which the walk came to a function that is served."""
        while (before := self._came[function]) is not None:
            function = before[0]
        entries = self._analysis.reach.entries
        return entries.get(function) or self._offered.get(function) or EntryPoint(function, LISTENER, f"`{function.name}`")

    def before(self, function: FunctionSymbol) -> tuple[FunctionSymbol, int] | None:
        """By which function, and on which line, the walk came to one; None for where it began."""
        return self._came.get(function)

    def in_the_loop(self, function: FunctionSymbol) -> bool:
        """An async entry leads there by calls alone, so that nobody else has a turn until something is awaited."""
        at = function
        while (before := self._came.get(at)) is not None:
            caller, line = before
            names = {last_name(call.callee) for call in caller.calls_on.get(line, ())}
            if at.name not in names or not RUNNERS.isdisjoint(names):
                return False
            at = caller
        return at in self._came and at.facts.sort == ASYNC and at not in self._offered

    def way(self, function: FunctionSymbol) -> tuple[Step, ...]:
        """The calls from an entry point down to a function; nothing when none leads there."""
        if function not in self._came:
            return ()
        steps: list[Step] = []
        at = function
        while (before := self._came[at]) is not None:
            caller, line = before
            steps.append(Step(caller.module.path, line, f"which leads to `{at.facts.qualified}`"))
            at = caller
        if (entry := self._analysis.reach.entries.get(at)) is not None:
            note = f"{entry.label} is answered by `{at.facts.qualified}`"
        elif at in self._offered:
            note = f"`{at.facts.qualified}` is there for {self._offered[at].label}"
        else:
            note = f"`{at.facts.qualified}` runs in place of what it decorates"
        steps.append(Step(at.module.path, at.facts.line, note))
        return tuple(reversed(steps))


def _is_of_tests(function: FunctionSymbol) -> bool:
    """It stands in a test, or in a fixture, wherever that is: nobody who is served gets there."""
    at: FunctionSymbol | None = function
    while at is not None:
        if "fixture" in at.decorator_names:
            return True
        at = at.parent
    return function.module.in_tests


def _returned(maker: FunctionSymbol) -> Iterator[FunctionSymbol]:
    """The functions within a function that it returns."""
    given = {each.value[1] for each in maker.facts.returned if each.value[0] == "name"}
    yield from (each for each in maker.children if each.name in given and each.facts.sort in (PLAIN, ASYNC))
