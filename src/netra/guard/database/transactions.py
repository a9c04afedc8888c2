"""What a call does to the transaction of a session or connection, directly or through the functions that it is handed to."""

from collections.abc import Iterator
from functools import cache
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.database.carriers import Carriers
from netra.guard.database.changing import changes, is_only_read_anew
from netra.guard.database.connections import CLOSING, HELD, REGISTRIES, SESSIONS, Connections, works_on_given
from netra.guard.database.registries import RegisteredSessions
from netra.guard.facts import ASYNC, OTHER, PLAIN, SELF, Expression, last_name
from netra.guard.immutable import immutable
from netra.guard.lazily import lazily
from netra.guard.meaning.expressions import within
from netra.guard.meaning.parameters import parameter_given
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import ContextOf, GeneratorOf, Instance, Routine, TypeOf

EXECUTES: Final = "executes"
WRITES: Final = "writes"
FLUSHES: Final = "flushes"
COMMITS: Final = "commits"
ROLLS_BACK: Final = "rolls back"
CLOSES: Final = "closes"
NESTS: Final = "nests"
UNKNOWN: Final = "unknown"

Effects = frozenset[str]
NO_EFFECT: Final[Effects] = frozenset()

RUNNING: Final = frozenset(
    """execute exec scalar scalars stream stream_scalars get get_one query refresh executemany exec_driver_sql connection
    fetch fetchrow fetchval run_sync bulk_save_objects bulk_insert_mappings bulk_update_mappings flush merge""".split()
)
WRITING: Final = frozenset("add add_all delete merge bulk_save_objects bulk_insert_mappings bulk_update_mappings".split())
ENDING: Final = {"commit": COMMITS, "rollback": ROLLS_BACK, **dict.fromkeys(CLOSING, CLOSES)}
BEGINNING: Final = frozenset({"begin", "begin_nested"})

ENTERING: Final = ("__enter__", "__aenter__")
LEAVING: Final = ("__exit__", "__aexit__")

# Functions between a session and the call that works with it.
FURTHEST: Final = 4

# What the sessions of registries are called, whichever keeps them.
REGISTERED: Final = "sqlalchemy.orm.scoped_session"

# Who ends the unit of work of a session.
HERE: Final = "here"
ELSEWHERE: Final = "elsewhere"


@immutable
class Tracked:
    """What holds a session or connection, with the class that it has in the models: a name, `self.name`, or what an object
    keeps that another one has made, `self.people.session`.
    """

    scope: FunctionSymbol
    name: str
    library: str

    @property
    def expression(self) -> Expression:
        return _expression(self.name)


@cache
def _expression(name: str) -> Expression:
    """`self.people.session`, written with dots, as an expression; asked for each call of each function that has a session."""
    before, dot, last = name.rpartition(".")
    return ("attribute", _expression(before), last) if dot else ("name", name)


class Transactions:
    """Answers about the sessions and connections of a program."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self.connections = analysis.once(Connections)
        self._carriers = analysis.once(Carriers)
        self._registered = analysis.once(RegisteredSessions)
        self._effects: dict[tuple[FunctionSymbol, str], Effects] = {}

    def tracked(self, methods: frozenset[str]) -> Iterator[Tracked]:
        """Every session or connection on which a function of the program, outside tests, calls one of the methods."""
        seen: set[tuple[FunctionSymbol, str]] = set()
        for method in sorted(methods):
            for scope, index in self._analysis.program.calls_named.get(method, ()):
                callee = scope.facts.calls[index].callee
                if callee[0] != "attribute":
                    continue
                receiver = callee[1]
                if receiver[0] == "name":
                    name = receiver[1]
                elif receiver[0] == "attribute" and receiver[1] == SELF:
                    name = f"self.{receiver[2]}"
                else:
                    continue
                if (scope, name) not in seen:
                    seen.add((scope, name))
                    if scope.module.in_tests or scope.facts.sort not in (PLAIN, ASYNC):
                        continue
                    library = self.connections.held(receiver, scope)
                    if library is not None and library in HELD:
                        yield Tracked(scope, name, library)

    def registered(self, methods: frozenset[str]) -> Iterator[Tracked]:
        """The same of sessions that a registry keeps."""
        for scope, name in self._registered.tracked(methods):
            yield Tracked(scope, name, REGISTERED)

    def brought(self) -> tuple[Tracked, ...]:
        """Every session or connection that a framework gives to a handler, that a function opens for itself, that a `with`
        binds, or that a parameter says it is, whatever is done with it.
        """
        return self._brought

    @lazily
    def _brought(self) -> tuple[Tracked, ...]:
        return tuple(dict.fromkeys(self._find_brought()))

    def _find_brought(self) -> Iterator[Tracked]:
        for opening in self.connections.openings:
            match opening.where:
                case ("assign", ("name", str(name))) if name not in opening.scope.facts.globals:
                    yield Tracked(opening.scope, name, opening.library)
        # In the order of the entry points: a set of functions has another one in each process.
        for function in (each for each in self._analysis.reach.entries if each in self._analysis.reach.serving):
            for parameter in function.facts.parameters:
                if parameter.default is not None or parameter.annotation is not None:
                    library = self.connections.held(("name", parameter.name), function)
                    if library is not None:
                        yield Tracked(function, parameter.name, library)
        for scope in self._analysis.scopes:
            if scope.module.in_tests or scope.facts.sort not in (PLAIN, ASYNC):
                continue
            for parameter in scope.facts.parameters if scope not in self._analysis.reach.serving else ():
                named = "" if parameter.annotation is None else last_name(parameter.annotation) or ""
                if named.endswith(("Session", "Connection")):
                    library = self.connections.held(("name", parameter.name), scope)
                    if library is not None:
                        yield Tracked(scope, parameter.name, library)
            for each in scope.facts.assignments:
                if each.how in ("with", "with async") and each.target[0] == "name":
                    library = self.connections.held(each.target, scope)
                    if library is not None:
                        yield Tracked(scope, each.target[1], library)
                    elif self._units:
                        yield from self._of_unit(scope, each.target[1])

    @lazily
    def _units(self) -> dict[ClassSymbol, tuple[str, str]]:
        """The classes whose objects open a session for the time of a `with`: the attribute that has it, and its class."""
        found = {}
        for opening in self.connections.openings:
            scope = opening.scope
            match opening.where:
                case ("assign", ("attribute", ("name", "self"), str(name))) if scope.owner is not None:
                    if scope.name in ("__init__", *ENTERING) and scope.owner.methods.keys() & {*ENTERING}:
                        found[scope.owner] = (name, opening.library)
        return found

    def _of_unit(self, scope: FunctionSymbol, name: str) -> Iterator[Tracked]:
        """`async with UnitOfWork() as work`: the session is `work.session`."""
        match self._analysis.receivers.value(("name", name), scope):
            case Instance(kind=kind) if not kind.module.library:
                for each in self._analysis.program.order(kind)[0]:
                    if each in self._units:
                        attribute, library = self._units[each]
                        yield Tracked(scope, f"{name}.{attribute}", library)
                        return

    def _left_by_unit(self, tracked: Tracked, holder: str) -> str | None:
        """Who ends the unit of work of an object that is entered: its exit commits, or closes alone."""
        assigned = tracked.scope.assigned.get(holder, ())
        if len(assigned) != 1 or not assigned[0].how.startswith("with") or assigned[0].value[0] != "call":
            return None
        # What `__enter__` gives as `self` is of the class below it that was made here.
        match self._analysis.receivers.value(assigned[0].value, tracked.scope):
            case Instance(kind=kind):
                order = self._analysis.program.order(kind)[0]
                for each in order:
                    for name in LEAVING:
                        for leaving in each.methods.get(name, ()):
                            called = {last_name(call.callee) or "" for call in leaving.facts.calls}
                            within = (method for one in called for above in order for method in above.methods.get(one, ()))
                            called |= {last_name(call.callee) or "" for method in within for call in method.facts.calls}
                            ends = any(word in one.lower() for one in called for word in ("commit", "save", "super", "exit"))
                            return ELSEWHERE if ends else HERE if "close" in called or "aclose" in called else None
        return None

    # --- effects ---------------------------------------------------------------------------------------------------------

    def effects(self, tracked: Tracked, index: int, depth: int = FURTHEST) -> Effects:
        """What a call does to the transaction of a session."""
        scope, session = tracked.scope, tracked.expression
        call = scope.facts.calls[index]
        match call.callee:
            case ("attribute", receiver, str(method)) if receiver == session:
                return self._of_method(scope, method, call.arguments)
        if tracked.library in REGISTRIES:
            return self._of_registry(scope, index)
        given = call.placed
        found: set[str] = set()
        for position, value in given:
            if value == session:
                found |= self._of_function(scope, index, position, tracked.library, depth)
            elif value[0] in ("star", "list", "tuple", "dict") and str(session) in str(value):
                found.add(UNKNOWN)
            elif value[0] == "name" and depth > 0 and value != session:
                found |= self._of_record(tracked, index, position, value, depth)
        if call.callee[0] == "attribute" and depth > 0:
            found |= self._of_carrier(tracked, call.callee, depth)
        return frozenset(found)

    def passed(self, tracked: Tracked, index: int) -> Tracked | None:
        """The session as a function of the program has it that a call gives it to, or that its object was made with."""
        scope, call = tracked.scope, tracked.scope.facts.calls[index]
        match self._analysis.receivers.value(call.callee, scope):
            case Routine(function=function, bound=bound) if not function.module.library:
                for position, value in call.placed:
                    name = parameter_given(function, position, bound=bound) if value == tracked.expression else None
                    if name is not None:
                        return Tracked(function, name, tracked.library)
        function_of_carrier = self._carriers.method(call.callee, scope) if call.callee[0] == "attribute" else None
        if function_of_carrier is not None:
            attribute = self._carriers.attribute(call.callee[1], tracked.expression, scope)
            return None if attribute is None else Tracked(function_of_carrier, f"self.{attribute}", tracked.library)
        return None

    def _of_carrier(self, tracked: Tracked, callee: Expression, depth: int) -> Effects:
        """What a method does to the session that its object was made with."""
        attribute = self._carriers.attribute(callee[1], tracked.expression, tracked.scope)
        if attribute is None:
            return NO_EFFECT
        function = self._carriers.method(callee, tracked.scope)
        return NO_EFFECT if function is None else self.of_parameter(function, f"self.{attribute}", tracked.library, depth - 1)

    def _of_record(self, tracked: Tracked, index: int, position: int | str, record: Expression, depth: int) -> Effects:
        """What a function does to the session that lies in a record which it is handed: `run(Context(session), question)`."""
        scope = tracked.scope
        given = scope.assigned.get(record[1], ())
        if len(given) != 1 or given[0].value[0] != "call" or not self._carriers.is_record(given[0].value[1], scope):
            return NO_EFFECT
        attribute = self._carriers.attribute(record, tracked.expression, scope)
        if attribute is None:
            return NO_EFFECT
        match self._analysis.receivers.value(scope.facts.calls[index].callee, scope):
            case Routine(function=function, bound=bound) if not function.module.library:
                name = parameter_given(function, position, bound=bound)
                if name is not None:
                    return self.of_parameter(function, f"{name}.{attribute}", tracked.library, depth - 1)
        return frozenset({UNKNOWN})

    def _of_registry(self, scope: FunctionSymbol, index: int) -> Effects:
        """What a function does that works with the session of the registry, which it has to be given by nobody."""
        found: set[str] = set()
        match self._analysis.receivers.value(scope.facts.calls[index].callee, scope):
            case Routine(function=function) if not function.module.library:
                for below, number in self._registered.calls_below(function):
                    call = below.facts.calls[number]
                    found |= self._of_method(below, call.callee[2], call.arguments)
        # Who can roll back or let go does so when he has to, which is his own business.
        return frozenset({UNKNOWN} if found & {ROLLS_BACK, CLOSES, NESTS} else found)

    def of_method(self, method: str) -> Effects:
        """What a method of a session does, whatever it is given."""
        return frozenset({ENDING[method]}) if method in ENDING else frozenset({EXECUTES} if method in RUNNING else ())

    def _of_method(self, scope: FunctionSymbol, method: str, arguments: tuple[Expression, ...]) -> Effects:
        if method in ENDING:
            return frozenset({ENDING[method]})
        found = {EXECUTES} if method in RUNNING else set()
        adds = method in WRITING and not (method == "add" and is_only_read_anew(arguments[:1], scope))
        if adds or (found and any(changes(each, scope) for each in arguments[:1])):
            found.add(WRITES)
        if method == "flush":
            found.add(FLUSHES)
        if method == "begin_nested":
            found.add(NESTS)
        return frozenset(found)

    def _of_function(self, scope: FunctionSymbol, index: int, position: int | str, library: str, depth: int) -> Effects:
        match self._analysis.receivers.value(scope.facts.calls[index].callee, scope):
            case Routine(function=function) if function.module.library:
                return NO_EFFECT
            case Routine(function=function, bound=bound) if depth > 0:
                name = parameter_given(function, position, bound=bound)
                if name is None:
                    return frozenset({UNKNOWN})
                return self.of_parameter(function, name, library, depth - 1)
            case TypeOf(kind=kind) if not kind.module.library:
                # What it does to the session, it does when its methods are called.
                given = scope.facts.calls[index].arguments[position] if isinstance(position, int) else OTHER
                return NO_EFFECT if self._carriers.kept_as(index, given, scope) else frozenset({UNKNOWN})
        return frozenset({UNKNOWN})

    def of_parameter(self, function: FunctionSymbol, name: str, library: str, depth: int) -> Effects:
        """What a function does, on whatever way, to the transaction of the session that it is handed."""
        key = (function, name)
        if key not in self._effects:
            self._effects[key] = NO_EFFECT  # what a function that calls itself finds
            tracked = Tracked(function, name, library)
            found = {each for index in range(len(function.facts.calls)) for each in self.effects(tracked, index, depth)}
            holder = name if name.startswith("self.") else name.partition(".")[0]
            if any(holder in child.facts.loads for child in function.children) or function.assigned.get(holder):
                found.add(UNKNOWN)  # another session may have taken its place
            self._effects[key] = frozenset(found)
        return self._effects[key]

    def never_returning(self, scope: FunctionSymbol) -> frozenset[int]:
        """The calls of functions that always raise, by their index."""
        found = []
        for index, call in enumerate(scope.facts.calls):
            if call.where[0] in ("statement", "await"):
                match self._analysis.receivers.value(call.callee, scope):
                    case Routine(function=function):
                        facts = function.facts
                        leaves = facts.falls or facts.returned or any(how == "return" for how, _ in facts.jumps)
                        if not leaves and facts.raises and not function.module.library:
                            found.append(index)
        return frozenset(found)

    # --- whose unit of work ----------------------------------------------------------------------------------------------

    def owner(self, tracked: Tracked) -> str | None:
        """Who has to end the unit of work: HERE, in this function; ELSEWHERE, whoever opened it; None when that is unknown."""
        scope, name = tracked.scope, tracked.name
        holder, _, attribute = name.partition(".")
        if attribute and holder != "self":
            return self._left_by_unit(tracked, holder)
        if name in scope.parameters and not self._opened_unless_given(tracked):
            if scope.assigned.get(name) or scope.parent is None:
                return None
            parameter = scope.facts.parameters[scope.parameters[name]]
            match self._analysis.receivers.parameters.dependency(parameter, scope.parent):
                case Routine(function=function):
                    return self._left_by(function, FURTHEST)
            return None
        owners: set[str | None] = set()
        for one in scope.assigned.get(name, ()):
            value = one.value[1] if one.value[0] == "await" else one.value
            if value != ("none",) and one.how != "declared":
                bound = value[0] == "call" and one.how in ("=", "annotated", "with", "with async")
                owners.add(self._opened(scope, value[1], FURTHEST) if bound else None)
        return owners.pop() if len(owners) == 1 else None

    def _opened_unless_given(self, tracked: Tracked) -> bool:
        """`with factory(session) as session:` of a parameter that may be left out."""
        assigned = tracked.scope.assigned.get(tracked.name, ())
        return bool(assigned) and all(each.how in ("with", "with async") and each.value[0] == "call" for each in assigned)

    def _is_left_out(self, scope: FunctionSymbol, value: Expression) -> bool:
        """A parameter of the function without which somebody calls it."""
        if value[0] != "name" or value[1] not in scope.parameters:
            return False
        number = scope.parameters[value[1]]
        if scope.facts.parameters[number].default != ("none",):
            return False
        for caller, index in self._analysis.program.calls_named.get(scope.name, ()):
            call = caller.facts.calls[index]
            spread = any(each[0] == "star" for each in call.arguments) or any(name == "**" for name, _ in call.keywords)
            if spread or caller.module.in_tests:
                continue
            match self._analysis.receivers.value(call.callee, caller):
                case Routine(function=function, bound=bound) if function is scope:
                    positions: list[int | str] = [*range(len(call.arguments)), *(name for name, _ in call.keywords)]
                    if all(parameter_given(scope, each, bound=bound) != value[1] for each in positions):
                        return True
        return False

    def _opened(self, scope: FunctionSymbol, index: int, depth: int) -> str | None:
        call = scope.facts.calls[index]
        if last_name(call.callee) in BEGINNING:
            return ELSEWHERE
        if self.connections.opened(index, scope) is not None:
            return ELSEWHERE if works_on_given(call, scope) else HERE
        match self._analysis.receivers.value(call.callee, scope):
            case Routine(function=function) if not function.module.library:
                match self._analysis.receivers.value(("call", index), scope):
                    case ContextOf(item=Instance()) | GeneratorOf(item=Instance()):
                        given = call.arguments[0] if len(call.arguments) == 1 and not call.keywords else OTHER
                        return self._left_by(function, depth - 1, given_none=self._is_left_out(scope, given))
        return None

    def left_by(self, function: FunctionSymbol) -> str | None:
        """Who ends the unit of work of the session that a generator gives out."""
        return self._left_by(function, FURTHEST)

    def _left_by(self, function: FunctionSymbol, depth: int, *, given_none: bool = False) -> str | None:
        """Who ends the unit of work of the session that a generator gives out. `given_none`: its one argument may be None."""
        facts = function.facts
        given = [each.value for each in facts.returned if each.how == "yield"]
        if depth < 0 or not facts.yields:
            return None
        if any(last_name(call.callee) in ("commit", *BEGINNING) for call in facts.calls):
            return ELSEWHERE
        owners: set[str | None] = set()
        for value in given:
            if value[0] != "name" or self.connections.held(value, function) not in SESSIONS:
                return None
            if _is_put_elsewhere(function, value):
                return None  # whoever finds it there may commit
            if value[1] in function.parameters:
                if len(function.parameters) == 1 and (given_none or _is_refused(function, value[1])):
                    continue  # what it gives out then is another
                return None
            for each in function.assigned.get(value[1], ()):
                inner = each.value[1] if each.value[0] == "await" else each.value
                if inner != ("none",):
                    owners.add(self._opened(function, inner[1], depth) if inner[0] == "call" else None)
        return owners.pop() if len(owners) == 1 else None


def _is_put_elsewhere(function: FunctionSymbol, value: Expression) -> bool:
    """`request.state.session = session`, `setattr(request.state, "session", session)`."""
    facts = function.facts
    return any(each.value == value and each.target[0] in ("attribute", "subscript") for each in facts.assignments) or any(
        call.callee == ("name", "setattr") and call.arguments[-1:] == (value,) for call in facts.calls
    )


def _is_refused(function: FunctionSymbol, name: str) -> bool:
    """`if session is not None and SHARED: yield session`: where the second is not so, even who has a session gets another.

    Where one of the two were enough, nothing would be given out as well.
    """
    for each in function.facts.returned:
        if each.how == "yield" and each.value == ("name", name):
            around = [block for block in function.facts.blocks if block.line <= each.line <= block.end_line]
            tests = [test for block in around if block.what == "if" for test in block.expressions if test[0] == "choice"]
            asked = [("name", name) in within(part, function) for test in tests for part in test[1]]
            if True in asked and False in asked:
                return True
    return False
