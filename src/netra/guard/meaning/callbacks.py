"""Coroutine functions given to what calls a function and cannot wait: a key to sort by, a test, a callback of the loop."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.meaning.consistency import is_asked_of
from netra.guard.meaning.makers import made_by, makes_loop, root
from netra.guard.meaning.receivers import Receivers
from netra.guard.meaning.registering import decorations
from netra.guard.program import Program
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol
from netra.guard.values import CoroutineOf, Foreign, Instance, Routine, Step, TypeOf


class CallingBack(NamedTuple):
    """What is called like this calls one of its arguments, and takes what that gives for a value or throws it away."""

    owners: frozenset[str]
    """The modules or classes whose it is, as they are known; a word for what a receiver is otherwise known by."""
    position: int
    """Of the argument; -1 where it has a name only."""
    keyword: str
    does: str


def _of(owners: str, position: int, keyword: str, does: str) -> CallingBack:
    return CallingBack(frozenset(owners.split()), position, keyword, does)


LOOP: Final = "a loop"
ANY: Final = "anything"
CASE: Final = "a test case"
TESTS: Final = "tests the truth of what it gives, and a coroutine is always true"
ORDERS: Final = "compares what it gives"
DROPS: Final = "only calls it, so it never runs"

# Schedulers that run what they are given in threads.
THREADED: Final = ("background.BackgroundScheduler", "blocking.BlockingScheduler", "gevent.GeventScheduler")

_LOOPS: Final = CallingBack(frozenset({LOOP}), 0, "callback", DROPS)
CALLING: Final = {
    **dict.fromkeys(("sorted", "min", "max"), _of("builtins", -1, "key", ORDERS)),
    "sort": CallingBack(frozenset({ANY}), -1, "key", ORDERS),
    **dict.fromkeys(("nsmallest", "nlargest", "merge"), _of("heapq", -1, "key", ORDERS)),
    "groupby": _of("itertools", 1, "key", ORDERS),
    "filter": _of("builtins", 0, "", TESTS),
    **dict.fromkeys(("takewhile", "dropwhile", "filterfalse"), _of("itertools", 0, "", TESTS)),
    **dict.fromkeys(("sub", "subn"), _of("re", 1, "repl", "needs a text of it")),
    **dict.fromkeys(("dumps", "dump"), _of("json", -1, "default", "cannot serialise what it gives")),
    **dict.fromkeys(("call_soon", "call_soon_threadsafe"), _LOOPS),
    **dict.fromkeys(("call_later", "call_at", "add_signal_handler", "add_reader", "add_writer"), _LOOPS._replace(position=1)),
    "add_done_callback": CallingBack(frozenset({ANY}), 0, "fn", DROPS),
    "signal": _of("signal", 1, "handler", DROPS),
    "register": _of("atexit", 0, "func", DROPS),
    "finalize": _of("weakref", 1, "func", DROPS),
    "callback": _of("contextlib.ExitStack contextlib.AsyncExitStack", 0, "", DROPS),
    "listen": _of("sqlalchemy.event", 2, "fn", DROPS),
    "addCleanup": CallingBack(frozenset({CASE}), 0, "", DROPS),
    "add_job": CallingBack(frozenset(f"apscheduler.schedulers.{each}" for each in THREADED), 0, "func", DROPS),
    "do": _of("schedule.every schedule.Scheduler", 0, "job_func", DROPS),
}
# Decorators by which the same are given what they stand on.
DECORATING: Final = frozenset({"atexit.register", "sqlalchemy.event.listens_for", "schedule.repeat"})
# Those of an object, by its class.
SCHEDULING: Final = "scheduled_job"

NAMED: Final = frozenset({"loop", "_loop", "event_loop"})


class CalledBack(NamedTuple):
    """A call, or a decorator, by which something gets a coroutine function that it cannot wait for."""

    scope: FunctionSymbol
    shown: Expression
    line: int
    column: int
    end_line: int
    function: FunctionSymbol
    does: str
    steps: tuple[Step, ...]


def called_back(program: Program, receivers: Receivers) -> Iterator[CalledBack]:
    """Every such call of a program, and every such decorator."""
    for scope, _, call in program.calls_of(CALLING):
        row = CALLING[last_name(call.callee) or ""]
        given = _given(call, row)
        if given is None or given[0] not in ("name", "attribute", "lambda", "call") or call.where[0] == "await":
            continue
        if is_asked_of(given, scope):
            continue
        late = _gives_late(given, scope, receivers)
        if late is not None and _is_meant(call, row, scope, receivers):
            yield CalledBack(scope, call.callee, call.line, call.column, call.end_line, late.function, row.does, late.chain)
    for name in sorted(each.rpartition(".")[2] for each in DECORATING):
        for scope, number in program.once(decorations).get(name, ()):
            each = scope.facts.decorators[number]
            if scope.parent is not None:
                match program.evaluate(each.callee, scope.parent), receivers.kinds.bare(scope):
                    case External(dotted=dotted), CoroutineOf(chain=chain) if dotted in DECORATING:
                        yield CalledBack(scope, each.callee, each.line, scope.facts.column, each.line, scope, DROPS, chain)
    for scope, number in program.once(decorations).get(SCHEDULING, ()):
        each = scope.facts.decorators[number]
        if scope.parent is not None and made_by(each.callee, scope.parent, program) in CALLING["add_job"].owners:
            match receivers.kinds.bare(scope):
                case CoroutineOf(chain=chain):
                    yield CalledBack(scope, each.callee, each.line, scope.facts.column, each.line, scope, DROPS, chain)


def callback_given(scope: FunctionSymbol, call: CallSite, receivers: Receivers) -> Expression | None:
    """What such a call is given to be called, where what is called is what the table speaks of."""
    row = CALLING[last_name(call.callee) or ""]
    given = _given(call, row)
    return given if given is not None and _is_meant(call, row, scope, receivers) else None


def _given(call: CallSite, row: CallingBack) -> Expression | None:
    given = dict(call.keywords).get(row.keyword) if row.keyword else None
    if given is None and 0 <= row.position < len(call.arguments):
        before = call.arguments[: row.position + 1]
        given = before[-1] if all(each[0] != "star" for each in before) else None
    return given


def _gives_late(given: Expression, scope: FunctionSymbol, receivers: Receivers) -> CoroutineOf | None:
    """The coroutine that a call of what is given gives: a function, a method, `partial(function, …)` or a lambda around one."""
    if given[0] == "lambda":
        inner = scope.module.function(given[1])
        bodies = [index for index, call in enumerate(inner.facts.calls) if call.where == ("lambda",)]
        late = len(bodies) == 1 and last_name(inner.facts.calls[bodies[0]].callee) in receivers.kinds.late_names
        value = receivers.value(("call", bodies[0]), inner) if late else None
        return value if isinstance(value, CoroutineOf) else None
    if given[0] == "call":
        call = scope.facts.calls[given[1]]
        is_part = last_name(call.callee) == "partial" and call.arguments
        return _gives_late(call.arguments[0], scope, receivers) if is_part and call.arguments[0][0] != "call" else None
    match receivers.value(given, scope) if last_name(given) in receivers.kinds.late_names else None:
        case Routine() as routine:
            value = receivers.outcome(routine)
            return value if isinstance(value, CoroutineOf) else None
    return None


def _is_meant(call: CallSite, row: CallingBack, scope: FunctionSymbol, receivers: Receivers) -> bool:
    """What is called is what the table speaks of."""
    if ANY in row.owners:
        found = receivers.value(call.callee, scope) if call.callee[0] == "attribute" else None
        return call.callee[0] == "attribute" and not (isinstance(found, Routine) and not found.function.module.library)
    if CASE in row.owners:
        return scope.module.in_tests and call.callee[:2] == ("attribute", ("name", "self"))
    if LOOP in row.owners:
        return call.callee[0] == "attribute" and is_loop(call.callee[1], scope, receivers)
    if call.callee[0] == "attribute" and made_by(root(call.callee, scope), scope, receivers.program) in row.owners:
        return True
    match receivers.value(call.callee, scope):
        case Foreign(symbol=External(dotted=dotted)):
            return dotted.rpartition(".")[0] in row.owners
        case Routine(function=FunctionSymbol(owner=ClassSymbol() as kind, module=module)):
            return module.library and kind.full_name in row.owners
        case Routine(function=function):
            return function.module.library and function.module.name in row.owners
        case None if call.callee[0] == "attribute":
            match receivers.value(call.callee[1], scope):
                case Instance(kind=kind) | TypeOf(kind=kind):
                    return kind.module.library and kind.full_name in row.owners
    return False


def is_loop(receiver: Expression, scope: FunctionSymbol, receivers: Receivers) -> bool:
    """The event loop of asyncio, by the call that gives it or by the name that everybody gives it."""
    if (made := makes_loop(receiver, scope)) is not None:
        return made
    match receivers.value(receiver, scope):
        case Instance(kind=kind):
            return kind.module.name == "asyncio"
        case None:
            return last_name(receiver) in NAMED
    return False
