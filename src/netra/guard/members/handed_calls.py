"""Calls that hand a function of the program to what calls it with what they give, in a thread, later, or at once:

threading.Thread(target=send, args=(user,))        pool.submit(send, user)          asyncio.to_thread(send, user)
loop.run_in_executor(None, send, user)             loop.call_later(3, send, user)   tasks.add_task(send, user)
functools.partial(send, user)                      atexit.register(send, user)      task.add_done_callback(done)
"""

from dataclasses import replace
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import OTHER, CallSite, Expression
from netra.guard.meaning.makers import made_by
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Instance, Plain, Routine, TypeOf


class Hander(NamedTuple):
    """One that hands on: where the function stands, and what else it is called with.

    `shape` is "spread" (what follows the function), "spread by position" (its keywords are its own), "packed" (`args` and
    `kwargs`), "begun" (`partial`: a part of what follows), or "given" (the hander has `number` values of its own).
    """

    owners: frozenset[str]
    position: int
    keyword: str
    shape: str
    number: int = 0
    by_name: bool = False
    """The name alone tells it, of whatever it is asked, but for what the program or another library calls so."""


def _of(owners: str, position: int, keyword: str, shape: str, number: int = 0, *, by_name: bool = False) -> Hander:
    return Hander(frozenset(owners.split()), position, keyword, shape, number, by_name)


POOLS: Final = """concurrent.futures.ThreadPoolExecutor concurrent.futures.ProcessPoolExecutor
    concurrent.futures.thread.ThreadPoolExecutor concurrent.futures.process.ProcessPoolExecutor"""

HANDERS: Final[dict[str, Hander]] = {
    "Thread": _of("threading.Thread", 1, "target", "packed"),
    "Process": _of("multiprocessing.Process", 1, "target", "packed"),
    "Timer": _of("threading.Timer", 1, "function", "packed"),
    "to_thread": _of("asyncio.to_thread", 0, "func", "spread"),
    "run_in_threadpool": _of(
        "starlette.concurrency.run_in_threadpool fastapi.concurrency.run_in_threadpool", 0, "func", "spread"
    ),
    "run_sync": _of("anyio.to_thread.run_sync trio.to_thread.run_sync", 0, "func", "spread by position"),
    "submit": _of(POOLS, 0, "", "spread"),
    "add_task": _of(
        """fastapi.BackgroundTasks fastapi.background.BackgroundTasks starlette.background.BackgroundTasks
        starlette.background.BackgroundTask""",
        0,
        "func",
        "spread",
    ),
    "BackgroundTask": _of("starlette.background.BackgroundTask", 0, "func", "spread"),
    "run_in_executor": _of("", 1, "func", "spread by position", by_name=True),
    "call_soon": _of("", 0, "callback", "spread by position", by_name=True),
    "call_soon_threadsafe": _of("", 0, "callback", "spread by position", by_name=True),
    "call_later": _of("", 1, "callback", "spread by position", by_name=True),
    "call_at": _of("", 1, "callback", "spread by position", by_name=True),
    "add_signal_handler": _of("", 1, "callback", "spread by position", by_name=True),
    "start_soon": _of("", 0, "", "spread by position", by_name=True),
    "add_done_callback": _of("", 0, "fn", "given", 1, by_name=True),
    "partial": _of("functools.partial", 0, "func", "begun"),
    "signal": _of("signal.signal", 1, "handler", "given", 2),
    "map": _of(f"builtins.map {POOLS}", 0, "", "each"),
    "filter": _of("builtins.filter", 0, "", "given", 1),
    "finalize": _of("weakref.finalize", 1, "func", "spread"),
}
NAMES: Final = frozenset(HANDERS)
# Options of those who pass on what stands by position alone. With others it is another hander of that name.
OPTIONS: Final = frozenset("context name executor abandon_on_cancel cancellable limiter".split())
# Values of these are nothing that can be spread as arguments.
NO_ARGUMENTS: Final = frozenset({"int", "float", "bool"})


class HandedCall(NamedTuple):
    """The call that will be made of the function; `packed` tells what else is wrong with the arguments, if anything is."""

    call: CallSite
    begun: bool
    """More arguments may come when it is called at last."""
    packed: str


def handed_call(analysis: Analysis, call: CallSite, scope: FunctionSymbol) -> HandedCall | None:
    """The call that the hander will make; None where the call is none of these, or what it gives is not written down."""
    hander = HANDERS[call.callee[-1]]
    function = dict(call.keywords).get(hander.keyword)
    by_position = function is None
    if function is None and hander.position < len(call.arguments):
        function = call.arguments[hander.position]
    before = call.arguments[: hander.position + 1]
    if function is None or function[0] not in ("name", "attribute") or "star" in [each[0] for each in before]:
        return None
    if not _is_of(analysis, hander, call, scope):
        return None
    after = call.arguments[hander.position + 1 :] if by_position else ()
    if not by_position and hander.shape.startswith("spread") and call.arguments[hander.position :]:
        return None
    others = tuple((name, value) for name, value in call.keywords if name != hander.keyword)
    match hander.shape:
        case "packed":
            return _packed(analysis, hander, call, function, scope)
        case "given":
            return HandedCall(replace(call, callee=function, arguments=(OTHER,) * hander.number, keywords=()), False, "")
        case "each":
            if not after or any(name != "chunksize" for name, _ in others) or "star" in [each[0] for each in after]:
                return None
            return HandedCall(replace(call, callee=function, arguments=(OTHER,) * len(after), keywords=()), False, "")
        case "spread by position":
            if not OPTIONS.issuperset(name for name, _ in others):
                return None
            return HandedCall(replace(call, callee=function, arguments=after, keywords=()), False, "")
    return HandedCall(replace(call, callee=function, arguments=after, keywords=others), hander.shape == "begun", "")


def _is_of(analysis: Analysis, hander: Hander, call: CallSite, scope: FunctionSymbol) -> bool:
    """It is the hander of the library that is called, and not something else of that name."""
    if hander.by_name:
        if call.callee[0] != "attribute":
            return False
        match analysis.receivers.value(call.callee, scope):
            case Routine(function=called):
                return called.module.library
            case None:
                match analysis.receivers.value(call.callee[1], scope):
                    case Instance(kind=kind) | TypeOf(kind=kind):
                        return kind.module.library
                return True
            case _:
                return True
    match analysis.receivers.value(call.callee, scope):
        case TypeOf(kind=kind):
            return kind.module.library and kind.full_name in hander.owners
        case Routine(function=called) if not called.module.library:
            return False
    return made_by(call.callee, scope, analysis.program) in hander.owners or _is_asked_of(analysis, hander, call, scope)


def _is_asked_of(analysis: Analysis, hander: Hander, call: CallSite, scope: FunctionSymbol) -> bool:
    """`tasks.add_task` of a parameter `tasks: BackgroundTasks`."""
    if call.callee[0] != "attribute":
        return False
    match analysis.receivers.value(call.callee[1], scope):
        case Instance(kind=kind):
            return any(each.module.library and each.full_name in hander.owners for each in analysis.program.order(kind)[0])
    return False


def _packed(
    analysis: Analysis, hander: Hander, call: CallSite, function: Expression, scope: FunctionSymbol
) -> HandedCall | None:
    """`Thread(target=send, args=(user,), kwargs={"copy": True})`."""
    given = dict(call.keywords)
    if "**" in given or len(call.arguments) > hander.position + 1:
        return None
    first = given.get("args", ("tuple", ()))
    second = given.get("kwargs", ("dict", ()))
    if first[0] == "none":
        first = ("tuple", ())
    if second[0] == "none":
        second = ("dict", ())
    if second[0] != "dict" or any(key[0] != "string" for key, _ in second[1]):
        return None
    keywords = tuple((key[1], value) for key, value in second[1])
    if first[0] in ("tuple", "list"):
        return HandedCall(replace(call, callee=function, arguments=tuple(first[1]), keywords=keywords), False, "")
    made = replace(call, callee=function, arguments=(first,), keywords=keywords)
    text = "is given a text as its `args`, which is passed letter by letter"
    if first[0] == "string":
        letters = tuple(("string", each) for each in first[1])
        return HandedCall(replace(made, arguments=letters), False, text)
    match analysis.receivers.value(first, scope):
        case Plain(name="str"):
            return HandedCall(made, False, text)
        case Plain(name=name) if name in NO_ARGUMENTS:
            return HandedCall(made, False, f"is given one `{name}` as its `args`, and no tuple")
    return None
