"""Functions that turned from plain to asynchronous, or back, while callers in the program did not turn with them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, PLAIN, CallSite, Expression, Where, dotted, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.consistency import tells_kinds_apart
from netra.guard.meaning.expressions import written
from netra.guard.meaning.places import Fate
from netra.guard.members.parameters import KEEPING
from netra.guard.revisions.comparison import comparison
from netra.guard.revisions.departures import steps
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import (
    ContextOf,
    CoroutineOf,
    GeneratorOf,
    Instance,
    ModuleValue,
    Plain,
    Routine,
    Step,
    TypeOf,
    Value,
)

# What takes a coroutine, and refuses anything else, by its last name.
TAKING: Final = frozenset(
    "create_task ensure_future run_until_complete run_coroutine_threadsafe wait_for shield gather run".split()
)

LITERALS: Final = frozenset("none string constant list tuple set dict comprehension formatted compare not".split())


@dataclass(frozen=True, slots=True)
class Turn:
    """A function that turned, and the callers that are wrong since: (scope, line, what they do)."""

    function: FunctionSymbol
    late: bool
    """It became asynchronous."""
    callers: tuple[tuple[FunctionSymbol, int, str], ...]
    revision: str


def turns(analysis: Analysis) -> tuple[Turn, ...]:
    """Every function that turned and has such callers."""
    compared = analysis.once(comparison)
    if compared is None or analysis.past is None:
        return ()
    turned = {
        function: before
        for before, function in compared.changed_functions
        if before.facts.sort != function.facts.sort and {before.facts.sort, function.facts.sort} == {ASYNC, PLAIN}
    }
    callers: dict[FunctionSymbol, list[tuple[FunctionSymbol, int, str]]] = {}
    if turned:
        for function, scope, line, how in (*_misused(analysis, turned), *_left(analysis, turned), *_awaited(analysis, turned)):
            if all((scope, line) != each[:2] for each in callers.setdefault(function, [])):
                callers[function].append((scope, line, how))
    return tuple(
        Turn(function, function.facts.asynchronous, tuple(sorted(found, key=_order)), analysis.past.named)
        for function, found in callers.items()
    )


def _order(caller: tuple[FunctionSymbol, int, str]) -> tuple[str, int]:
    return caller[0].module.path, caller[1]


Caller = tuple[FunctionSymbol, FunctionSymbol, int, str]


def _misused(analysis: Analysis, turned: dict[FunctionSymbol, FunctionSymbol]) -> Iterator[Caller]:
    """What is not used as what it is by now: a coroutine as a value, a generator or context manager as the other kind."""
    for misuse in analysis.misuses:
        match misuse.value:
            case CoroutineOf(function=function) if misuse.fate is not Fate.TAKEN:
                pass
            case GeneratorOf(function=FunctionSymbol() as function) | ContextOf(function=FunctionSymbol() as function):
                if misuse.fate is not Fate.MISMATCHED:
                    continue
            case _:
                continue
        if function in turned:
            yield function, misuse.scope, misuse.line, f"`{misuse.name}(…)`: {misuse.how}"


def _left(analysis: Analysis, turned: dict[FunctionSymbol, FunctionSymbol]) -> Iterator[Caller]:
    """Calls of what became asynchronous that stand as they stood, where it gave a value before."""
    for function, before in turned.items():
        if function.facts.sort != ASYNC or function.facts.yields or not _gave_values(analysis, before, function):
            continue
        for scope, index in analysis.program.calls_named.get(function.name, ()):
            call = scope.facts.calls[index]
            if call.where[0] in ("await", "lambda", "decorator") or scope in turned or tells_kinds_apart(scope):
                continue
            match analysis.receivers.value(("call", index), scope):
                case CoroutineOf(function=found) if found is function and _stood(analysis, scope, call):
                    yield function, scope, call.line, f"`{written(call.callee, scope)}(…)`: this takes what it gave before"


def _gave_values(analysis: Analysis, before: FunctionSymbol, function: FunctionSymbol) -> bool:
    """The function gave nothing to await: it said so, or what it returns is a value in any case."""
    said = before.facts.returns
    if before.facts.yields or before.decorator_names - KEEPING or function.decorator_names - KEEPING:
        return False
    if said is not None and analysis.receivers.annotations.promises_value(said, function.parent or function):
        return True
    return _gives_values(analysis, None, function)


def _stood(analysis: Analysis, scope: FunctionSymbol, call: CallSite) -> bool:
    """Its function made the same call before, for the same place, and nothing of it waits for what the call gives."""
    compared = analysis.once(comparison)
    earlier = compared.earlier_function(scope) if compared is not None else None
    if earlier is None:
        return False
    if not any(each.callee == call.callee and each.where[0] == call.where[0] for each in earlier.facts.calls):
        return False
    match call.where:
        case ("assign", ("name" | "attribute", *_) as target):
            kept = dotted(target)
            return not any(
                use.name == kept and (use.where[0] == "await" or _is_taken(scope, use.where)) for use in scope.facts.uses
            )
    return not _is_taken(scope, call.where)


def _is_taken(scope: FunctionSymbol, where: Where) -> bool:
    """What stands there is handed, by itself or in a list, to something that waits for coroutines."""
    while where[0] == "element":
        where = where[1]
    return where[0] == "argument" and last_name(scope.facts.calls[where[1]].callee) in TAKING


def _awaited(analysis: Analysis, turned: dict[FunctionSymbol, FunctionSymbol]) -> Iterator[Caller]:
    """Calls of what became plain that are still awaited, or given to what takes coroutines only."""
    for function, before in turned.items():
        if function.facts.sort == ASYNC or function.facts.yields or before.facts.yields:
            continue
        if not _gives_values(analysis, before, function):
            continue
        for scope, index in analysis.program.calls_named.get(function.name, ()):
            call = scope.facts.calls[index]
            if (how := _waits(scope, call)) and not tells_kinds_apart(scope):
                match analysis.receivers.value(call.callee, scope):
                    case Routine(function=found) as routine if found is function and _is_final(analysis, routine):
                        yield function, scope, call.line, how


def _waits(scope: FunctionSymbol, call: CallSite) -> str:
    """How a call is waited for; empty when it is not."""
    match call.where:
        case ("await", _):
            return "this still awaits it"
        case ("argument", int(index), _):
            taker = scope.facts.calls[index]
            if last_name(taker.callee) in TAKING and (dotted(taker.callee) or "").partition(".")[0] in (
                "asyncio",
                "tg",
                "loop",
            ):
                return f"this still hands it to `{dotted(taker.callee)}`"
    return ""


def _is_final(analysis: Analysis, routine: Routine) -> bool:
    """No class below the one it was found on puts another method in its place."""
    if routine.receiver is None:
        return True
    return not any(routine.function.name in below.methods for below in analysis.program.subclasses.get(routine.receiver, ()))


def _gives_values(analysis: Analysis, before: FunctionSymbol | None, function: FunctionSymbol) -> bool:
    """Nothing that the function returns can be awaited: no annotation is believed that its code may not keep.

    Where it is given as it was before, calls that it made then for their value are taken to give one now.
    """
    facts = function.facts
    if facts.abstract or function.decorator_names - KEEPING:
        return False
    return all(_is_value(analysis, before, each.value, function) for each in facts.returned)


def _is_value(analysis: Analysis, before: FunctionSymbol | None, expression: Expression, scope: FunctionSymbol) -> bool:
    if expression[0] in LITERALS:
        return True
    if expression[0] == "choice":
        return all(_is_value(analysis, before, each, scope) for each in expression[1])
    if expression[0] == "operator":
        return True
    if _cannot_be_awaited(analysis.receivers.value(expression, scope)):
        return True
    if expression[0] == "name":
        assigned = scope.assigned.get(expression[1], ())
        return bool(assigned) and all(each.how == "=" and _is_value(analysis, before, each.value, scope) for each in assigned)
    if expression[0] == "call" and before is not None:
        # What the same function called before without waiting for it gave a value then, and does now.
        callee = scope.facts.calls[expression[1]].callee
        earlier = [each for each in before.facts.calls if last_name(each.callee) == last_name(callee)]
        return bool(earlier) and all(each.where[0] != "await" for each in earlier)
    return False


def _cannot_be_awaited(value: Value | None) -> bool:
    match value:
        case Plain() | TypeOf() | ModuleValue() | Routine() | GeneratorOf() | ContextOf():
            return True
        case Instance(kind=kind):
            return not kind.module.library and "__await__" not in kind.methods
    return False


def sighted(turn: Turn) -> Sighting:
    """A turn as a rule yields it: at the function, with its callers as the proof."""
    function = turn.function
    number = len(turn.callers)
    callers = "one caller" if number == 1 else f"{number} callers"
    became, was = ("became async", "a plain `def`") if turn.late else ("is no longer async", "an `async def`")
    step = Step(function.module.path, function.facts.line, f"`{function.name}` was {was} at {turn.revision}")
    mend = "await it in the callers" if turn.late else "drop the `await` in the callers"
    return Sighting(
        function,
        function.facts.line,
        function.facts.column,
        function.facts.line,
        f"`{function.name}` {became}, and {callers} did not change with it",
        (step, *steps((scope.module.path, line, how) for scope, line, how in turn.callers)),
        Mend(mend),
    )
