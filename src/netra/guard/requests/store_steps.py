"""Keys of a store outside of the process that methods read and write for those who call them, in two steps.

holder = await self.holds.holder(show, seat)  # return await self.redis.get(f"hold:{show}:{seat}")
if holder is not None:
    raise SeatTaken(seat)
await self.holds.put(show, seat, buyer)  # await self.redis.set(f"hold:{show}:{seat}", buyer)

Each method is one step, and neither knows of the other. That they mean the same key, the calls and both methods tell together.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import NOTHING, CallSite, Expression, last_name
from netra.guard.lazily import lazily
from netra.guard.meaning.expressions import within
from netra.guard.requests.outside_keys import ASKING, AT_ONCE, STORES, is_store, sends_away_at
from netra.guard.requests.passing import pairs
from netra.guard.symbols import ClassSymbol, FunctionSymbol, ModuleSymbol
from netra.guard.values import Routine

SETTING: Final = frozenset("set setex aset".split())
# What a key is followed through: a method that makes it.
FURTHEST: Final = 2
# What `str` and `int` make of what lies there is still that.
READING: Final = frozenset("int float str bool".split())


class StoreStep(NamedTuple):
    """A function reads a key for its caller, or writes what it is given there."""

    function: FunctionSymbol
    key: Expression
    """With `("given", name)` for each parameter."""
    value: str
    """The parameter that is written; empty where the key is read."""


class StoreSteps:
    """Answers which functions do one step; use `analysis.once(StoreSteps)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis

    @lazily
    def _by_name(self) -> dict[str, list[StoreStep]]:
        found: dict[str, list[StoreStep]] = {}
        named = self._analysis.program.calls_named
        for scope, index in (site for name in sorted(ASKING | SETTING) for site in named.get(name, ())):
            if scope.facts.blocks or not scope.facts.parameters or scope.module.in_tests:
                continue
            call = scope.facts.calls[index]
            if call.callee[0] == "attribute" and call.arguments and (step := self._step(call, scope)) is not None:
                found.setdefault(scope.name, []).append(step)
        return found

    def _step(self, call: CallSite, scope: FunctionSymbol) -> StoreStep | None:
        value, asks = call.arguments[-1], call.callee[2] in ASKING
        if asks:
            if len(call.arguments) != 1 or not _is_returned(call, scope):
                return None
        elif value[0] != "name" or value[1] not in scope.parameters or dict(call.keywords).keys() & {"nx", "xx"}:
            return None
        if any(last_name(each.callee) in AT_ONCE for each in scope.facts.calls):
            return None
        if not is_store(call.callee[1], scope, self._analysis.program, STORES):
            return None
        return StoreStep(scope, self._key(call.arguments[0], scope, {}, FURTHEST), "" if asks else value[1])

    def _key(self, key: Expression, scope: FunctionSymbol, given: dict[str, Expression], depth: int) -> Expression:
        """A key with what it is made of: no local names, and no calls of functions that only make it."""
        match key:
            case ("name", str(name)) if name in scope.parameters:
                return given.get(name, ("given", name))
            case ("name", str(name)):
                made = scope.assigned.get(name, ())
                return self._key(made[0].value, scope, given, depth) if len(made) == 1 and made[0].how == "=" else key
            case ("formatted", parts):
                return ("formatted", tuple(self._key(each, scope, given, depth) for each in parts))
            case ("operator", sign, one, other):
                return ("operator", sign, self._key(one, scope, given, depth), self._key(other, scope, given, depth))
            case ("call", int(index)) if depth:
                call = scope.facts.calls[index]
                match self._analysis.receivers.value(call.callee, scope):
                    case Routine(function=function, bound=bound) if len(function.facts.returned) == 1:
                        shift = 1 if bound and function.owner is not None else 0
                        passed = {name: self._key(value, scope, given, depth) for name, value in pairs(call, function, shift)}
                        return self._key(function.facts.returned[0].value, function, passed, depth - 1)
                return ("call", call.callee, tuple(self._key(each, scope, given, depth) for each in call.given))
        return key

    def of(self, call: CallSite, scope: FunctionSymbol) -> tuple[StoreStep, Expression, Expression] | None:
        """The step that a call does, the key with what it passes, and what it has written, if anything."""
        for step in self._by_name.get(last_name(call.callee) or "", ()):
            match self._analysis.receivers.value(call.callee, scope):
                case Routine(function=function, bound=bound) if function is step.function:
                    given = dict(pairs(call, function, 1 if bound and function.owner is not None else 0))
                    return step, _filled(step.key, given), given.get(step.value, NOTHING)
        return None

    @lazily
    def names(self) -> frozenset[str]:
        """How such functions are called."""
        return frozenset(self._by_name)

    @lazily
    def callers(self) -> frozenset[FunctionSymbol]:
        """Who calls something of such a name."""
        named = self._analysis.program.calls_named
        return frozenset(scope for name in self._by_name for scope, _ in named.get(name, ()))


class TwoStoreSteps(NamedTuple):
    """A key is looked at by one call and written by another."""

    call: CallSite
    looked: CallSite
    free: bool
    """It was seen to be free, and not counted."""


def in_two_calls(scope: FunctionSymbol, analysis: Analysis) -> Iterator[TwoStoreSteps]:
    """A key that one call reads is written by another, as if it had stayed what it was."""
    steps = analysis.once(StoreSteps)
    if scope not in steps.callers:
        return
    calls = [(index, call) for index, call in enumerate(scope.facts.calls) if last_name(call.callee) in steps.names]
    if len(calls) < 2 or any(last_name(call.callee) in AT_ONCE for call in scope.facts.calls):
        return
    done = [(index, call, found) for index, call in calls if (found := steps.of(call, scope)) is not None]
    for _, call, (step, key, value) in done:
        for index, asked, (asking, asked_key, _) in done:
            if (
                not step.value
                or asking.value
                or asked.line >= call.line
                or asked_key != key
                or _home(step) is not _home(asking)
            ):
                continue
            names = {
                each.target
                for each in scope.facts.assignments
                if each.how == "=" and each.target[0] == "name" and _is_read(each.value, index, scope)
            }
            if _is_sum_of(value, names, scope, call.line):
                yield TwoStoreSteps(call, asked, free=False)
            elif _is_refused(value, names, asked.line, call.line, scope):
                yield TwoStoreSteps(call, asked, free=True)


def _home(step: StoreStep) -> ClassSymbol | ModuleSymbol:
    return step.function.owner or step.function.module


def _filled(key: Expression, given: dict[str, Expression]) -> Expression:
    """The key with what a call passes for each parameter."""
    if key[0] == "given":
        return given.get(key[1], key)
    return tuple(
        _filled(part, given)
        if isinstance(part, tuple) and part and isinstance(part[0], str)
        else tuple(_filled(each, given) if isinstance(each, tuple) and each else each for each in part)
        if isinstance(part, tuple)
        else part
        for part in key
    )


def _is_returned(call: CallSite, scope: FunctionSymbol) -> bool:
    """What lies there is what the function gives: `return int(await self.redis.get(key) or 0)`."""
    given = [each.value for each in scope.facts.returned]
    return len(given) == 1 and any(part[0] == "call" and scope.facts.calls[part[1]] is call for part in within(given[0], scope))


def _is_read(value: Expression, index: int, scope: FunctionSymbol) -> bool:
    """`await steps.left(show)`, and what `int` makes of it."""
    value = value[1] if value[0] == "await" else value
    if value == ("call", index):
        return True
    if value[0] == "call" and last_name(scope.facts.calls[value[1]].callee) in READING:
        return any(_is_read(each, index, scope) for each in scope.facts.calls[value[1]].arguments)
    return value[0] == "choice" and any(_is_read(each, index, scope) for each in value[1])


def _is_sum_of(value: Expression, names: set[Expression], scope: FunctionSymbol, line: int) -> bool:
    """`left - count`, also under a name of its own."""
    if value[0] == "name" and value[1] not in scope.parameters:
        above = [each for each in scope.assigned.get(value[1], ()) if each.line <= line]
        if above and above[-1].how == "augmented":
            return value in names
        value = above[-1].value if above and above[-1].how == "=" else value
    return value[0] == "operator" and not names.isdisjoint(value[2:])


def _is_refused(value: Expression, names: set[Expression], after: int, before: int, scope: FunctionSymbol) -> bool:
    """Whoever comes when somebody is there is sent away, unless it is the one who is written there now."""
    for block in scope.facts.blocks:
        if block.what != "if" or not after <= block.head <= block.end_line < before or not sends_away_at(scope, block):
            continue
        tests = [part for test in block.expressions for part in (test[1] if test[0] == "choice" else (test,))]
        raised = any(block.line <= line <= block.end_line for line in scope.facts.raises)
        for test in tests:
            if raised and (test in names or any(test == ("compare", (name, NOTHING), ("IsNot",)) for name in names)):
                return True
            sides = {part for side in test[1] for part in within(side, scope)} if test[0] == "compare" else set()
            if not names.isdisjoint(sides) and value in sides and {"NotEq", "NotIn"} & {*test[2]}:
                return True
    return False
