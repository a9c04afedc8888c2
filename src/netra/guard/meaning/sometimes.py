"""Functions that give a coroutine on one way and something else on another: `return kept if kept else fetch(name)`.

Such a function may mean it, where those who call it await what is to be awaited. Where all of them take what it gives for a
value, the one way is wrong, whatever the other gives.
"""

from collections.abc import Iterator

from netra.guard.facts import PLAIN, CallSite, Expression, last_name
from netra.guard.meaning.consistency import tells_kinds_apart
from netra.guard.meaning.receivers import Receivers
from netra.guard.program import Program
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import CoroutineOf, Routine, Step

Call = tuple[FunctionSymbol, int, CallSite]


def sometimes_late(program: Program, receivers: Receivers) -> Iterator[tuple[CoroutineOf, list[Call]]]:
    """The coroutine that a function gives on one of its ways, with every call of the function."""
    late = receivers.kinds.late_names
    for scope in program.scopes:
        facts = scope.facts
        if facts.sort != PLAIN or facts.yields or facts.decorators or scope.module.in_tests or facts.abstract:
            continue
        ways = [(part, each.line) for each in facts.returned for part in _ways(each.value)]
        calls = [(part, line) for part, line in ways if part[0] == "call" and last_name(facts.calls[part[1]].callee) in late]
        if not calls or (len(calls) == len(ways) and not facts.falls) or tells_kinds_apart(scope):
            continue
        if facts.returns is not None and not receivers.annotations.promises_value(facts.returns, scope.parent or scope):
            continue
        found = next((each for each in calls if isinstance(receivers.value(each[0], scope), CoroutineOf)), None)
        if found is None:
            continue
        value = receivers.value(found[0], scope)
        if isinstance(value, CoroutineOf) and (asking := _calls_of(scope, program, receivers)):
            step = Step(scope.module.path, found[1], f"`{scope.name}` returns that coroutine un-awaited on one of its ways")
            yield CoroutineOf(value.result, value.function, (*value.chain, step)), asking


def _ways(value: Expression) -> Iterator[Expression]:
    if value[0] == "choice":
        for part in value[1]:
            yield from _ways(part)
    else:
        yield value


def _calls_of(function: FunctionSymbol, program: Program, receivers: Receivers) -> list[Call]:
    """Every call of a function; none where somebody may call it who is not seen, or awaits what it gives."""
    found: list[Call] = []
    for caller, index in program.calls_named.get(function.name, ()):
        call = caller.facts.calls[index]
        match receivers.value(call.callee, caller):
            case Routine(function=called) if called is function:
                found.append((caller, index, call))
            case None if call.where[0] == "await":
                return []  # it may be this one
    handed = any(each.expression[-1] == function.name for scope in program.scopes for each in scope.facts.reads)
    return [] if handed or any(call.where[0] == "await" for _, _, call in found) else found
