"""Coroutines in a list that a function gives: declared to be values, or thrown away by who calls it."""

from typing import Final

from netra.guard.facts import ASYNC, PLAIN, CallSite, Expression, Where, last_name
from netra.guard.meaning.annotations import MAPPINGS, SEQUENCES
from netra.guard.meaning.receivers import Receivers
from netra.guard.program import Program
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import CoroutineOf, Plain, Routine

# Who calls one of these may well hand it the list.
STARTING: Final = frozenset("gather wait as_completed create_task ensure_future start_soon run_until_complete run".split())


def promises_values(where: Where, scope: FunctionSymbol, receivers: Receivers, program: Program) -> bool:
    """A list, set or dictionary that the function returns is declared to hold values, and no caller starts what is in it."""
    match where:
        case ("return",):
            pass
        case ("assign", ("name", str(name))) if len(scope.assigned.get(name, ())) == 1 and name not in scope.parameters:
            if any(name in each.facts.loads for each in scope.children):
                return False
            if [each.where for each in scope.facts.uses if each.name == name] != [("return",)]:
                return False
        case _:
            return False
    held = _held(scope.facts.returns)
    if held is None or scope.facts.sort not in (PLAIN, ASYNC) or scope.facts.yields:
        return False
    if not receivers.annotations.promises_value(held, scope.parent or scope):
        return False
    callers = (caller for caller, _ in program.calls_named.get(scope.name, ()))
    return not any(last_name(call.callee) in STARTING for caller in callers for call in caller.facts.calls)


def _held(returns: Expression | None) -> Expression | None:
    """`str` of `list[str]`, `int` of `dict[str, int]`."""
    match returns:
        case ("subscript", head, key) if (name := last_name(head)) in SEQUENCES or name in MAPPINGS:
            parts = key[1] if key[0] == "tuple" else (key,)
            return parts[-1] if name in MAPPINGS else parts[0] if parts else None
    return None


def gives_coroutines(value: Plain, call: CallSite, scope: FunctionSymbol, receivers: Receivers) -> bool:
    """What is called does nothing but make a list of coroutines."""
    if not isinstance(value.item, CoroutineOf):
        return False
    match receivers.value(call.callee, scope):
        case Routine(function=function) if not function.module.library and function.facts.sort == PLAIN:
            given = [each.value[0] for each in function.facts.returned]
            return bool(given) and not function.facts.yields and all(each in ("comprehension", "list") for each in given)
    return False
