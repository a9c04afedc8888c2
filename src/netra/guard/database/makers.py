"""What functions of the program make of what they are given: `self.people = self.repository("people")`.

Of a maker is known which class it makes an object of, and with which of the caller's own values, as far as its single `return`
says so: a class, another maker, or an entry of a table of classes that the caller names by its key.

    REPOSITORIES = {"people": People, "rooms": Rooms}


    def make(kind, session):
        return REPOSITORIES[kind](session)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import PLAIN, TOP, Expression
from netra.guard.meaning.parameters import parameter_given
from netra.guard.symbols import ClassSymbol, FunctionSymbol, VariableSymbol
from netra.guard.values import Routine, TypeOf

# Makers that leave it to other makers.
FURTHEST: Final = 3


@dataclass(frozen=True, slots=True)
class Made:
    """An object of a class, with what its constructor is given, as the caller calls it; None for what the maker adds."""

    kind: ClassSymbol
    given: tuple[tuple[int | str, Expression | None], ...]


class Makers:
    """Answers what calls of makers make."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._known: dict[tuple[FunctionSymbol, int], Made | None] = {}

    def made(self, index: int, scope: FunctionSymbol) -> Made | None:
        """What a call makes an object of, itself or through makers."""
        key = (scope, index)
        if key not in self._known:
            self._known[key] = None  # what a maker that calls itself finds
            self._known[key] = self._made(index, scope, None, FURTHEST)
        return self._known[key]

    def _made(self, index: int, scope: FunctionSymbol, handed: Mapping[str, Expression] | None, depth: int) -> Made | None:
        """`handed`: what the parameters of the scope are for who called it; None where that is the scope itself."""
        call = scope.facts.calls[index]
        given = call.placed
        known = [(position, value if handed is None else _meant(value, handed)) for position, value in given]
        match self._analysis.receivers.value(call.callee, scope):
            case TypeOf(kind=kind) if not kind.module.library:
                return Made(kind, tuple(known))
            case Routine(function=function, bound=bound) if not function.module.library and depth:
                facts = function.facts
                if facts.sort != PLAIN or facts.yields or facts.decorators or len(facts.returned) != 1 or facts.falls:
                    return None
                if facts.returned[0].value[0] != "call":
                    return None
                below: dict[str, Expression] = {}
                for position, value in known:
                    name = parameter_given(function, position, bound=bound)
                    if name is not None and value is not None and not function.assigned.get(name):
                        below[name] = value
                if call.callee[0] == "attribute" and bound and function.owner is not None:
                    receiver = call.callee[1] if handed is None else _meant(call.callee[1], handed)
                    if receiver is not None:
                        below["self"] = receiver
                return self._made(facts.returned[0].value[1], function, below, depth - 1)
            case None if call.callee[0] == "subscript":
                named = call.callee[2] if handed is None else _meant(call.callee[2], handed)
                kind_of_entry = self._entry(call.callee[1], named, scope)
                return None if kind_of_entry is None else Made(kind_of_entry, tuple(known))
        return None

    def _entry(self, table: Expression, key: Expression | None, scope: FunctionSymbol) -> ClassSymbol | None:
        """The class that lies under a key in a table that is written down, and that nothing is put into."""
        match self._analysis.program.evaluate(table, scope):
            case VariableSymbol(scope=at, name=name) if at.facts.sort == TOP:
                assigned = at.assigned.get(name, ())
            case _:
                return None
        if len(assigned) != 1 or assigned[0].value[0] != "dict" or key is None or key[0] != "string":
            return None
        for each, value in assigned[0].value[1]:
            if each == key:
                match self._analysis.program.evaluate(value, at):
                    case ClassSymbol() as kind if not kind.module.library:
                        return kind
        return None


def _meant(value: Expression, handed: Mapping[str, Expression]) -> Expression | None:
    """What a value of a maker is for its caller: a parameter, an attribute of one, or a text."""
    match value:
        case ("string", _):
            return value
        case ("name", str(name)):
            return handed.get(name)
        case ("attribute", inner, str(name)):
            owner = _meant(inner, handed)
            return None if owner is None else ("attribute", owner, name)
    return None
