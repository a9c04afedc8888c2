"""What is chosen in a shared list, given to somebody over an `await`, and only then taken out: the next one chooses the same.

prize = prizes[-1]
await grant(user, prize)
prizes.remove(prize)  # two have been granted it, and for the second it is not in the list any more
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, Assignment, Expression, last_name
from netra.guard.requests.serving import Serving
from netra.guard.requests.sharing import Sharing
from netra.guard.requests.slots import Slot
from netra.guard.symbols import FunctionSymbol

# What is given a list and gives one of it.
CHOOSING: Final = frozenset("choice min max next".split())
# What takes out the one that it is given, and what takes out one at an end, or at a place.
TAKING: Final = frozenset({"remove", "discard"})
AT_AN_END: Final = frozenset({"pop", "popleft"})
INTEGER: Final = ("constant", "int")


class Peeked(NamedTuple):
    """One of a shared list is chosen on one line and taken out on another."""

    slot: Slot
    looked: int
    line: int
    column: int
    end_line: int


def peeked(scope: FunctionSymbol, analysis: Analysis) -> Iterator[Peeked]:
    """Every such line of a function that surely answers somebody."""
    chosen = [each for each in scope.facts.assignments if each.how == "=" and each.target[0] == "name"]
    if scope.facts.sort != ASYNC or not chosen or not analysis.once(Serving).surely(scope):
        return
    sharing = analysis.once(Sharing)
    for each in chosen:
        place = _chosen_of(each.value, scope)
        slot = sharing.slot(place, scope) if place is not None and place[0] in ("name", "attribute") else None
        if slot is None or place is None or len(scope.assigned[each.target[1]]) != 1:
            continue
        for taken, line, column, end_line in _takings(place, each, scope):
            if taken and line > each.line:
                yield Peeked(slot, each.line, line, column, end_line)
                break


def _chosen_of(value: Expression, scope: FunctionSymbol) -> Expression | None:
    """The list: of `waiting[0]`, `random.choice(waiting)`, `next(iter(waiting))`."""
    match value:
        case ("subscript", tuple(place), key) if key == INTEGER:
            return place
        case ("call", int(index)):
            call = scope.facts.calls[index]
            name = last_name(call.callee)
            if name not in CHOOSING or len(call.arguments) != 1:
                return None
            given = call.arguments[0]
            if name != "next":
                return given if given[0] in ("name", "attribute") else None
            if given[0] == "call" and scope.facts.calls[given[1]].callee == ("name", "iter"):
                return next(iter(scope.facts.calls[given[1]].arguments), None)
    return None


def _takings(place: Expression, chosen: Assignment, scope: FunctionSymbol) -> Iterator[tuple[bool, int, int, int]]:
    """Each call or `del` that takes something out of the list: whether it is what was chosen, and where."""
    whole = chosen.value[0] == "subscript"
    for call in scope.facts.calls:
        if call.callee[:2] == ("attribute", place) and call.callee[2] in TAKING:
            yield call.arguments == (chosen.target,), call.line, call.column, call.end_line
        elif call.callee[:2] == ("attribute", place) and call.callee[2] in AT_AN_END and whole:
            dropped = call.where == ("statement",)
            yield dropped and call.arguments in ((), (INTEGER,)), call.line, call.column, call.end_line
    for each in scope.facts.assignments:
        if each.how == "delete" and each.target == ("subscript", place, INTEGER) and whole:
            yield True, each.line, each.column, each.line
