"""Coroutine functions given to what runs a function in a thread or process: it calls them, and nobody awaits the coroutine."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.meaning.consistency import is_asked_of
from netra.guard.meaning.receivers import Receivers
from netra.guard.program import Program
from netra.guard.symbols import External, FunctionSymbol
from netra.guard.values import CoroutineOf, Foreign, Instance, Routine, Step, TypeOf

# The number of the argument that is the function, by the name of what runs it.
POSITIONS: Final = {"to_thread": 0, "run_in_threadpool": 0, "run_in_executor": 1, "Thread": 1, "Timer": 1, "Process": 1}
KEYWORDS: Final = {"Thread": "target", "Timer": "function", "Process": "target"}

# Libraries of which these are the functions and classes; `loop.run_in_executor` is known by its name.
THREADING: Final = frozenset({"threading", "multiprocessing", "asyncio", "starlette", "fastapi"})


class OnlyCalled(NamedTuple):
    """A call by which a thread is given a coroutine function."""

    scope: FunctionSymbol
    call: CallSite
    function: FunctionSymbol
    steps: tuple[Step, ...]


def only_called(program: Program, receivers: Receivers) -> Iterator[OnlyCalled]:
    """Every call that lets a thread call a coroutine function, where what that gives is awaited by nobody."""
    for scope, _, call in program.calls_of(POSITIONS):
        name = last_name(call.callee) or ""
        if (
            (given := _given(call, name)) is None
            or not _is_dropped(call, name)
            or is_asked_of(given, scope)
            or not _is_of_threads(call, name, scope, receivers)
        ):
            continue
        match receivers.value(given, scope):
            case Routine(function=function) as routine if not function.module.library:
                match receivers.outcome(routine):
                    case CoroutineOf(chain=chain):
                        yield OnlyCalled(scope, call, function, chain)


def given_to_thread(scope: FunctionSymbol, call: CallSite, receivers: Receivers) -> Expression | None:
    """What a call lets a thread run."""
    name = last_name(call.callee) or ""
    given = _given(call, name)
    return given if given is not None and _is_of_threads(call, name, scope, receivers) else None


def _given(call: CallSite, name: str) -> Expression | None:
    keyword = dict(call.keywords).get(KEYWORDS.get(name, ""))
    if keyword is not None:
        return keyword
    before = call.arguments[: POSITIONS[name] + 1]
    return before[-1] if len(before) > POSITIONS[name] and all(each[0] != "star" for each in before) else None


def _is_dropped(call: CallSite, name: str) -> bool:
    """What the function gives comes back to nobody: a thread has no result, and that of the others is thrown away."""
    return name in KEYWORDS or call.where in (("statement",), ("await", ("statement",)))


def _is_of_threads(call: CallSite, name: str, scope: FunctionSymbol, receivers: Receivers) -> bool:
    match receivers.value(call.callee, scope):
        case Routine(function=function):
            return function.module.library and function.module.name.partition(".")[0] in THREADING
        case TypeOf(kind=kind):
            return kind.module.library and kind.module.name in THREADING
        case Foreign(symbol=External(dotted=dotted)):
            return dotted.partition(".")[0] in THREADING
    if call.callee[0] != "attribute":
        return False
    return name == "run_in_executor" and not isinstance(receivers.value(call.callee[1], scope), Instance | TypeOf)
