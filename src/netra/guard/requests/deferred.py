"""Calls that somebody else makes: `await sync_to_async(find)(term)`, `asyncio.to_thread(find, term)`, `find.delay(term)`."""

from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import Expression, last_name
from netra.guard.symbols import FunctionSymbol

# What runs a function that it is given, with what is given behind it: by its name, and where the function stands.
RUNNING: Final = {
    "to_thread": 0,
    "run_in_threadpool": 0,
    "run_sync": 0,
    "run_in_executor": 1,
    "add_task": 0,
    "submit": 0,
    "partial": 0,
    "call_soon": 0,
    "call_soon_threadsafe": 0,
    "start_soon": 0,
    "enqueue": 0,
}
# What gives a function that does the same elsewhere.
TURNING: Final = frozenset("sync_to_async database_sync_to_async async_to_sync asyncify run_in_thread".split())
# By these a task is sent on its way, with what its function is given.
SENDING: Final = frozenset("delay kiq defer defer_async".split())


class DeferredCall(NamedTuple):
    """A call that lets `function` be called with these arguments."""

    scope: FunctionSymbol
    place: int
    function: Expression
    arguments: tuple[Expression, ...]
    keywords: tuple[tuple[str, Expression], ...]


class DeferredCalls:
    """Answers who lets a function be called by somebody else; use `analysis.once(DeferredCalls)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._by_name: dict[str, list[DeferredCall]] = {}
        for scope, index, call in analysis.calls_of(*RUNNING):
            at = RUNNING[last_name(call.callee) or ""]
            if len(call.arguments) > at and call.arguments[at][0] in ("name", "attribute"):
                self._keep(DeferredCall(scope, index, call.arguments[at], call.arguments[at + 1 :], call.keywords))
        for scope, index, call in analysis.calls_of(*TURNING):
            if len(call.arguments) == 1:
                for number, outer in enumerate(scope.facts.calls):
                    if outer.callee == ("call", index):
                        self._keep(DeferredCall(scope, number, call.arguments[0], outer.arguments, outer.keywords))
        for scope, index, call in analysis.calls_of(*SENDING):
            if call.callee[0] == "attribute":
                self._keep(DeferredCall(scope, index, call.callee[1], call.arguments, call.keywords))

    def _keep(self, deferred: DeferredCall) -> None:
        self._by_name.setdefault(last_name(deferred.function) or "", []).append(deferred)

    def of(self, name: str) -> tuple[DeferredCall, ...]:
        """The calls that let something of this name be called."""
        return tuple(self._by_name.get(name, ()))
