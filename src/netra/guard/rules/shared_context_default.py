"""S105."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.sorts import LISTENER, ROUTE, SOCKET, START, TEST
from netra.guard.facts import ASYNC, SELF, TOP, CallSite, Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import within
from netra.guard.requests.emptied import REMOVING
from netra.guard.requests.queues import PUTTING, TAKING, queue_asked
from netra.guard.requests.serving import Serving
from netra.guard.requests.sharing import MUTATING, Sharing
from netra.guard.requests.slots import is_container
from netra.guard.rule import rule
from netra.guard.symbols import ClassSymbol, FunctionSymbol, VariableSymbol
from netra.guard.values import Step, TypeOf

# On one of these ways goes who does not go on another.
BRANCHES: Final = frozenset("if else handler case loop".split())

# A context variable: the module at whose top it stands, and its name.
Variable = tuple[FunctionSymbol, str]
Touches = dict[Variable, list[tuple[FunctionSymbol, CallSite]]]

# Functions between the loop of a worker and the line that reads.
FURTHEST: Final = 4


@rule("S105", "shared-context-default")
def shared_context_default(analysis: Analysis) -> Iterator[Sighting]:
    """A `ContextVar` has a default that can be changed, and that one object is in every context.

    A context variable keeps the values of requests apart, except for its default: whoever adds to it without setting a value
    first adds to what all others see.

    ```python
    tags = ContextVar("tags", default=[])  # S105


    def tag(word):
        tags.get().append(word)  # … into the list of everybody
    ```

    So it is with an object of a class of the program of which an attribute is set or added to while somebody is served:
    `caller.get().scopes.add(scope)`.

    A default of which only copies are changed is left alone. Leave the default out, or take None, and set a new list where the
    request begins.

    A worker that is begun when the program starts has a context of its own, from then on. What a request sets is not in it:
    where such a worker takes what requests have put into a queue, and reads what only requests set, it gets the default for
    all of them, or `LookupError`. Put what it needs into the queue as well.
    """
    for scope, _, call in analysis.calls_of("ContextVar"):
        default = dict(call.keywords).get("default")
        if scope.facts.sort != TOP or default is None or scope.module.in_tests:
            continue
        match default:
            case ("name", str(name)) if len(scope.assigned.get(name, ())) == 1:
                default = scope.assigned[name][0].value  # `NOBODY = Caller()`, and then `default=NOBODY`
        kind = _made_of(analysis, default, scope)
        if (kind is not None or is_container(default, scope)) and (change := _change(analysis, scope, call, kind)):
            message = "the default of this context variable is one object in every context, and is changed"
            mend = Mend("leave the default out, and set a value where the request begins")
            yield Sighting(scope, call.line, call.column, call.end_line, message, (change,), mend)
    yield from _read_by_workers(analysis)


def _read_by_workers(analysis: Analysis) -> Iterator[Sighting]:
    """Reads of what only requests set, by what only workers run that began before any of them."""
    made: dict[Variable, CallSite] = {}
    for scope, _, call in analysis.calls_of("ContextVar"):
        if scope.facts.sort == TOP and call.where[0] == "assign" and call.where[1][0] == "name" and not scope.module.in_tests:
            made[scope, call.where[1][1]] = call
    written = _touches(analysis, "set", made) if made else {}
    read = _touches(analysis, "get", made) if written else {}
    workers = _Workers(analysis)
    for place, readers in read.items():
        setters = written.get(place, ())
        if not setters or not all(_is_of_requests(analysis, scope) for scope, _ in setters):
            continue
        if not all(workers.run(scope, call.line, ()) for scope, call in readers) or _is_handed_on(analysis, place):
            continue
        scope, setting = setters[0]
        why = (Step(scope.module.path, setting.line, f"`{scope.facts.qualified}` sets it, while a request is answered"),)
        fails = "default" not in dict(made[place].keywords)
        for at, call in readers:
            if call.where[0] in ("truth", "compare"):
                continue  # `user = viewer.get() or job.user`
            gets = "`LookupError`" if fails and not call.arguments else "the default"
            message = f"a worker that began with the program reads `{place[1]}`, which only requests set: it gets {gets}"
            mend = Mend("put what the worker needs into the queue, with the rest of the job")
            yield Sighting(at, call.line, call.column, call.end_line, message, why, mend)


def _touches(analysis: Analysis, method: str, made: dict[Variable, CallSite]) -> Touches:
    """The calls of a method of context variables, those of tests left out."""
    found: Touches = {}
    names = {name for _, name in made}
    for scope, _, call in analysis.calls_of(method):
        if call.callee[0] == "attribute" and last_name(call.callee[1]) in names and not scope.module.in_tests:
            match analysis.program.evaluate(call.callee[1], scope):
                case VariableSymbol(scope=at, name=name) if (at, name) in made:
                    found.setdefault((at, name), []).append((scope, call))
    return found


def _is_of_requests(analysis: Analysis, scope: FunctionSymbol) -> bool:
    sorts = {each.sort for each in analysis.reach.routes_to(scope)} - {TEST}
    return bool(sorts) and sorts <= {ROUTE, SOCKET, LISTENER} and scope in analysis.once(Serving)


def _is_handed_on(analysis: Analysis, place: Variable) -> bool:
    """The variable itself is given to somebody, kept or put under another name, who may set or read it."""
    name = place[1]
    for scope in analysis.scopes:
        if name in scope.facts.loads:
            given = [each for call in scope.facts.calls for each in call.given]
            given += [each.value for each in scope.facts.assignments]
            given += [each.value for each in scope.facts.returned]
            if any(("name", name) in _bare(each, scope) for each in given):
                return True
    return False


def _bare(value: Expression, scope: FunctionSymbol) -> list[Expression]:
    """What a value is made of, calls left out: they are looked at by themselves."""
    return [part for part in within(value, scope) if value[0] != "call"]


class _Workers:
    """Answers what is run by nothing but loops that began with the program and take what requests put into a queue."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._sharing = analysis.once(Sharing)

    def run(self, scope: FunctionSymbol, line: int, below: tuple[FunctionSymbol, ...]) -> bool:
        sorts = {each.sort for each in self._analysis.reach.routes_to(scope)} - {TEST}
        if sorts != {START} or not self._is_known(scope):
            return False
        if self._takes(scope, line):
            return True
        callers = [each for each in self._analysis.reach.callers(scope) if not each[0].module.in_tests]
        if not callers or len(below) == FURTHEST or scope in below:
            return False
        return all(self._is_awaited(scope, *each) and self.run(*each, (*below, scope)) for each in callers)

    def _takes(self, scope: FunctionSymbol, line: int) -> bool:
        """The line is in a loop that takes out of a queue what a request has put there."""
        loops = [each for each in scope.facts.blocks if each.what == "loop" and each.line <= line <= each.end_line]
        for call in scope.facts.calls:
            if call.callee[-1] in TAKING and any(each.line <= call.line <= each.end_line for each in loops):
                slot = queue_asked(call, scope, self._sharing)
                if slot is not None and self._is_filled(slot.key):
                    return True
        return False

    def _is_filled(self, key: tuple[str, str]) -> bool:
        serving = self._analysis.once(Serving)
        for scope, _, call in self._analysis.calls_of(*PUTTING):
            slot = queue_asked(call, scope, self._sharing) if scope in serving else None
            if slot is not None and slot.key == key:
                return True
        return False

    def _is_known(self, function: FunctionSymbol) -> bool:
        """Of every call of such a name it can be said what it calls."""
        named = self._analysis.program.calls_named.get(function.name, ())
        own = [(caller, caller.facts.calls[index].callee) for caller, index in named if not caller.module.in_tests]
        return all(self._analysis.receivers.value(callee, caller) is not None for caller, callee in own)

    @staticmethod
    def _is_awaited(function: FunctionSymbol, caller: FunctionSymbol, line: int) -> bool:
        """In the context of the caller, and not in one of another task, which may be told its own."""
        calls = [each for each in caller.calls_on.get(line, ()) if last_name(each.callee) == function.name]
        direct = function.facts.sort != ASYNC or all(each.where[0] in ("await", "return") for each in calls)
        return bool(calls) and direct


def _made_of(analysis: Analysis, default: Expression, scope: FunctionSymbol) -> ClassSymbol | None:
    """The class of the program of which the default is an object."""
    if default[0] != "call":
        return None
    match analysis.receivers.value(scope.facts.calls[default[1]].callee, scope):
        case TypeOf(kind=kind) if not kind.module.library:
            return kind
    return None


def _change(analysis: Analysis, top: FunctionSymbol, made: CallSite, kind: ClassSymbol | None) -> Step | None:
    """A place at which what the variable gives is changed in place."""
    names = {each.target[1] for each in top.facts.assignments if each.target[0] == "name" and each.line == made.line}
    for scope, index in analysis.program.calls_named.get("get", ()):
        call = scope.facts.calls[index]
        if call.callee[0] != "attribute" or call.callee[1][0] != "name" or call.arguments:
            continue  # `get(other)` gives the other where nothing is set, never the default
        match analysis.program.lookup(call.callee[1][1], scope):
            case VariableSymbol(scope=at, name=name) if at is top and name in names:
                if kind is None:
                    changed = _is_changed(scope, call)
                else:
                    changed = scope in analysis.once(Serving) and _is_object_changed(analysis, scope, index, kind)
                if changed:
                    return Step(scope.module.path, call.line, f"`{scope.name}` changes what `{name}.get()` gives")
    return None


def _is_object_changed(analysis: Analysis, scope: FunctionSymbol, index: int, kind: ClassSymbol) -> bool:
    """`caller.get().scopes.add(scope)`, `caller.get().name = name`, and `caller.get().grant(scope)` that does so."""
    call = scope.facts.calls[index]
    kept = call.where[1] if call.where[0] == "assign" and call.where[1][0] == "name" else None
    methods = {name: found[0] for each in reversed(analysis.program.order(kind)[0]) for name, found in each.methods.items()}
    for line, place, method in _changes_in(scope):
        root, deep = _root(place)
        if root != ("call", index) and (root != kept or line < call.line):
            continue
        if kept is not None and root == kept and _is_another_by_then(kept[1], call.line, line, scope):
            continue
        if (deep and method in (None, *MUTATING, *REMOVING)) or (
            not deep and method in methods and _changes_itself(methods[method])
        ):
            return True
    return False


def _changes_in(scope: FunctionSymbol) -> Iterator[tuple[int, Expression, str | None]]:
    """Places that are written to, and those of which a method is called, with its name."""
    for each in scope.facts.assignments:
        if each.target[0] in ("attribute", "subscript"):
            yield each.line, each.target, None
    for call in scope.facts.calls:
        if call.callee[0] == "attribute":
            yield call.line, call.callee[1], call.callee[2]


def _root(place: Expression) -> tuple[Expression, bool]:
    """What a place is a part of, and whether it is a part at all."""
    root = place
    while root[0] in ("attribute", "subscript"):
        root = root[1]
    return root, root is not place


def _changes_itself(method: FunctionSymbol) -> bool:
    return any(
        _root(place) == (SELF, True) and changing in (None, *MUTATING, *REMOVING) for _, place, changing in _changes_in(method)
    )


def _is_changed(scope: FunctionSymbol, call: CallSite) -> bool:
    match call.where:
        case ("attribute", str(method)):
            return method in MUTATING | REMOVING
        case ("store",):
            return True
        case ("assign", ("name", str(name))):
            kept: Expression = ("name", name)
            changes = [
                each.line
                for each in scope.facts.calls
                if each.callee[0] == "attribute" and each.callee[1] == kept and each.callee[2] in MUTATING | REMOVING
            ]
            changes += [
                each.line for each in scope.facts.assignments if each.target[0] == "subscript" and each.target[1] == kept
            ]
            return any(not _is_another_by_then(name, call.line, line, scope) for line in changes)
    return False


def _is_another_by_then(name: str, first: int, last: int, scope: FunctionSymbol) -> bool:
    """Between two lines the name gets something else: `kept = kept.copy()`, `if not kept: kept = {}`."""
    ways = [each for each in scope.facts.blocks if each.what in BRANCHES and not each.line <= last <= each.end_line]
    for each in scope.assigned.get(name, ()):
        within = [block for block in ways if block.line <= each.line <= block.end_line]
        if first < each.line < last and all(block.expressions[:1] == (("not", ("name", name)),) for block in within):
            return True
    return False
