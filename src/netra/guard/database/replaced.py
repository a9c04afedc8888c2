"""Sessions that a method puts in the place of the last one, each time it is called, and that nobody of the class closes.

def process(self, batch):
    self.session = self.factory()
"""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.database.connections import SESSIONS, Connections, Opening
from netra.guard.facts import SELF, Expression
from netra.guard.symbols import FunctionSymbol

ENDING: Final = frozenset({"close", "aclose", "remove", "close_all", "__exit__", "__aexit__"})
# Methods that are called once for each object.
ONCE: Final = frozenset(
    "__init__ __enter__ __aenter__ __post_init__ setup setUp set_up open connect start startup init".split()
)


def replaced(analysis: Analysis) -> Iterator[tuple[Opening, str]]:
    """Every opening of such a session, with the attribute."""
    for opening in analysis.once(Connections).openings:
        where = opening.call.where[1] if opening.call.where[0] == "await" else opening.call.where
        if opening.library not in SESSIONS or where[0] != "assign" or opening.scope.name in ONCE:
            continue
        match where[1]:
            case ("attribute", inner, str(name)) if inner == SELF and opening.scope.owner is not None:
                if not _is_under_a_test(opening) and not _is_ended(where[1], opening.scope, analysis):
                    yield opening, name


def _is_under_a_test(opening: Opening) -> bool:
    """`if self.session is None`: it is made once."""
    lines = ((each.line, each.end_line) for each in opening.scope.facts.blocks if each.what in ("if", "else"))
    return any(first <= opening.call.line <= last for first, last in lines)


def _is_ended(place: Expression, scope: FunctionSymbol, analysis: Analysis) -> bool:
    """A method closes what lies there, enters it, or hands it to somebody who may."""
    assert scope.owner is not None
    family = [*analysis.program.order(scope.owner)[0], *analysis.program.subclasses.get(scope.owner, ())]
    for method in (each for kind in family for several in kind.methods.values() for each in several):
        for call in method.facts.calls:
            if call.callee[0] == "attribute" and call.callee[1] == place and call.callee[2] in ENDING:
                return True
            if place in call.given:
                return True
        values = [each.value for each in method.facts.assignments] + [each.value for each in method.facts.returned]
        if place in values:
            return True
    return False
