"""Who keeps the settings of a program by custom, and who passes such a keeper by although it has it at hand.

A module or package called `config`, `settings`, `env` or the like that reads the environment, or has a class of settings, and
that several modules of the program import, is where the program's settings are meant to be. It need not hold nearly all of
them. A module of the server that itself imports it, and yet reads a setting of the program from the environment, knew where to
ask. So does one that cannot run without the keeper, when the variable begins as those that the keeper asks for.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.environment import OF_THE_MACHINE, OWNING, Access, Touch, accesses, is_edge
from netra.guard.importing import ImportOrder
from netra.guard.lazily import lazily
from netra.guard.lookups import beginning_of, key_of, lookups
from netra.guard.ownership import ClearOwners, imports_what_it_reads_with
from netra.guard.program import ModuleSymbol
from netra.guard.settings import (
    OF_LIBRARIES,
    Bypass,
    HeldSettings,
    is_fallback,
    is_handed_on,
    is_override,
    place_of,
    top_of,
)

# So many modules that import a keeper make it one.
SEVERAL: Final = 3

# A word that so many variables of a keeper begin with is the program's own.
MANY: Final = 3


# What opens something for whoever has it.
SECRET: Final = re.compile(r"(?:^|_)(?:SECRET|KEY|TOKEN|PASSWORD|PASSWD|DSN|CREDENTIALS)(?:$|_)|DATABASE_URL|DB_URL")


@dataclass(frozen=True, slots=True)
class Keeper:
    """A module or package of settings. `variables`: what it asks the environment for."""

    place: ModuleSymbol
    modules: tuple[ModuleSymbol, ...]
    variables: frozenset[str]
    words: frozenset[str]
    """What the program's own variables begin with: `APP` of `APP_LIMIT`."""
    fills: bool
    """It loads a file of variables into the environment itself."""

    @property
    def secrets(self) -> bool:
        """It asks for what nobody else may see."""
        return any(SECRET.search(each) for each in self.variables)


class Keepers:
    """The keepers of all programs, and who has which at hand."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._held = analysis.once(HeldSettings)
        self._clear = analysis.once(ClearOwners)
        self._order = analysis.once(ImportOrder)

    def bypasses(self) -> Iterator[Bypass]:
        """Every read of a setting past a keeper that was at hand, beyond doubt."""
        for access in self._held.reads:
            if (keeper := self.passed(access)) is not None:
                settings = (each for each in self._held.by_variable.get(access.variable, ()) if each.module in keeper.modules)
                yield Bypass(access, keeper.place, next(settings, None))

    def passed(self, access: Access) -> Keeper | None:
        """The keeper that a read passes by."""
        if access.mention.where[0] == "compare" or is_fallback(access) or is_handed_on(access):
            return None
        if imports_what_it_reads_with(access) or access.variable in self._held.written:
            return None
        held = self._held.by_variable.get(access.variable, ())
        if any(is_override(access, each) for each in held if each.name):
            return None
        keeper = self.at_hand(access)
        return keeper if keeper is not None and self.is_of_program(access.variable, keeper) else None

    def at_hand(self, access: Access) -> Keeper | None:
        """The keeper that a module of a server could have asked: one that it imports itself, or cannot run without."""
        if is_edge(access.module) or self._held.holds(access.module) or self._clear.is_of_a_script(access):
            return None
        if access.module.name == top_of(access.module):
            return None  # the top package is there before its settings
        served = self._clear.is_served(access)
        for keeper in self.of(access.module):
            own = self.begins_as_own(access, keeper)
            if (served or own) and self.is_imported(access.module, keeper, indirectly=own):
                return keeper
        return None

    def of(self, module: ModuleSymbol) -> Iterator[Keeper]:
        """The keepers of the program that a module is of, those left out of which it is one; the program serves somebody."""
        if top_of(module) in self._held.serving:
            yield from (each for each in self._of_tops.get(top_of(module), ()) if place_of(module) != each.place.name)

    def is_imported(self, module: ModuleSymbol, keeper: Keeper, *, indirectly: bool = False) -> bool:
        """A module imports a keeper at its top, and the keeper does not need the module."""
        asked = self._order.asks(module, keeper.place, at_once=True)
        if not asked and indirectly:
            asked = any(self._clear.can_ask(module, each) for each in keeper.modules)
        return asked and module not in self._needed(keeper)

    def begins_as_own(self, access: Access, keeper: Keeper) -> bool:
        """The variable, or as much of its name as stands there, begins as the program's own do."""
        begins = access.variable or beginning_of(self._analysis, key_of(access), access.scope)
        word, line, _ = begins.partition("_")
        return bool(line) and word in keeper.words

    def is_of_program(self, variable: str, keeper: Keeper) -> bool:
        """The keeper holds it, or it begins as the program's own, or nothing else is known that it might belong to."""
        if OF_LIBRARIES.fullmatch(variable):
            return False
        own = variable in keeper.variables or variable.partition("_")[0] in keeper.words
        return own or self._held.is_own(variable)

    def _needed(self, keeper: Keeper) -> frozenset[ModuleSymbol]:
        """What the keeper itself imports: it could not ask without a circle."""
        return frozenset().union(*map(self._before, keeper.modules))

    def _before(self, module: ModuleSymbol) -> frozenset[ModuleSymbol]:
        if module not in self._befores:
            self._befores[module] = self._order.before(module)
        return self._befores[module]

    @lazily
    def _befores(self) -> dict[ModuleSymbol, frozenset[ModuleSymbol]]:
        return {}

    # --- who they are ----------------------------------------------------------------------------------------------------

    @lazily
    def _of_tops(self) -> dict[str, list[Keeper]]:
        """The keepers of each top package, the most imported first."""
        places: dict[str, dict[ModuleSymbol, set[str]]] = {}
        fills: set[str] = set()
        for access in (*self._analysis.once(accesses), *self._analysis.once(lookups)):
            module = access.module
            if module.in_tests or OWNING.isdisjoint(module.name.split(".")):
                continue
            if access.touch is Touch.READ:
                places.setdefault(place_of(module), {}).setdefault(module, set()).add(access.variable)
            elif access.touch is Touch.LOAD or (access.touch is Touch.WRITE and not access.variable):
                fills.add(place_of(module))
        for variable, settings in self._held.by_variable.items():
            for each in settings:
                if each.annotation is not None and not OWNING.isdisjoint(each.module.name.split(".")):
                    places.setdefault(place_of(each.module), {}).setdefault(each.module, set()).add(variable)
        importers = self._importers()
        found: dict[str, list[Keeper]] = {}
        for name, modules in sorted(places.items(), key=lambda each: -len(importers.get(each[0], ()))):
            place = self._analysis.program.modules.get(name)
            if place is not None and len(importers.get(name, ())) >= SEVERAL:
                variables = frozenset().union(*modules.values()) - {""}
                keeper = Keeper(place, tuple(modules), variables, _words(variables, top_of(place)), name in fills)
                found.setdefault(top_of(place), []).append(keeper)
        return {top: keepers for top, keepers in found.items() if self._is_custom(top, keepers)}

    def _is_custom(self, top: str, keepers: list[Keeper]) -> bool:
        """The keepers ask for at least as many variables as all other modules do; else it is no custom to leave it to them."""
        kept = frozenset().union(*(each.variables for each in keepers))
        places = {each.place.name for each in keepers}
        elsewhere = {
            access.variable
            for access in self._held.reads
            if top_of(access.module) == top and place_of(access.module) not in places
        }
        own = {each for each in elsewhere if not OF_THE_MACHINE.fullmatch(each) and not OF_LIBRARIES.fullmatch(each)}
        return len(kept) >= len(own - kept)

    def _importers(self) -> dict[str, set[ModuleSymbol]]:
        """The modules that import something of each place, those of the package that the place is in left out.

        The settings of one part of a program, of which the rest knows nothing, are not the program's.
        """
        found: dict[str, set[ModuleSymbol]] = {}
        for module in self._analysis.modules:
            if module.in_tests or is_edge(module):
                continue
            for each in self._order.named(module):
                if not OWNING.isdisjoint(each.name.split(".")) and top_of(each) == top_of(module):
                    place = place_of(each)
                    part = place.rpartition(".")[0]
                    inside = "." in part and f"{module.name}.".startswith(f"{part}.")
                    if place != place_of(module) and not inside:
                        found.setdefault(place, set()).add(module)
        return found


def _words(variables: frozenset[str], top: str) -> frozenset[str]:
    """First words of variables that are the program's own: called as its package, or shared by half of what is asked for."""
    counts = Counter(each.partition("_")[0] for each in variables if "_" in each)
    own = top.replace("_", "").upper()
    return frozenset(word for word, count in counts.items() if word == own or (count >= MANY and 2 * count >= len(variables)))
