"""Which sessions and connections the tasks of a function work with, and which of those tasks run at the same time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.database.ambient import AmbientSessions
from netra.guard.database.carriers import Carriers
from netra.guard.database.connections import Connections
from netra.guard.facts import PLAIN, CallSite, Expression, Where, last_name
from netra.guard.lazily import lazily
from netra.guard.meaning.expressions import written
from netra.guard.meaning.parameters import parameter_given
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine, Step

# One unit of work at a time: the drivers and SQLAlchemy refuse, or mix up, two statements at once.
EXCLUSIVE: Final = frozenset(
    """sqlalchemy.ext.asyncio.AsyncSession sqlalchemy.ext.asyncio.AsyncConnection sqlalchemy.orm.Session
    sqlalchemy.engine.Connection asyncpg.Connection psycopg.AsyncConnection""".split()
)
SYNCHRONOUS: Final = "sqlalchemy.orm.Session"
JOINING: Final = frozenset("gather wait as_completed".split())
# They start what they are given, and come back at once.
STARTING: Final = frozenset("create_task ensure_future start_soon submit run_in_executor to_thread".split())
# They are given a function, with what it is to be called with.
CALLING: Final = frozenset("start_soon submit run_in_executor to_thread map".split())

# What is asked of a session, by which an attribute of no known class may be one.
WORKING: Final = frozenset(
    "execute scalar scalars stream get refresh flush commit merge delete fetch fetchrow fetchval".split()
)

# Methods of one object between a task and the session.
FURTHEST: Final = 3


@dataclass(frozen=True, slots=True)
class SessionOfTask:
    """A session that a task works with. `key` tells one session from another within a function."""

    key: Expression
    library: str
    shown: str
    in_context: bool = False
    """The task finds it around itself, where whoever starts it has put it."""


@dataclass(frozen=True, slots=True)
class Launch:
    """Something that a function starts beside itself."""

    call: CallSite
    sessions: tuple[SessionOfTask, ...]
    repeated: bool
    """A loop or a comprehension starts it many times."""
    kept: Expression | None
    """The name or attribute that its task is put into."""


class Tasks:
    """Answers what functions start."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._connections = analysis.once(Connections)
        self._carriers = analysis.once(Carriers)
        self._ambient = analysis.once(AmbientSessions)
        self._of_methods: dict[tuple[FunctionSymbol, int], tuple[tuple[str, str | None], ...]] = {}

    def joined(self, scope: FunctionSymbol, index: int) -> list[Launch]:
        """What a call of `gather` runs at the same time."""
        call = scope.facts.calls[index]
        names = {each[1][1] if each[0] == "star" else each[1] for each in call.arguments if _is_name(each)}
        alone = {each[1] for each in call.arguments if each[0] == "name"}
        found = []
        for number, each in enumerate(scope.facts.calls):
            where, repeated = _outermost(each.where)
            direct = where[0] == "argument" and where[1] == index
            unpacked = (repeated and _is_unpacked_into(call, each.line)) or ("star", ("call", number)) in call.arguments
            built = where[0] == "assign" and where[1][0] == "name" and where[1][1] in (names if repeated else alone)
            appended = where[0] == "argument" and _appends_to(scope.facts.calls[where[1]], names)
            if (built or appended) and last_name(each.callee) in STARTING:
                continue  # it runs already: `started` is asked for it
            if direct or unpacked or built or appended:
                loops = appended and _is_in_loop(scope, each.line)
                found.append(self._launch(scope, number, repeated=repeated or loops or last_name(each.callee) == "map"))
        return found

    @lazily
    def helpers(self) -> dict[FunctionSymbol, str]:
        """The functions of the program that make a task of what they are given, and come back at once, with the parameter."""
        found: dict[FunctionSymbol, str] = {}
        for scope, _, call in self._analysis.calls_of("create_task", "ensure_future"):
            by_loop = call.callee[0] == "name" or _is_loop(call.callee[1], scope)
            if scope.facts.sort != PLAIN or scope.module.in_tests or scope.facts.yields or not by_loop or not call.arguments:
                continue
            given = call.arguments[0]
            inside = scope.facts.calls[given[1]].arguments if given[0] == "call" else (given,)
            names = [each[1] for each in inside if each[0] == "name" and each[1] in scope.parameters]
            names = [each for each in names if each not in ("self", "cls") and not scope.assigned.get(each)]
            # `create_task(run(coro))`, where `run` awaits it: of several, nobody knows which is the coroutine.
            runs = _waits(scope)
            if len(names) == 1 and not runs:
                found[scope] = names[0]
            elif given[0] == "call" and not runs:
                match self._analysis.receivers.value(scope.facts.calls[given[1]].callee, scope):
                    case Routine(function=inner, bound=bound):
                        awaited = {what[1] for what, *_ in inner.facts.awaits if what[0] == "name"}
                        for position, each in enumerate(inside):
                            if (
                                each[0] == "name"
                                and each[1] in names
                                and parameter_given(inner, position, bound=bound) in awaited
                            ):
                                found[scope] = each[1]
        return found | self._handing_on(found)

    def _handing_on(self, helpers: dict[FunctionSymbol, str]) -> dict[FunctionSymbol, str]:
        """The functions that leave it to one of those: `def spawn(coro): return _keeper.spawn(coro)`."""
        found: dict[FunctionSymbol, str] = {}
        for scope, _, call in self._analysis.calls_of(*{each.name for each in helpers}):
            if scope.facts.sort != PLAIN or scope.module.in_tests or scope.facts.yields or scope in helpers or _waits(scope):
                continue
            match self._given(scope, call, helpers):
                case ("name", str(name)) if name in scope.parameters and name not in ("self", "cls"):
                    if not scope.assigned.get(name):
                        found[scope] = name
        return found

    def given_to_helper(self, scope: FunctionSymbol, call: CallSite) -> Expression | None:
        """The coroutine of which a call of such a function makes a task."""
        return self._given(scope, call, self.helpers) if last_name(call.callee) in self._names_of_helpers else None

    def _given(self, scope: FunctionSymbol, call: CallSite, helpers: dict[FunctionSymbol, str]) -> Expression | None:
        match self._analysis.receivers.value(call.callee, scope):
            case Routine(function=function, bound=bound) if function in helpers:
                for position, value in call.placed:
                    if parameter_given(function, position, bound=bound) == helpers[function]:
                        return value
        return None

    @lazily
    def _names_of_helpers(self) -> frozenset[str]:
        return frozenset(each.name for each in self.helpers)

    def starting(self) -> Iterator[FunctionSymbol]:
        """The functions, outside tests, that start anything."""
        names = sorted({*STARTING, *self._names_of_helpers})
        return iter(dict.fromkeys(scope for scope, _, _ in self._analysis.calls_of(*names) if not scope.module.in_tests))

    def started(self, scope: FunctionSymbol) -> list[tuple[int, Launch]]:
        """What a function starts and does not wait for in the same breath, with the call that starts it."""
        found = []
        for number, call in enumerate(scope.facts.calls):
            by_helper = self.given_to_helper(scope, call)
            if (last_name(call.callee) not in STARTING and by_helper is None) or call.where[0] == "await":
                continue
            where, inside = _outermost(call.where)
            if where[0] == "argument" and last_name(scope.facts.calls[where[1]].callee) in JOINING:
                continue  # `gather` is asked for those
            repeated = (inside and where[0] == "assign") or _is_in_loop(scope, call.line)
            if repeated and where[0] == "assign" and _is_awaited_in_loop(scope, where[1], call.line):
                continue
            kept = where[1] if where[0] == "assign" else None
            inner = by_helper or next((each for each in call.arguments if each[0] == "call"), None)
            if by_helper is not None and by_helper[0] != "call":
                continue
            launch = self._launch(scope, number if inner is None else inner[1], repeated=repeated, kept=kept)
            if launch.sessions:
                found.append((number, launch))
        return found

    def _launch(self, scope: FunctionSymbol, index: int, *, repeated: bool, kept: Expression | None = None) -> Launch:
        call = scope.facts.calls[index]
        sessions: dict[Expression, SessionOfTask] = {}
        for each in self._sessions(scope, call):
            if not repeated or _stands_outside(scope, each.key):
                sessions.setdefault(each.key, each)
        return Launch(call, tuple(sessions.values()), repeated, kept)

    def _sessions(self, scope: FunctionSymbol, call: CallSite) -> Iterator[SessionOfTask]:
        given = call.given
        inner = [scope.facts.calls[each[1]] for each in given if each[0] == "call"]
        if last_name(call.callee) in STARTING:
            for started in inner:
                yield from self._sessions(scope, started)
        functions = [call.callee]
        if last_name(call.callee) in CALLING:
            functions += [each for each in given if each[0] in ("name", "attribute")]
        for each in given:
            yield from self._held(scope, each)
        for callee in functions:
            if callee[0] == "attribute":
                yield from self._held(scope, callee[1])
                yield from self._of_object(scope, callee)
            elif callee[0] == "name":
                yield from self._closed_over(scope, callee[1])
            yield from self._around(scope, callee)

    def _held(self, scope: FunctionSymbol, expression: Expression) -> Iterator[SessionOfTask]:
        match expression:
            case ("name", _) | ("attribute", ("name", "self"), _):
                library = self._connections.held(expression, scope)
                if library in EXCLUSIVE:
                    yield SessionOfTask(expression, library, written(expression, scope))

    def _of_object(self, scope: FunctionSymbol, callee: Expression) -> Iterator[SessionOfTask]:
        """The sessions that a method works with because its object has them."""
        match self._analysis.receivers.value(callee, scope):
            case Routine(function=one, bound=True) if not one.module.library:
                function: FunctionSymbol | None = one
            case None:
                function = self._carriers.method(callee, scope)
            case _:
                return
        for name, library in () if function is None else self._of_method(function, FURTHEST):
            given = self._carriers.session_of(callee[1], name, scope)
            library = library or (self._connections.held(given, scope) if given is not None else None)
            if library is not None and library in EXCLUSIVE:
                key = given or ("attribute", callee[1], name)
                yield SessionOfTask(key, library, written(key, scope))

    def _of_method(self, function: FunctionSymbol, depth: int) -> tuple[tuple[str, str | None], ...]:
        """The attributes with sessions that a method works with; without a class where only what it was made with may tell."""
        key = (function, depth)
        if key not in self._of_methods:
            self._of_methods[key] = ()  # what a method that calls itself finds
            found: dict[str, str | None] = {}
            for call in function.facts.calls:
                if is_locked(function, call.line):
                    continue
                match call.callee:
                    case ("attribute", ("attribute", ("name", "self"), str(name)) as kept, _):
                        library = self._connections.held(kept, function)
                        unknown = library is None and call.callee[2] in WORKING
                        if unknown and self._analysis.receivers.value(kept, function) is None:
                            found.setdefault(name, None)
                        elif library in EXCLUSIVE:
                            found[name] = library
                        elif depth:
                            found.update(self._of_part(function, call, kept, depth - 1))
                    case ("attribute", ("name", "self"), _) if depth:
                        match self._analysis.receivers.value(call.callee, function):
                            case Routine(function=other) if not other.module.library:
                                found.update(self._of_method(other, depth - 1))
            self._of_methods[key] = tuple(found.items())
        return self._of_methods[key]

    def _of_part(
        self, function: FunctionSymbol, call: CallSite, holder: Expression, depth: int
    ) -> Iterator[tuple[str, str | None]]:
        """The sessions of its own object that a method has another object work with, which was made of them."""
        match self._analysis.receivers.value(call.callee, function):
            case Routine(function=other, bound=True) if not other.module.library:
                for name, library in self._of_method(other, depth):
                    own = self._carriers.session_of(holder, name, function)
                    if own is not None and own[0] == "attribute":
                        yield own[2], library

    def _around(self, scope: FunctionSymbol, callee: Expression) -> Iterator[SessionOfTask]:
        """The sessions that the task finds in its context, which is that of whoever starts it."""
        match self._analysis.receivers.value(callee, scope):
            case Routine(function=function) if not function.module.library:
                for key, library in self._ambient.used(function):
                    if library in EXCLUSIVE and library != SYNCHRONOUS:
                        yield SessionOfTask(key, library, written(key, scope), in_context=True)

    def afterwards(self) -> Iterator[tuple[FunctionSymbol, CallSite, SessionOfTask, tuple[Step, ...]]]:
        """Sessions of a route that are handed to what runs when it is answered, with what ends them before."""
        for scope, _, call in self._analysis.calls_of("add_task", "BackgroundTask"):
            if scope.module.in_tests or not call.arguments or not _is_background(call, scope):
                continue
            for each in call.given[1:]:
                for session in self._held(scope, each):
                    ended = self._ended(scope, each)
                    if ended is not None:
                        yield scope, call, session, (ended,)

    def _ended(self, scope: FunctionSymbol, session: Expression) -> Step | None:
        """What closes a session when the function that has it is done, or its request: its block, or a dependency."""
        if session[0] != "name":
            return None
        for each in scope.assigned.get(session[1], ()):
            if each.how in ("with", "with async"):
                return Step(scope.module.path, each.line, f"`{session[1]}` is closed when this block is left")
        if session[1] in scope.parameters and scope.parent is not None and not scope.assigned.get(session[1]):
            parameter = scope.facts.parameters[scope.parameters[session[1]]]
            match self._analysis.receivers.parameters.dependency(parameter, scope.parent):
                case Routine(function=function) if function.facts.yields:
                    ends = f"FastAPI leaves `{function.name}` before the task runs (0.106 to 0.117), or when it is done"
                    note = f"`{session[1]}` belongs to the request: {ends}, and keeps its connection so long"
                    return Step(scope.module.path, parameter.line, note)
        return None

    def _closed_over(self, scope: FunctionSymbol, name: str) -> Iterator[SessionOfTask]:
        """The sessions of this function that a function inside it works with."""
        for child in scope.children:
            if child.name != name:
                continue
            for call in child.facts.calls:
                if is_locked(child, call.line):
                    continue
                if call.callee[0] == "attribute" and call.callee[1][0] == "name" and call.callee[1][1] not in child.bound:
                    yield from self._held(scope, call.callee[1])
                for each in call.arguments:
                    if each[0] == "name" and each[1] not in child.bound:
                        yield from self._held(scope, each)


def _is_background(call: CallSite, scope: FunctionSymbol) -> bool:
    """`BackgroundTask(work, session)`, and `tasks.add_task(work, session)` of the tasks that a framework runs afterwards."""
    if call.callee[0] != "attribute":
        return last_name(call.callee) == "BackgroundTask"
    name = last_name(call.callee[1]) or ""
    if name in scope.parameters:
        annotation = scope.facts.parameters[scope.parameters[name]].annotation
        return annotation is not None and last_name(annotation) == "BackgroundTasks"
    made = [scope.facts.calls[each.value[1]] for each in scope.assigned.get(name, ()) if each.value[0] == "call"]
    return any(last_name(each.callee) == "BackgroundTasks" for each in made)


def _waits(scope: FunctionSymbol) -> bool:
    """It has a loop of its own to run something to its end, or asks for what has come of it."""
    return any(last_name(each.callee) in ("run_until_complete", "result") for each in scope.facts.calls)


def _is_loop(expression: Expression, scope: FunctionSymbol) -> bool:
    """`asyncio`, `loop`, `asyncio.get_running_loop()`, and no group that waits for what it is given."""
    if expression[0] == "call":
        expression = scope.facts.calls[expression[1]].callee
    name = last_name(expression) or ""
    return name == "asyncio" or "loop" in name.lower()


def _outermost(where: Where) -> tuple[Where, bool]:
    """Where the container stands that something is an element of, and whether it is in one."""
    inside = False
    while where[0] in ("element", "unpack"):
        inside = inside or where[0] == "element"
        where = where[1] if len(where) > 1 else ("other",)
    return where, inside


def _is_name(argument: Expression) -> bool:
    inner: Expression = argument[1] if argument[0] == "star" else argument
    return bool(inner[0] == "name")


def _is_unpacked_into(call: CallSite, line: int) -> bool:
    """`gather(*[work(session, each) for each in …])`."""
    unpacks = any(argument[0] == "star" and argument[1][0] == "comprehension" for argument in call.arguments)
    return unpacks and call.line <= line <= call.end_line


def _appends_to(call: CallSite, names: set[str]) -> bool:
    return last_name(call.callee) == "append" and call.callee[0] == "attribute" and last_name(call.callee[1]) in names


def is_locked(scope: FunctionSymbol, line: int) -> bool:
    """The line runs under a lock, so that one task waits for the other."""
    return any(
        each.what == "with async" and each.line <= line <= each.end_line and "lock" in str(each.expressions).lower()
        for each in scope.facts.blocks
    )


def _is_in_loop(scope: FunctionSymbol, line: int) -> bool:
    return any(each.what == "loop" and each.line <= line <= each.end_line for each in scope.facts.blocks)


def _is_awaited_in_loop(scope: FunctionSymbol, target: Expression, line: int) -> bool:
    """The task of one turn is waited for before the next begins."""
    loops = [each for each in scope.facts.blocks if each.what == "loop" and each.line <= line <= each.end_line]
    return any(what == target and loops[-1].line <= at <= loops[-1].end_line for what, at, *_ in scope.facts.awaits if loops)


def _stands_outside(scope: FunctionSymbol, key: Expression) -> bool:
    """The session is not what a comprehension or a loop binds anew each time."""
    while key[0] == "attribute":
        key = key[1]
    if key[0] != "name":
        return False
    loops = [each for each in scope.facts.blocks if each.what == "loop"]
    return all(
        each.how not in ("for", "for async")
        and not (each.how != "declared" and any(loop.line <= each.line <= loop.end_line for loop in loops))
        for each in scope.assigned.get(key[1], ())
    )
