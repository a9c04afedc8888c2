"""What a program puts on the request for whoever answers it: `g.db = Session()`, `request.state.people = People(session)`.

Who answers finds it there by the same name, and nothing else says of which class it is.
"""

from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, PLAIN, Expression, last_name
from netra.guard.lazily import lazily
from netra.guard.requests.words import CARRIERS
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import CoroutineOf, Instance

# What a request keeps for its handlers, by the frameworks' names.
KEEPING: Final = frozenset("state ctx context".split())
# How a function calls what it puts something on.
HOLDERS: Final = CARRIERS | {"g"}


class OnRequest:
    """Answers of which class is what lies on a request; use `analysis.once(OnRequest)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis

    def kind(self, expression: Expression) -> ClassSymbol | None:
        """The one class of all that is put there under a name; None where it may be of several, or of none that is known."""
        place = _place(expression)
        return None if place is None else self._kinds.get(place)

    @lazily
    def _kinds(self) -> dict[tuple[str, str], ClassSymbol | None]:
        found: dict[tuple[str, str], ClassSymbol | None] = {}
        for scope in self._analysis.scopes:
            if scope.facts.sort not in (PLAIN, ASYNC) or scope.module.in_tests or HOLDERS.isdisjoint(scope.facts.loads):
                continue
            for each in scope.facts.assignments:
                if each.how not in ("=", "annotated", "with", "with async") or each.target[0] not in ("attribute", "subscript"):
                    continue
                if each.value[0] != "none" and (place := _place(each.target)) is not None:
                    kind = self._kind_of(each.value, scope)
                    found[place] = kind if found.get(place, kind) is kind else None
        return found

    def _kind_of(self, value: Expression, scope: FunctionSymbol) -> ClassSymbol | None:
        match self._analysis.receivers.value(value, scope):
            case Instance(kind=kind) | CoroutineOf(result=Instance(kind=kind)):
                return kind
        return None


def _place(expression: Expression) -> tuple[str, str] | None:
    match expression:
        case ("attribute", ("name", "g"), str(name)):
            return "g", name
        case ("attribute", ("attribute", inner, str(kept)), str(name)) if kept in KEEPING and last_name(inner) in CARRIERS:
            return kept, name
        case ("attribute", ("name", str(request)), str(name)) if request in CARRIERS:
            return "request", name
        case ("subscript", ("name", str(request)), ("string", str(name)) | str(name)) if request in CARRIERS:
            return "item", name
    return None
