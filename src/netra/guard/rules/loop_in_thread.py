"""A117."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.entries.threaded import Threaded, is_pooled
from netra.guard.environment import LOGGING
from netra.guard.facts import ASYNC, LAMBDA, NOTHING, PLAIN, CallSite, Expression
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.meaning.narrowing import is_caught
from netra.guard.rule import rule
from netra.guard.symbols import External, FunctionSymbol
from netra.guard.values import Step

# Functions of asyncio that raise RuntimeError in a thread in which no loop runs.
ASKING: Final = ("get_running_loop", "create_task", "current_task", "all_tasks")

OF_ANY_LOOP: Final = frozenset({"current_task", "all_tasks"})

# What makes a loop of its own where there is none.
OWN_LOOP: Final = frozenset({"set_event_loop", "new_event_loop", "run_until_complete", "Runner"})

# How a test is written that tells one thread from another: `if loop.is_running()`, `if in_main_thread()`.
OF_LOOPS: Final = re.compile(r"loop|running|thread|async", re.IGNORECASE)

# Blocks whose statements may not be run at all.
OPEN: Final = frozenset("if else loop case handler".split())

# Calls between what the thread runs and what asks for the loop.
FURTHEST: Final = 4


@rule("A117", "loop-in-thread", hesitant=True)
def loop_in_thread(analysis: Analysis) -> Iterator[Sighting]:
    """The running event loop is asked for in a thread in which none runs: RuntimeError, every time.

    `asyncio.get_running_loop()` and `asyncio.create_task()` look for the loop of the thread that calls them. A function that
    `run_in_executor`, `to_thread` or a `Thread` runs has none, and neither has a route of FastAPI that is a plain `def`.

    ```python
    @app.post("/orders")
    def order(cart: Cart):
        asyncio.create_task(send_mail(cart))  # A117: a plain route runs in a thread
    ```

    Hand the loop down from where it runs, and use `asyncio.run_coroutine_threadsafe(…, loop)`, or make the route an
    `async def`. Nothing is reported where the RuntimeError is caught, where a loop is made on the way, and where a function
    asks whether one runs. Guard is not certain where any error is caught and nothing says so: the code behind it may be what
    is meant for threads; nor where asynchronous code calls the function as well, and
    the thread only under a test or in a loop.
    """
    threaded = Threaded(analysis.program, analysis.receivers)
    for scope, _, call in analysis.calls_of(*ASKING):
        if scope.facts.sort not in (PLAIN, LAMBDA) or scope.module.in_tests or call.where[0] == "lambda":
            continue
        if not _is_of_asyncio(analysis, scope, call) or _is_told_the_loop(call) or _is_ready(scope, call.line):
            continue
        if (way := _from_thread(analysis, threaded, scope)) is None:
            continue
        name = written(call.callee, scope)
        message = f"`{name}(…)` raises RuntimeError: `{scope.name}` runs in a thread, and no event loop does"
        mend = Mend("pass the loop on from where it runs, and use `asyncio.run_coroutine_threadsafe`")
        perhaps = (way.sometimes or _is_sometimes(call.line, scope)) and _runs_on_a_loop(analysis, scope)
        sure = LIKELY if perhaps or _is_passed_over(scope, call.line) else CERTAIN
        yield Sighting(scope, call.line, call.column, call.end_line, message, way.steps, mend, sure)


def _is_told_the_loop(call: CallSite) -> bool:
    """`all_tasks(self.loop)` asks for the tasks of that loop, wherever it runs."""
    return call.callee[-1] in OF_ANY_LOOP and bool(call.given) and call.given[0] != NOTHING


def _is_of_asyncio(analysis: Analysis, scope: FunctionSymbol, call: CallSite) -> bool:
    match analysis.program.evaluate(call.callee, scope):
        case FunctionSymbol(module=module, owner=None) if module.library:
            return module.name == "asyncio"
        case External(dotted=dotted):
            return dotted.rpartition(".")[0] == "asyncio"
    return False


def _is_ready(scope: FunctionSymbol, line: int) -> bool:
    """The error is expected there, a loop is made, or the function asks whether one runs, or in which thread it is itself."""
    if is_caught(line, scope, "RuntimeError") or any(call.callee[-1] in OWN_LOOP for call in scope.facts.calls):
        return True
    return any(_asks_for(test, scope) for each in scope.facts.blocks if each.what == "if" for test in each.expressions)


def _asks_for(test: Expression, scope: FunctionSymbol) -> bool:
    match test:
        case ("call", int(index)):
            call = scope.facts.calls[index]
            return any(_asks_for(each, scope) for each in (call.callee, *call.given))
        case ("name" | "attribute", *_):
            return OF_LOOPS.search(str(test[-1])) is not None or (test[0] == "attribute" and _asks_for(test[1], scope))
        case ("not", inner):
            return _asks_for(inner, scope)
        case ("choice" | "compare", parts, *_):
            return any(_asks_for(each, scope) for each in parts)
    return False


def _is_passed_over(scope: FunctionSymbol, line: int) -> bool:
    """Whatever goes wrong is caught, and no handler says that something did."""
    if not is_caught(line, scope, "Exception", "BaseException"):
        return False
    handlers = [each for each in scope.facts.blocks if each.what == "handler" and each.line > line]
    said = [call.line for call in scope.facts.calls if call.callee[-1] in LOGGING]
    return not any(each.line <= at <= each.end_line for each in handlers for at in said)


def _runs_on_a_loop(analysis: Analysis, function: FunctionSymbol) -> bool:
    """Asynchronous code leads to it as well, through plain functions: what a thread asks of it may be something else."""
    waiting, seen = [(function, FURTHEST)], {function}
    while waiting:
        at, depth = waiting.pop()
        for caller, _ in analysis.reach.callers(at) if depth else ():
            if caller.facts.sort == ASYNC and any(call.callee[-1] == at.name for call in caller.facts.calls):
                return True
            if caller not in seen and caller.facts.sort != ASYNC:
                seen.add(caller)
                waiting.append((caller, depth - 1))
    return False


class WayFromThread(NamedTuple):
    """The calls from what a thread runs down to a function; `sometimes` where one of them stands under a test or in a loop."""

    steps: tuple[Step, ...]
    sometimes: bool


def _from_thread(analysis: Analysis, threaded: Threaded, function: FunctionSymbol) -> WayFromThread | None:
    """The way from a thread down to a function; None when none can be seen."""
    waiting: list[tuple[FunctionSymbol, WayFromThread]] = [(function, WayFromThread((), sometimes=False))]
    seen = {function}
    while waiting:
        at, way = waiting.pop(0)
        if (given := threaded.by(at)) is not None:
            return way._replace(steps=(given, *way.steps))
        entry = analysis.reach.entries.get(at)
        if entry is not None and is_pooled(at, entry.sort, analysis.program):
            first = Step(at.module.path, at.facts.line, f"{entry.label} is a plain `def`, and runs in a thread")
            return way._replace(steps=(first, *way.steps))
        for caller, line in analysis.reach.callers(at) if len(way.steps) < FURTHEST else ():
            called = any(each.line == line and each.callee[-1] == at.name for each in caller.facts.calls)
            if not called or caller in seen or caller.facts.sort not in (PLAIN, LAMBDA) or _is_ready(caller, line):
                continue
            seen.add(caller)
            step = Step(caller.module.path, line, f"`{caller.name}` calls `{at.name}`")
            waiting.append((caller, WayFromThread((step, *way.steps), way.sometimes or _is_sometimes(line, caller))))
    return None


def _is_sometimes(line: int, scope: FunctionSymbol) -> bool:
    """The line is run under a test, for what a loop goes over, or when something has failed."""
    return any(each.what in OPEN and each.line <= line <= each.end_line for each in scope.facts.blocks)
