"""Calls that somebody else makes: `await sync_to_async(find)(term)`, `asyncio.to_thread(find, term)`, `find.delay(term)`."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.symbols import FunctionSymbol

# What runs a function that it is given, with what is given behind it: by its name, and where the function stands.
RUNNING: Final = {
    **dict.fromkeys(
        """to_thread run_in_threadpool run_sync submit partial add_task call_soon call_soon_threadsafe start_soon
        enqueue""".split(),
        0,
    ),
    **dict.fromkeys("run_in_executor call_later call_at".split(), 1),
}
# What gives a function that does the same elsewhere.
TURNING: Final = frozenset("sync_to_async database_sync_to_async async_to_sync asyncify run_in_thread".split())
# They take the function and what is for it by keyword.
MADE: Final = frozenset({"Thread", "Process"})
# By these a task is sent on its way, with what its function is given.
SENDING: Final = frozenset("delay kiq send enqueue defer defer_async apply_async si s".split())
# Whatever lets something be called.
LETTING: Final = frozenset({*RUNNING}) | TURNING | MADE | SENDING


class DeferredCall(NamedTuple):
    """The call at a `place` among those of `scope` that lets something be called; `call` is the one that is made then."""

    scope: FunctionSymbol
    place: int
    call: CallSite


class DeferredCalls:
    """Answers who lets a function be called by somebody else; use `analysis.once(DeferredCalls)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._by_name: dict[str, list[DeferredCall]] = {}
        for scope, index, call in analysis.calls_of(*LETTING):
            for at, made in made_later(scope, index, call) if not scope.module.in_tests else ():
                self._by_name.setdefault(last_name(made.callee) or "", []).append(DeferredCall(scope, at, made))

    def of(self, name: str) -> tuple[DeferredCall, ...]:
        """The calls that let something of this name be called."""
        return tuple(self._by_name.get(name, ()))


def made_later(scope: FunctionSymbol, index: int, call: CallSite) -> Iterator[tuple[int, CallSite]]:
    """The calls that a call lets somebody make, as they would stand there, each with the place of what lets it be made."""
    name, keywords = last_name(call.callee) or "", dict(call.keywords)
    if (place := RUNNING.get(name)) is not None:
        if len(call.arguments) > place and call.arguments[place][0] in ("name", "attribute"):
            yield index, replace(call, callee=call.arguments[place], arguments=call.arguments[place + 1 :])
    elif name in TURNING:
        if len(call.arguments) == 1:
            for number, outer in enumerate(scope.facts.calls):
                if outer.callee == ("call", index):
                    yield number, replace(outer, callee=call.arguments[0])
    elif name in MADE and (target := keywords.get("target")) is not None:
        yield index, replace(call, callee=target, arguments=_listed(keywords.get("args")), keywords=())
    if name in SENDING and call.callee[0] == "attribute":
        made = replace(call, callee=call.callee[1])
        if name == "apply_async":
            given = _listed(keywords.get("args", call.arguments[0] if call.arguments else None))
            made = replace(made, arguments=given, keywords=())
        yield index, made


def _listed(given: Expression | None) -> tuple[Expression, ...]:
    return tuple(given[1]) if given is not None and given[0] in ("list", "tuple") else ()
