"""A114."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, PLAIN, CallSite, Expression, dotted, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.contexts import is_expected_to_raise
from netra.guard.meaning.expressions import written
from netra.guard.meaning.makers import maker
from netra.guard.rule import rule
from netra.guard.symbols import External, FunctionSymbol
from netra.guard.values import Foreign, Routine, Step

# What starts a loop of its own, by its whole name; and what does so on an object of these libraries.
STARTING: Final = frozenset({"asyncio.run", "anyio.run", "trio.run"})
OF_OBJECTS: Final = frozenset({"pydantic_ai", "agents"})
# What gives a loop that can be told to run.
LOOPS: Final = frozenset("asyncio.get_event_loop asyncio.get_running_loop asyncio.new_event_loop".split())
NAMES: Final = frozenset("run run_sync run_until_complete".split())

# Whoever mentions one of these has thought of a loop that runs already, or is in a thread or process where none does.
AWARE: Final = frozenset(
    """get_running_loop is_running Thread ThreadPoolExecutor ProcessPoolExecutor Process submit fork nest_asyncio
    set_event_loop run_coroutine_threadsafe to_thread run_in_executor""".split()
)
FURTHEST: Final = 2


@rule("A114", "loop-within-loop")
def loop_within_loop(analysis: Analysis) -> Iterator[Sighting]:
    """An async function starts an event loop, itself or through a function that it calls, and a loop runs it already.

    `asyncio.run`, `loop.run_until_complete` and the `run_sync` of agents raise a RuntimeError wherever a loop runs in the
    thread, and in an async function one always does.

    ```python
    async def answer(question):
        return asyncio.run(ask(question))  # A114
    ```

    Await it. A program that lets loops nest (`nest_asyncio`) is left alone, as are functions that ask whether a loop runs or
    that know of threads, what catches the error, and what stands under a condition in the function that is called. An
    asynchronous test of a plain `TestCase` runs nowhere (T109).
    """
    if any(each.module == "nest_asyncio" for scope in analysis.scopes for each in scope.facts.imports):
        return
    starting: dict[FunctionSymbol, Step | None] = {}
    names = {*NAMES}
    for _ in range(FURTHEST - 1):
        names |= {scope.name for scope, _, _ in analysis.calls_of(*names) if scope.facts.sort == PLAIN}
    for scope, _, call in analysis.calls_of(*names):
        if scope.facts.sort != ASYNC or call.where[0] in ("lambda", "await") or _is_caught(scope, call.line):
            continue
        if _is_aware(scope) or is_expected_to_raise(scope, call.line) or _is_test_of_nobody(scope, analysis):
            continue
        if _starts(analysis, call, scope):
            steps: tuple[Step, ...] = ()
        elif (below := _below(analysis, call, scope, starting)) is not None:
            steps = (below,)
        else:
            continue
        name = written(call.callee, scope)
        message = f"`{name}(…)` starts an event loop, and one runs `{scope.name}` already: it raises a RuntimeError"
        yield Sighting(scope, call.line, call.column, call.end_line, message, steps, Mend("await what it runs"))


def _is_test_of_nobody(scope: FunctionSymbol, analysis: Analysis) -> bool:
    """An asynchronous test of a plain `TestCase`, which no loop runs."""
    if scope.owner is None or not scope.name.startswith("test"):
        return False
    bases = [last_name(base) for each in analysis.program.order(scope.owner)[0] for base in each.facts.bases]
    return "TestCase" in bases


def _starts(analysis: Analysis, call: CallSite, scope: FunctionSymbol) -> bool:
    match call.callee:
        case ("attribute", inner, "run_until_complete"):
            return any(_is_loop(each, scope, analysis) for each in _meant(inner, scope))
        case ("attribute", inner, "run_sync"):
            return maker(inner, scope, analysis.program) in OF_OBJECTS
    if last_name(call.callee) != "run":
        return False
    match analysis.receivers.value(call.callee, scope):
        case Routine(function=function):
            return function.module.library and function.full_name in STARTING
        case Foreign(symbol=External(dotted=name)):
            return name in STARTING
    return False


def _meant(expression: Expression, scope: FunctionSymbol) -> list[Expression]:
    given = [each.value for each in scope.assigned.get(expression[1], ())] if expression[0] == "name" else []
    return given if len(given) == 1 else [expression]


def _is_loop(expression: Expression, scope: FunctionSymbol, analysis: Analysis) -> bool:
    if expression[0] != "call":
        return False
    match analysis.receivers.value(scope.facts.calls[expression[1]].callee, scope):
        case Routine(function=function):
            return function.module.library and function.full_name in LOOPS
        case Foreign(symbol=External(dotted=name)):
            return name in LOOPS
    return False


def _below(analysis: Analysis, call: CallSite, scope: FunctionSymbol, known: dict[FunctionSymbol, Step | None]) -> Step | None:
    """Where a function of the program that is called starts a loop, whatever it is given."""
    match analysis.receivers.value(call.callee, scope):
        case Routine(function=function) if not function.module.library and function.facts.sort == PLAIN:
            if function.facts.yields or function.facts.decorators or function.facts.abstract:
                return None
            if function not in known:
                known[function] = None
                if not _is_aware(function):
                    known[function] = next(
                        (
                            Step(function.module.path, each.line, f"`{function.name}` calls `{written(each.callee, function)}`")
                            for each in function.facts.calls
                            if last_name(each.callee) in NAMES
                            and each.where[0] != "lambda"
                            and _starts(analysis, each, function)
                            and not _is_conditional(function, each.line)
                        ),
                        None,
                    )
            return known[function]
    return None


def _is_caught(scope: FunctionSymbol, line: int) -> bool:
    return any(each.what == "try" and each.line <= line <= each.end_line for each in scope.facts.blocks)


def _is_conditional(scope: FunctionSymbol, line: int) -> bool:
    """It stands under a test, in a `try` or in a handler, or behind a way out."""
    if any(each.line <= line <= each.end_line for each in scope.facts.blocks if not each.what.startswith("with")):
        return True
    return any(each.how == "return" and each.line < line for each in scope.facts.returned)


def _is_aware(scope: FunctionSymbol) -> bool:
    """It asks whether a loop runs, or knows of threads and processes."""
    if not AWARE.isdisjoint(scope.facts.loads):
        return True
    called = [last_name(call.callee) for call in scope.facts.calls if dotted(call.callee) not in LOOPS]
    return not AWARE.isdisjoint([each for each in called if each])
