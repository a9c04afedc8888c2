"""What left while the program still uses it, each with the place it went to, if it went anywhere: one for each change."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.revisions.comparison import Comparison, Named, comparison, names_of
from netra.guard.revisions.leftovers import Leftover, leftovers
from netra.guard.revisions.likeness import Places, places
from netra.guard.symbols import ClassSymbol, FunctionSymbol, ModuleSymbol
from netra.guard.values import Step

# So many places are named; of the others only the number.
MOST_PLACES: Final = 20


@dataclass(frozen=True, slots=True)
class Removal:
    """One name that is gone, the places that still use it, and what stands in its stead."""

    gone: Named
    left: tuple[Leftover, ...]
    place: Named | None
    revision: str

    @property
    def steps(self) -> tuple[Step, ...]:
        return steps((each.scope.module.path, each.line, f"this still {each.how}") for each in self.left)


def departures(analysis: Analysis) -> tuple[Removal, ...]:
    """Every name that is gone and still used, once. What went together with its module is one with it."""
    compared = analysis.once(comparison)
    if compared is None or analysis.past is None:
        return ()
    where = analysis.once(places)
    left: dict[tuple[str, str], tuple[Named, Named | None, list[Leftover]]] = {}
    for name, found in analysis.once(leftovers).items():
        for each in found:
            gone, place = _change(compared, where, compared.gone[name], each)
            key = (gone.full_name, place.full_name if place else "")
            left.setdefault(key, (gone, place, []))[2].append(each)
    return tuple(
        Removal(gone, tuple(sorted(_apart(found), key=_order)), place, analysis.past.named)
        for gone, place, found in left.values()
    )


def _apart(found: Iterable[Leftover]) -> list[Leftover]:
    """One for each line: an import of five names of a module that is gone is one place."""
    return list({(each.scope.module.path, each.line): each for each in reversed(list(found))}.values())


def _change(compared: Comparison, where: Places, gone: Named, left: Leftover) -> tuple[Named, Named | None]:
    """The change that a place suffers from: of the module, or of the one name that is used of it."""
    if gone.what != "module":
        return gone, where.of(gone)
    if (place := where.of(gone)) is not None:
        return gone, place
    if left.inner:
        inside = next((each for each in names_of(compared.then, gone.module) if each.name == left.inner), None)
        if inside is not None and (place := where.of(inside)) is not None:
            return inside, place
    return compared.outermost(gone), None


def _order(left: Leftover) -> tuple[str, int, int]:
    return left.scope.module.path, left.line, left.column


def described(each: Named) -> str:
    """A name as a sentence begins with it."""
    what = "package" if each.what == "module" and each.module.package else "name" if each.what == "import" else each.what
    return f"the {what} `{each.full_name}`"


def used(left: Iterable[object]) -> str:
    """How many places still use it, as a sentence ends."""
    number = len(list(left))
    return "one place still uses it" if number == 1 else f"{number} places still use it"


def steps(places: Iterable[tuple[str, int, str]]) -> tuple[Step, ...]:
    """Places as a chain, not more of them than somebody reads."""
    found = [Step(*each) for each in dict.fromkeys(places)]
    more = len(found) - MOST_PLACES
    return (*found[:MOST_PLACES], Step("", 0, f"and {more} more places")) if more > 0 else tuple(found)


def scope_of(each: Named) -> FunctionSymbol:
    """The scope at whose head a name of today stands."""
    match each.symbol:
        case FunctionSymbol() as function:
            return function
        case ClassSymbol() as kind:
            return kind.body
        case ModuleSymbol() as module:
            return module.top
    return each.owner.body if each.owner is not None else each.module.top
