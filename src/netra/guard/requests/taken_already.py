"""Tests that find something taken already: `if not self._is_free(seat): return False`, `if held.get(seat) is not None: raise`.

Beside `seat in held` these are the ways to ask whether there is an entry: what is got under the key is there or is None, at
once, by a local name, or in a function of the program that is told the key and does no more than answer.
"""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.facts import PLAIN, Expression
from netra.guard.meaning.expressions import within
from netra.guard.requests.sharing import Sharing
from netra.guard.requests.slots import Slot
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine


class TakenAlready:
    """Answers whether who passes a test has found an entry under a key."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._sharing = analysis.once(Sharing)

    def found_by(self, test: Expression, slot: Slot, key: Expression | None, scope: FunctionSymbol) -> bool:
        """Who passes the test has found that something lies under the key."""
        return key is not None and True in self._said(test, slot, key, scope)

    def _said(
        self, test: Expression, slot: Slot, key: Expression, scope: FunctionSymbol, asked: tuple[FunctionSymbol, ...] = ()
    ) -> Iterator[bool]:
        """True for each part of a test that holds where there is an entry, False for each that holds where there is none.

        A function that is asked by way of what it answers itself adds nothing.
        """
        match test:
            case ("not", inner):
                yield from (not each for each in self._said(inner, slot, key, scope, asked))
            case ("choice", parts):
                for part in parts:
                    yield from self._said(part, slot, key, scope, asked)
            case ("compare", (entry, ("none",)), ("Is" | "IsNot" | "Eq" | "NotEq" as operator,)):
                if self._is_entry(entry, slot, key, scope):
                    yield operator in ("IsNot", "NotEq")
            case ("compare", (looked, place), ("In" | "NotIn" as operator,)):
                if looked == key and self._is_place(place, slot, scope):
                    yield operator == "In"
            case ("name" | "call", _):
                if self._is_entry(test, slot, key, scope):
                    yield True
                elif test[0] == "call":
                    yield from self._answered(test[1], slot, key, scope, asked)

    def _answered(
        self, index: int, slot: Slot, key: Expression, scope: FunctionSymbol, asked: tuple[FunctionSymbol, ...]
    ) -> Iterator[bool]:
        """What a function says that is told the key, by what it returns."""
        call = scope.facts.calls[index]
        match self._analysis.receivers.value(call.callee, scope) if key in call.arguments else None:
            case Routine(function=function) if not function.module.library and function.facts.sort == PLAIN:
                names = [each.name for each in function.facts.parameters if each.name not in ("self", "cls")]
                number = call.arguments.index(key)
                if number < len(names) and function not in asked:
                    for each in function.facts.returned:
                        yield from self._said(each.value, slot, ("name", names[number]), function, (*asked, function))

    def _is_entry(self, value: Expression, slot: Slot, key: Expression, scope: FunctionSymbol) -> bool:
        """`held.get(key)`, or a local name for it."""
        if value[0] == "name":
            given = scope.assigned.get(value[1], ())
            return len(given) == 1 and given[0].value[0] == "call" and self._is_entry(given[0].value, slot, key, scope)
        if value[0] != "call":
            return False
        call = scope.facts.calls[value[1]]
        asked = call.callee[0] == "attribute" and call.callee[2] == "get" and call.arguments in ((key,), (key, ("none",)))
        return asked and self._is_place(call.callee[1], slot, scope)

    def _is_place(self, place: Expression, slot: Slot, scope: FunctionSymbol) -> bool:
        parts = (part for part in within(place, scope) if part[0] in ("name", "attribute", "subscript"))
        return any((found := self._sharing.slot(part, scope)) is not None and found.key == slot.key for part in parts)
