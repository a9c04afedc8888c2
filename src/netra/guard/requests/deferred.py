"""Calls that others make for the program: `to_thread(work, name)` and `work.delay(name)` are calls of `work(name)`."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.symbols import FunctionSymbol

# Which argument of a runner is the function, with its own arguments behind it.
RUNNERS: Final = {
    **dict.fromkeys("to_thread run_in_threadpool run_sync submit partial add_task call_soon start_soon enqueue".split(), 0),
    **dict.fromkeys("run_in_executor call_later call_at".split(), 1),
}
# They take it by keyword.
MADE: Final = frozenset({"Thread", "Process"})
# By these a queue of work is told what to call a task with.
TELLING: Final = frozenset("delay kiq send defer defer_async apply_async".split())


def deferred(analysis: Analysis) -> dict[FunctionSymbol, list[tuple[FunctionSymbol, CallSite]]]:
    """What each function is called with in this way: who says so, and the call as it would stand there."""
    found: dict[FunctionSymbol, list[tuple[FunctionSymbol, CallSite]]] = {}
    for scope, _, call in analysis.calls_of(*RUNNERS, *MADE, *TELLING):
        for made in _calls(call) if not scope.module.in_tests else ():
            match analysis.program.evaluate(made.callee, scope):
                case FunctionSymbol() as function if not function.module.library:
                    found.setdefault(function, []).append((scope, made))
    return found


def _calls(call: CallSite) -> Iterator[CallSite]:
    name, keywords = last_name(call.callee) or "", dict(call.keywords)
    if (place := RUNNERS.get(name)) is not None:
        if len(call.arguments) > place:
            yield call._replace(callee=call.arguments[place], arguments=call.arguments[place + 1 :])
    elif name in MADE:
        if (target := keywords.get("target")) is not None:
            yield call._replace(callee=target, arguments=_listed(keywords.get("args")), keywords=())
    elif call.callee[0] == "attribute":
        given = _listed(keywords.get("args", call.arguments[0] if call.arguments else None))
        yield (
            call._replace(callee=call.callee[1], arguments=given, keywords=())
            if name == "apply_async"
            else call._replace(callee=call.callee[1])
        )


def _listed(given: Expression | None) -> tuple[Expression, ...]:
    return tuple(given[1]) if given is not None and given[0] in ("list", "tuple") else ()
