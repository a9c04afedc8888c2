"""A touch of the environment as a rule reports it."""

from typing import Final

from netra.guard.accessor import Accessor
from netra.guard.analysis import Analysis
from netra.guard.environment import Access, Owners, Touch, accesses
from netra.guard.facts import BODY, TOP
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.symbols import ModuleSymbol
from netra.guard.values import Step

# Of so many readers a finding tells.
MOST_READERS: Final = 2


def of_access(analysis: Analysis, access: Access, owners: Owners, message: str) -> Sighting:
    """The sighting, with the owner as its proof; it is certain when somebody has named the owner."""
    module = next(iter(owners.modules), None)
    how = "by the configuration" if owners.configured else "as most settings are read there"
    why = () if module is None else (Step(module.path, 1, f"`{module.name}` owns the environment, {how}"),)
    mend = analysis.once(Accessor).mend(access) if access.touch is Touch.READ else None
    return Sighting(
        access.scope,
        access.line,
        access.column,
        access.end_line,
        message,
        why,
        mend or Mend(f"read it in `{owners.named}` and hand the value on"),
        CERTAIN if owners.configured else LIKELY,
    )


def past_owner(access: Access, owner: ModuleSymbol, message: str, confidence: str = LIKELY) -> Sighting:
    """The sighting in a program that holds nearly all its settings in one place, or in few."""
    why = (Step(owner.path, 1, f"`{owner.name}` is where the program holds its settings"),)
    mend = Mend(f"leave it to `{owner.name}` and hand the value on")
    return Sighting(access.scope, access.line, access.column, access.end_line, message, why, mend, confidence)


def readers(analysis: Analysis, written: Access) -> tuple[Step, ...]:
    """Where the program reads what is written in another place, first what whoever is served next gets to."""
    found = analysis.once(_by_variable).get(written.variable, ()) if written.variable else ()
    others = [each for each in found if each.scope is not written.scope]
    serving = [each for each in others if any(entry.serves for entry in analysis.reach.routes_to(each.scope))]
    served = [Step(each.module.path, each.line, "read here, for whoever is served then") for each in serving]
    read = [Step(each.module.path, each.line, "read here") for each in others if each not in serving]
    return tuple([*served, *read][:MOST_READERS])


def _by_variable(analysis: Analysis) -> dict[str, list[Access]]:
    """The reads of each variable in functions."""
    found: dict[str, list[Access]] = {}
    for each in analysis.once(accesses):
        if each.touch is Touch.READ and not each.module.in_tests and each.scope.facts.sort not in (TOP, BODY):
            found.setdefault(each.variable, []).append(each)
    return found
