"""A124."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.threaded import Threaded
from netra.guard.facts import PLAIN, CallSite, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.from_threads import from_thread, is_sometimes, runs_on_a_loop, tells_threads_apart
from netra.guard.meaning.callbacks import is_loop
from netra.guard.meaning.expressions import written
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine

# Of a loop, and of the objects of asyncio, by their classes: what only the thread of the loop may call.
OF_LOOPS: Final = frozenset("create_task call_soon call_later call_at".split())
OF_OBJECTS: Final = {
    "Queue": frozenset({"put_nowait", "get_nowait", "task_done"}),
    "Event": frozenset({"set"}),
    "Future": frozenset({"set_result", "set_exception", "cancel"}),
    "Task": frozenset({"cancel"}),
    "Condition": frozenset({"notify", "notify_all"}),
}
NAMES: Final = OF_LOOPS.union(*OF_OBJECTS.values())
# What takes a function from any thread, and has the thread of the loop call it.
HANDING_OVER: Final = ("call_soon_threadsafe", "run_coroutine_threadsafe", "from_thread")


@rule("A124", "loop-touched-from-thread")
def loop_touched_from_thread(analysis: Analysis) -> Iterator[Sighting]:
    """A thread calls a loop, or what belongs to one, as only the thread of that loop may.

    Nothing of asyncio is safe for threads. `queue.put_nowait(…)`, `event.set()` and `loop.create_task(…)` out of another thread
    do not wake the loop: what waits goes on when something else happens to, or never, and both threads change the same lists.

    ```python
    def listen(self) -> None:  # run by `threading.Thread(target=self.listen)`
        for message in self.socket:
            self.queue.put_nowait(message)  # A124: an `asyncio.Queue`
    ```

    Let the loop do it: `loop.call_soon_threadsafe(queue.put_nowait, message)`, and `asyncio.run_coroutine_threadsafe(work(),
    loop)` for a coroutine. Told of is what a thread, a pool or `to_thread` runs, and a route that is a plain `def`, which runs
    in a thread as well. Where asynchronous code calls the function too, where it has a loop of its own or asks in which thread
    it is, guard is silent.
    """
    calls = [each for each in analysis.calls_of(*NAMES) if _is_of_a_loop(analysis, each[0], each[2])]
    threaded = analysis.once(_threaded) if calls else None
    for scope, _, call in calls:
        if threaded is None or tells_threads_apart(scope) or _is_handed_over(analysis, scope):
            continue
        way = from_thread(analysis, threaded, scope, tells_threads_apart)
        if way is None or runs_on_a_loop(analysis, scope):
            continue
        if way.sometimes and is_sometimes(call.line, scope) and not way.steps:
            continue
        name = written(call.callee, scope)
        message = f"`{name}(…)` is called in a thread, and only the thread of its loop may: nothing wakes the loop"
        mend = Mend("use `loop.call_soon_threadsafe(…)`, or `asyncio.run_coroutine_threadsafe(…, loop)` for a coroutine")
        yield Sighting(scope, call.line, call.column, call.end_line, message, way.steps, mend)


def _threaded(analysis: Analysis) -> Threaded:
    return Threaded(analysis.program, analysis.receivers)


def _is_of_a_loop(analysis: Analysis, scope: FunctionSymbol, call: CallSite) -> bool:
    if scope.facts.sort != PLAIN or scope.module.in_tests or call.callee[0] != "attribute" or call.where[0] == "lambda":
        return False
    name = call.callee[2]
    match analysis.receivers.value(call.callee, scope):
        case Routine(function=function) if function.owner is not None:
            kinds = [function.owner.name, *(last_name(base) or "" for base in function.owner.facts.bases)]
            of_asyncio = function.module.model and function.module.name == "asyncio"
            return of_asyncio and any(name in OF_OBJECTS.get(kind, ()) for kind in kinds)
        case None:
            return name in OF_LOOPS and is_loop(call.callee[1], scope, analysis.receivers)
    return False


def _is_handed_over(analysis: Analysis, scope: FunctionSymbol) -> bool:
    """Somebody gives the function to the loop, from whatever thread."""
    calls = analysis.calls_of(*HANDING_OVER)
    return any(last_name(each) == scope.name for _, _, call in calls for each in call.given)
