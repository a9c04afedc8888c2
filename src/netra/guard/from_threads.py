"""The ways from a thread down to a function, and whether a loop is at hand on them."""

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.entries.threaded import Threaded, is_pooled
from netra.guard.facts import ASYNC, LAMBDA, PLAIN, Expression
from netra.guard.meaning.narrowing import is_caught
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step

# What makes a loop of its own where there is none.
OWN_LOOP: Final = frozenset({"set_event_loop", "new_event_loop", "run_until_complete", "Runner"})

# Who calls one of these has a loop of its own, or knows whether it is in the thread of another.
APART: Final = OWN_LOOP | frozenset(
    """run_forever run get_running_loop _get_running_loop get_event_loop get_ident current_thread main_thread is_alive
    get_native_id""".split()
)

# How a test is written that tells one thread from another: `if loop.is_running()`, `if in_main_thread()`.
OF_LOOPS: Final = re.compile(r"loop|running|thread|async", re.IGNORECASE)

# Blocks whose statements may not be run at all.
OPEN: Final = frozenset("if else loop case handler".split())

# Calls between what the thread runs and what asks for the loop.
FURTHEST: Final = 4


def is_ready(scope: FunctionSymbol, line: int, making: frozenset[str] = OWN_LOOP) -> bool:
    """The error is expected there, a loop is made, or the function asks whether one runs, or in which thread it is itself."""
    if is_caught(line, scope, "RuntimeError") or any(call.callee[-1] in making for call in scope.facts.calls):
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


def tells_threads_apart(scope: FunctionSymbol, _: int = 0) -> bool:
    """The function makes or runs a loop itself, or asks in which thread it is."""
    return not APART.isdisjoint(scope.called)


def runs_on_a_loop(analysis: Analysis, function: FunctionSymbol) -> bool:
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


def from_thread(
    analysis: Analysis,
    threaded: Threaded,
    function: FunctionSymbol,
    ready: Callable[[FunctionSymbol, int], bool] = is_ready,
) -> WayFromThread | None:
    """The way from a thread down to a function; None when none can be seen, or where a function on it is `ready`."""
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
            if not called or caller in seen or caller.facts.sort not in (PLAIN, LAMBDA) or ready(caller, line):
                continue
            seen.add(caller)
            step = Step(caller.module.path, line, f"`{caller.name}` calls `{at.name}`")
            waiting.append((caller, WayFromThread((step, *way.steps), way.sometimes or is_sometimes(line, caller))))
    return None


def is_sometimes(line: int, scope: FunctionSymbol) -> bool:
    """The line is run under a test, for what a loop goes over, or when something has failed."""
    return any(each.what in OPEN and each.line <= line <= each.end_line for each in scope.facts.blocks)
