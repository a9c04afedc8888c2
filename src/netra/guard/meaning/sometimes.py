"""Functions that give a coroutine on one way and something else on another: `return kept if kept else fetch(name)`.

Such a function may mean it, where those who call it await what is to be awaited. Where all of them take what it gives for a
value, the one way is wrong, whatever the other gives.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.meaning.consistency import tells_kinds_apart
from netra.guard.meaning.kinds import gives_nothing_early
from netra.guard.meaning.receivers import Receivers
from netra.guard.program import Program
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Callback, CoroutineOf, Routine, Step

# Questions that tell one kind of argument from another.
OF_KINDS: Final = frozenset({"hasattr", "isinstance", "issubclass", "callable"})

Call = tuple[FunctionSymbol, int, CallSite]


def sometimes_late(
    returning: Iterable[tuple[FunctionSymbol, CallSite, CoroutineOf]], program: Program, receivers: Receivers
) -> Iterator[tuple[CoroutineOf, list[Call], bool]]:
    """Of plain functions that return a coroutine, those that return something else as well, with every call of each, and
    whether that coroutine is all that one of them ever gives.
    """
    late = receivers.kinds.late_names
    seen: set[FunctionSymbol] = set()
    for scope, call, value in returning:
        facts = scope.facts
        if scope in seen or facts.yields or facts.decorators or facts.abstract or scope.module.in_tests:
            continue
        seen.add(scope)
        ways = [part for each in facts.returned for part in _ways(each.value)]
        plain = [each for each in ways if each[0] != "call" or last_name(facts.calls[each[1]].callee) not in late]
        if not (plain or facts.falls or gives_nothing_early(scope)) or tells_kinds_apart(scope):
            continue
        if _goes_by_an_argument(scope, call.line):
            continue  # whoever calls it knows what it passes, and what it gets for that
        if facts.returns is not None and not receivers.annotations.promises_value(facts.returns, scope.parent or scope):
            continue
        if asking := _calls_of(scope, program, receivers):
            step = Step(scope.module.path, call.line, f"`{scope.name}` returns that coroutine un-awaited on one of its ways")
            yield CoroutineOf(value.result, value.function, (*value.chain, step)), asking, not (plain or facts.falls)


def _goes_by_an_argument(scope: FunctionSymbol, line: int) -> bool:
    """The line stands in a branch that asks what an argument is: `if hasattr(response, "status")`."""
    tests = [
        each.expressions for each in scope.facts.blocks if each.what in ("if", "else") and each.line <= line <= each.end_line
    ]
    asked = [scope.facts.calls[test[1]] for expressions in tests for test in expressions if test[0] == "call"]
    return any(
        last_name(call.callee) in OF_KINDS and given[0] == "name" and given[1] in scope.parameters
        for call in asked
        for given in call.arguments[:1]
    )


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
            case None | Callback() if call.where[0] == "await":
                return []  # it may be this one
    handed = any(each.expression[-1] == function.name for scope in program.scopes for each in scope.facts.reads)
    return [] if handed or any(call.where[0] == "await" for _, _, call in found) else found
