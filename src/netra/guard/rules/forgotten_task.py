"""A112."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.environment import LOGGING
from netra.guard.facts import ASYNC, BODY, OTHER, SELF, TOP, Block, CallSite, Expression, last_name
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.meaning.forgetting import forgotten
from netra.guard.meaning.narrowing import is_caught
from netra.guard.rule import rule
from netra.guard.symbols import External, FunctionSymbol
from netra.guard.values import Callback, CoroutineOf, Foreign, Instance, Routine, Step

KEEPING = frozenset({"asyncio.create_task", "asyncio.ensure_future", "asyncio.gather"})

# A task that waits for one of these is in the list of those that do, in the object itself.
LOCKS = frozenset({"Lock", "Semaphore", "BoundedSemaphore", "Condition"})

QUEUES = frozenset({"Queue", "LifoQueue", "PriorityQueue"})

# How an event loop is called.
LOOPS = frozenset({"loop", "_loop", "event_loop"})

TIMED = ("asyncio.timeout", "asyncio.timeout_at", "anyio.move_on_after", "anyio.fail_after")

# Operations of what refers to those that wait for it.
KEEPERS = frozenset(
    """wait wait_for put join acquire shield gather run_in_executor to_thread run_in_threadpool run_sync wrap_future
    wait_future""".split()
)

# Calls between the started function and the `await` that is looked at.
FURTHEST = 2

# And those that are read to see that nothing unknown is waited for.
DEEPEST = 4

# Functions that are read to see that a task waits for nothing but the clock.
MOST_READ = 12


@rule("A112", "forgotten-task", hesitant=True)
def forgotten_task(analysis: Analysis) -> Iterator[Sighting]:
    """A task is started and nobody keeps it, so it may vanish before it is done, and its error is never seen.

    The event loop holds its tasks weakly: one that nothing refers to can be collected while it waits. Keep it in a set and take
    it out when it is done, or start it in an `asyncio.TaskGroup`, which also sees its error.

    ```python
    asyncio.create_task(send_mail(user))  # A112
    ```

    A task in a local name that nothing reads again is just as forgotten, and so are those of a `gather` that nobody awaits, and
    one that is only given a callback or a name. A `WeakSet` keeps none, and a lambda that the loop calls throws its task away.
    Nothing is reported where all that the task waits for is the clock, a lock that some object or module keeps, or a queue
    without a bound, where a finaliser starts it, and on a line that ends in `# noqa: RUF006`. Guard is certain where it can
    read what the task does, where nothing that it waits for stands in a `try` that catches anything, and nothing of it waits
    for another task, a queue or an event that somebody may keep: who deals with errors hardly loses one, and what a task waits
    for, a transport of the loop mostly, keeps it. Errors are dealt with in a `try`, by a context manager of the program that
    logs what goes wrong at its `yield`, and by `gather(…, return_exceptions=True)`.
    """
    finalisers = _finalisers(analysis)
    for scope, index, call in analysis.calls_of("create_task", "ensure_future", "gather"):
        if scope.facts.sort in (TOP, BODY) or scope.module.in_tests or not _starts(analysis, scope, call.callee):
            continue
        started = [_each(given) for given in (call.arguments if call.callee[-1] == "gather" else call.arguments[:1])]
        if scope in finalisers or any(_is_held(analysis, scope, each) for each in started):
            continue
        if (lost := forgotten(scope, index, call, analysis.receivers)) is None:
            continue
        message = f"the task of `{written(call.callee, scope)}(…)` may be collected before it is done: {lost.how}"
        mend = Mend("keep it in a set until it is done, or start it in an `asyncio.TaskGroup`")
        why = (Step(scope.module.path, call.line, "the event loop refers to tasks only weakly"),)
        # As long as the function itself waits, its frame keeps what is under its names.
        later = any(line > call.line for _, line, *_ in scope.facts.awaits)
        lives_on = bool(lost.kept) and (scope.facts.yields or later)
        told = bool(started) and all(_waits_outside(analysis, scope, each) for each in started)
        certain = lost.weakly or (told and not lives_on and not lost.seen)
        sure = CERTAIN if certain else LIKELY
        yield Sighting(scope, call.line, call.column, call.end_line, message, why, mend, sure)


def _each(given: Expression) -> Expression:
    """`send(user)` of `*(send(user) for user in users)`."""
    return given[1][2] if given[0] == "star" and given[1][0] == "comprehension" else given


def _starts(analysis: Analysis, scope: FunctionSymbol, callee: Expression) -> bool:
    match analysis.receivers.value(callee, scope):
        case Routine(function=function):
            return function.module.name == "asyncio" and function.owner is None
        case Foreign(symbol=External(dotted=dotted)):
            return dotted in KEEPING
    match callee:
        case ("attribute", ("call", int(index)), "create_task"):
            return last_name(scope.facts.calls[index].callee) in ("get_running_loop", "get_event_loop")
        case ("attribute", ("name" | "attribute", *_) as loop, "create_task") if last_name(loop) in LOOPS:
            return True
    return False


def _finalisers(analysis: Analysis) -> frozenset[FunctionSymbol]:
    """What runs when an object goes: nothing is left then that could keep a task."""
    found = {method for module in analysis.modules for kind in module.classes for method in kind.methods.get("__del__", ())}
    for scope, _, call in analysis.calls_of("finalize", "register"):
        name = last_name(call.callee)
        if name == "register" and not _is_of(analysis, scope, call.callee, "atexit.register"):
            continue
        for each in call.arguments[1:2] if name == "finalize" else call.arguments[:1]:
            match analysis.receivers.value(each, scope):
                case Routine(function=function):
                    found.add(function)
    return frozenset(found | {child for each in found for child in each.children})


def _is_of(analysis: Analysis, scope: FunctionSymbol, callee: Expression, dotted: str) -> bool:
    match analysis.program.evaluate(callee, scope):
        case External(dotted=found) | FunctionSymbol(full_name=found):
            return found == dotted
    return False


def _is_held(analysis: Analysis, scope: FunctionSymbol, started: Expression) -> bool:
    """The loop itself holds the task wherever it waits, as far as its code is known."""
    match analysis.receivers.value(started, scope):
        case CoroutineOf(function=function) if not function.module.library:
            return _waits_for_the_clock(analysis, function, {function})
    return False


def _waits_outside(analysis: Analysis, scope: FunctionSymbol, started: Expression) -> bool:
    """What is started is known, and waits for nothing that may well refer to those that wait for it."""
    match analysis.receivers.value(started, scope):
        case CoroutineOf(function=function) if not function.module.library and not function.facts.abstract:
            waited = [each for each, *_ in function.facts.awaits]
            if _deals_with_errors(analysis, function, FURTHEST):
                return False  # hardly an error of it is lost, and what it waits for may well keep it
            if not _is_told(analysis, function, FURTHEST):
                return False
            if not _is_told(analysis, function, DEEPEST) and not _surely_waits(analysis, function, DEEPEST):
                return False  # further down there are handlers that nobody can read, and nothing that is known to wait
            timed = any(each.what.startswith("with") and _is_timed(analysis, function, each) for each in function.facts.blocks)
            return bool(waited) and not timed and not any(_may_keep(analysis, function, each) for each in waited)
    return False


def _deals_with_errors(analysis: Analysis, function: FunctionSymbol, depth: int) -> bool:
    """Some of what the function waits for stands in a `try` that catches something, there or in what it calls; or it waits for
    nothing that could fail.
    """
    fails = False
    tried = [each for each in function.facts.blocks if each.what == "try" and each.expressions]
    tried += [each for each in function.facts.blocks if each.what == "with async" and _sees_to_errors(analysis, function, each)]
    for awaited, line, *_ in function.facts.awaits:
        if is_caught(line, function, "Exception", "BaseException") or any(each.line <= line <= each.end_line for each in tried):
            return True
        if awaited[0] == "call" and _gathers_errors(analysis, function, function.facts.calls[awaited[1]], depth):
            return True
        callee = function.facts.calls[awaited[1]].callee if awaited[0] == "call" else OTHER
        match analysis.receivers.value(callee, function):
            case Routine(function=called) if called.full_name == "asyncio.sleep" or _is_farewell(called):
                continue
            case Routine(function=called) if depth and called.facts.awaits and not called.module.library:
                if called is not function and _deals_with_errors(analysis, called, depth - 1):
                    return True
        fails = True
    return not fails


def _sees_to_errors(analysis: Analysis, function: FunctionSymbol, block: Block) -> bool:
    """The block stands in a context manager of the program that catches what goes wrong at its `yield`, and says so."""
    match block.expressions[0]:
        case ("call", int(index)):
            match analysis.receivers.value(function.facts.calls[index].callee, function):
                case Routine(function=managing) if managing.facts.yields and not managing.module.library:
                    handlers = [each for each in managing.facts.blocks if each.what == "handler"]
                    said = [call.line for call in managing.facts.calls if last_name(call.callee) in LOGGING]
                    return any(each.line <= line <= each.end_line for each in handlers for line in said)
    return False


def _gathers_errors(analysis: Analysis, function: FunctionSymbol, call: CallSite, depth: int) -> bool:
    """What goes wrong becomes a result of `gather`, or what it gathers deals with that itself."""
    if last_name(call.callee) != "gather":
        return False
    if ("return_exceptions", ("constant", "bool", True)) in call.keywords:
        return True
    for each in map(_each, call.arguments):
        match analysis.receivers.value(each, function):
            case CoroutineOf(function=given) if depth and not given.module.library and given is not function:
                if _deals_with_errors(analysis, given, depth - 1):
                    return True
    return False


def _is_farewell(called: FunctionSymbol) -> bool:
    """`websocket.close()` raises nothing, and its own time limit keeps whoever waits for it."""
    return called.module.library and called.name == "close" and called.module.name.partition(".")[0] == "websockets"


def _is_told(analysis: Analysis, function: FunctionSymbol, depth: int) -> bool:
    """What the function waits for can be read, and what that waits for in its turn: no function out of a name or a registry,
    no method of a base class that is not known, and beside the clock nothing that is not known.
    """
    unknown = any(each.what == "with async" for each in function.facts.blocks)
    timed = False
    for awaited, *_ in function.facts.awaits:
        if awaited[0] == "name" and (given := _given_coroutine(analysis, function, awaited)) is not None:
            if not depth or not _is_told(analysis, given, depth - 1):
                return False
            continue
        callee = function.facts.calls[awaited[1]].callee if awaited[0] == "call" else OTHER
        match analysis.receivers.value(callee, function):
            case None | Callback() if callee[0] != "attribute" or _is_inherited(function, callee):
                return False
            case None | Callback():
                unknown = True
            case Routine(function=called) if called.full_name == "asyncio.sleep":
                timed = True
            case Routine(function=called) if depth and not called.module.library and called is not function:
                if called.facts.abstract or not _is_told(analysis, called, depth - 1):
                    return False  # an empty one stands for those below it, which may wait for anything
    return not (unknown and timed)


def _surely_waits(analysis: Analysis, function: FunctionSymbol, depth: int) -> bool:
    """Somewhere below, a coroutine of a library is waited for that is not the clock, also in a coroutine that is given."""
    for awaited, *_ in function.facts.awaits:
        called = _given_coroutine(analysis, function, awaited) if awaited[0] == "name" else None
        if awaited[0] == "call":
            match analysis.receivers.value(function.facts.calls[awaited[1]].callee, function):
                case Routine(function=found):
                    called = found
        if called is None or called.full_name == "asyncio.sleep":
            continue
        if called.module.library:
            return True
        if depth and called is not function and _surely_waits(analysis, called, depth - 1):
            return True
    return False


def _is_inherited(function: FunctionSymbol, callee: Expression) -> bool:
    """`super().stop()`."""
    match callee[1]:
        case ("call", int(index)):
            return function.facts.calls[index].callee == ("name", "super")
    return False


def _given_coroutine(analysis: Analysis, function: FunctionSymbol, awaited: Expression) -> FunctionSymbol | None:
    """The function whose coroutine every known caller passes to be awaited."""
    match analysis.receivers.value(awaited, function):
        case CoroutineOf(function=given) if not given.module.library and not given.facts.abstract:
            return given
    return None


def _may_keep(analysis: Analysis, function: FunctionSymbol, awaited: Expression) -> bool:
    """A future or task that somebody has, or an operation of a queue, an event or a timer."""
    if awaited[0] != "call":
        return awaited[0] != "name" or _given_coroutine(analysis, function, awaited) is None
    call = function.facts.calls[awaited[1]]
    name = last_name(call.callee)
    return name in KEEPERS or (name == "get" and not call.arguments)


def _waits_for_the_clock(analysis: Analysis, function: FunctionSymbol, seen: set[FunctionSymbol]) -> bool:
    """Every `await` of the function is for a timer, for what refers to those that wait, or for what never has to wait.

    What is `seen` already waits for the same as whoever asks again.
    """
    facts = function.facts
    timed = [each for each in facts.blocks if each.what.startswith("with") and _is_timed(analysis, function, each)]
    late = [each for each in facts.blocks if each.what == "with async" and each not in timed]
    if facts.abstract or facts.yields or not all(_is_lock(analysis, function, each.expressions[0]) for each in late):
        return False
    if any(each.how == "for async" for each in facts.assignments):
        return False
    for awaited, line, *_ in facts.awaits:
        if any(block.line <= line <= block.end_line for block in timed):
            continue
        if awaited[0] != "call":
            return False
        callee = facts.calls[awaited[1]].callee
        match analysis.receivers.value(callee, function):
            case Routine(function=called) if called.full_name == "asyncio.sleep":
                continue
            case Routine(function=called) if called.name == "acquire" and _is_lock(analysis, function, callee[1]):
                continue
            case Routine(function=called) if called.name == "put" and _is_unbounded(analysis, function, callee):
                continue
            case Routine(function=called, receiver=receiver) if not called.module.library and called.facts.sort == ASYNC:
                below = () if receiver is None else analysis.program.subclasses.get(receiver, ())
                meant = {called, *(each for kind in below for each in kind.methods.get(called.name, ()))}
                if len(seen | meant) > MOST_READ:
                    return False
                new = meant - seen
                seen |= meant
                if all(_waits_for_the_clock(analysis, each, seen) for each in new):
                    continue
        return False
    return True


def _is_timed(analysis: Analysis, scope: FunctionSymbol, block: Block) -> bool:
    """The block has a time limit: the timer that ends it refers to the task."""
    match block.expressions[0]:
        case ("call", int(index)):
            callee = scope.facts.calls[index].callee
            return any(_is_of(analysis, scope, callee, each) for each in TIMED)
    return False


def _is_lock(analysis: Analysis, scope: FunctionSymbol, expression: Expression) -> bool:
    """A lock of asyncio that an object or a module keeps: it refers to the tasks that wait for it."""
    if expression[0] != "attribute" and (expression[0] != "name" or expression[1] in scope.bound):
        return False
    match analysis.receivers.value(expression, scope):
        case Instance(kind=kind):
            return kind.module.name == "asyncio" and kind.name in LOCKS
    return False


def _is_unbounded(analysis: Analysis, scope: FunctionSymbol, callee: Expression) -> bool:
    """The queue of `queue.put` was made without a bound: where the object makes it, or wherever it is made."""
    if callee[1][:2] == ("attribute", SELF) and scope.owner is not None:
        made_here = [
            (method, each.value)
            for kind in analysis.program.order(scope.owner)[0]
            for method, each in kind.set_on_self.get(callee[1][2], ())
        ]
        if made_here and all(value[0] == "call" for _, value in made_here):
            calls_here = [method.facts.calls[value[1]] for method, value in made_here]
            return all(last_name(call.callee) in QUEUES and not call.given for call in calls_here)
    match analysis.receivers.value(callee[1], scope):
        case Instance(kind=kind) if kind.module.name == "asyncio":
            made = [call for _, _, call in analysis.calls_of(kind.name)]
            return bool(made) and not any(call.arguments or call.keywords for call in made)
    return False
