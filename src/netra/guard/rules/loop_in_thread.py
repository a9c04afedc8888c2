"""A117."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.threaded import Threaded
from netra.guard.environment import LOGGING
from netra.guard.facts import LAMBDA, NOTHING, PLAIN, CallSite
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.from_threads import OWN_LOOP, from_thread, is_ready, is_sometimes, runs_on_a_loop
from netra.guard.meaning.expressions import written
from netra.guard.meaning.narrowing import is_caught
from netra.guard.rule import rule
from netra.guard.symbols import External, FunctionSymbol

# Functions of asyncio that raise RuntimeError in a thread in which no loop runs.
ASKING: Final = ("get_running_loop", "create_task", "current_task", "all_tasks", "ensure_future", "get_event_loop")

OF_ANY_LOOP: Final = frozenset({"current_task", "all_tasks"})

# It gives a loop that is kept for the thread, as well as one that runs; for no thread but the main one it makes any.
KEPT: Final = "get_event_loop"
KEEPING: Final = frozenset({"set_event_loop", "new_event_loop", "Runner"})


@rule("A117", "loop-in-thread", hesitant=True)
def loop_in_thread(analysis: Analysis) -> Iterator[Sighting]:
    """The running event loop is asked for in a thread in which none runs: RuntimeError, every time.

    `asyncio.get_running_loop()`, `asyncio.create_task()` and their like look for the loop of the thread that calls them, and so
    does `asyncio.get_event_loop()`, which makes one for the main thread only. A function that
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
        if not _is_of_asyncio(analysis, scope, call) or _is_told_the_loop(call):
            continue
        kept = call.callee[-1] == KEPT
        if (kept and analysis.calls_of("set_event_loop")) or is_ready(scope, call.line, KEEPING if kept else OWN_LOOP):
            continue
        if (way := from_thread(analysis, threaded, scope)) is None:
            continue
        name = written(call.callee, scope)
        message = f"`{name}(…)` raises RuntimeError: `{scope.name}` runs in a thread, and no event loop does"
        mend = Mend("pass the loop on from where it runs, and use `asyncio.run_coroutine_threadsafe`")
        perhaps = (way.sometimes or is_sometimes(call.line, scope)) and runs_on_a_loop(analysis, scope)
        sure = LIKELY if perhaps or _is_passed_over(scope, call.line) else CERTAIN
        yield Sighting(scope, call.line, call.column, call.end_line, message, way.steps, mend, sure)


def _is_told_the_loop(call: CallSite) -> bool:
    """`all_tasks(self.loop)` asks for the tasks of that loop, wherever it runs."""
    if call.callee[-1] == "ensure_future":
        return any(name == "loop" for name, _ in call.keywords)
    return call.callee[-1] in OF_ANY_LOOP and bool(call.given) and call.given[0] != NOTHING


def _is_of_asyncio(analysis: Analysis, scope: FunctionSymbol, call: CallSite) -> bool:
    match analysis.program.evaluate(call.callee, scope):
        case FunctionSymbol(module=module, owner=None) if module.library:
            return module.name == "asyncio"
        case External(dotted=dotted):
            return dotted.rpartition(".")[0] == "asyncio"
    return False


def _is_passed_over(scope: FunctionSymbol, line: int) -> bool:
    """Whatever goes wrong is caught, and no handler says that something did."""
    if not is_caught(line, scope, "Exception", "BaseException"):
        return False
    handlers = [each for each in scope.facts.blocks if each.what == "handler" and each.line > line]
    said = [call.line for call in scope.facts.calls if call.callee[-1] in LOGGING]
    return not any(each.line <= at <= each.end_line for each in handlers for at in said)
