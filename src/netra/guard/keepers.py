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
from netra.guard.environment import OF_THE_MACHINE, OWNING, Access, Touch, accesses, is_edge, serving_reads, written_variables
from netra.guard.holdings import Bypass, Holdings
from netra.guard.importing import ImportOrder
from netra.guard.lazily import lazily
from netra.guard.lookups import beginning_of, key_of, lookups
from netra.guard.ownership import ClearOwners, imports_what_it_reads_with
from netra.guard.settings import HeldSettings, asks_only_whether, is_fallback, is_handed_on, is_override, place_of, top_of
from netra.guard.symbols import ModuleSymbol
from netra.guard.variables import OF_LIBRARIES, VariableNames

# So many modules that import a keeper make it one.
SEVERAL: Final = 3

# A word that so many variables of a keeper begin with is the program's own.
MANY: Final = 3

# Parts of a program that are there for all others: what is kept in them is kept for the whole.
FOR_ALL: Final = frozenset(
    "core common shared base app infra infrastructure internal lib util utils src backend server".split()
)

# What opens something for whoever has it.
SECRET: Final = re.compile(r"(?:^|_)(?:SECRET|KEY|TOKEN|PASSWORD|PASSWD|DSN|CREDENTIALS)(?:$|_)|DATABASE_URL|DB_URL")


@dataclass(frozen=True, slots=True)
class Keeper:
    """A module or package of settings. `variables`: what it asks the environment for."""

    place: ModuleSymbol
    part: str
    """The package whose settings it keeps."""
    modules: tuple[ModuleSymbol, ...]
    variables: frozenset[str]
    words: frozenset[str]
    """What the program's own variables begin with: `APP` of `APP_LIMIT`."""
    fills: bool
    """It puts variables into the environment itself."""
    loads: bool
    """It does so with `load_dotenv`."""

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
        for access in self._analysis.once(serving_reads):
            if (keeper := self.passed(access)) is not None:
                settings = (each for each in self._held.by_variable.get(access.variable, ()) if each.module in keeper.modules)
                yield Bypass(access, keeper.place, next(settings, None))

    def passed(self, access: Access) -> Keeper | None:
        """The keeper that a read passes by."""
        if access.mention.where[0] == "compare" or access.variable in self._analysis.once(written_variables):
            return None
        keeper = self.at_hand(access)
        if keeper is None or not self.is_of_program(access.variable, keeper) or imports_what_it_reads_with(access):
            return None
        if is_fallback(access) or is_handed_on(access):
            return None
        held = self._held.by_variable.get(access.variable, ())
        if any(asks_only_whether(access, each) for each in held):
            return None
        return None if any(is_override(access, each) for each in held if each.name) else keeper

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
        if top_of(module) in self._analysis.once(Holdings).serving:
            for each in self._of_tops.get(top_of(module), ()):
                if place_of(module) != each.place.name and _is_within(module, each.part):
                    yield each

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
        """The keeper holds it, or it begins as the program's own, or nothing else is known that it might belong to.

        What the keeper of a part does not hold, and the rest of the program reads, is not that part's.
        """
        if OF_LIBRARIES.fullmatch(variable):
            return False
        if variable in keeper.variables:
            return True
        if any(
            top_of(each) == top_of(keeper.place) and not _is_within(each, keeper.part)
            for each in self._readers.get(variable, ())
        ):
            return False
        return variable.partition("_")[0] in keeper.words or self._analysis.once(VariableNames).is_own(variable)

    @lazily
    def _readers(self) -> dict[str, set[ModuleSymbol]]:
        """The modules that read each variable."""
        found: dict[str, set[ModuleSymbol]] = {}
        for access in self._analysis.once(serving_reads):
            found.setdefault(access.variable, set()).add(access.module)
        return found

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
        importers = self._importers()
        loading, filling = self._fillers()
        found: dict[str, list[Keeper]] = {}
        for name, modules in sorted(self._asked().items(), key=lambda each: -len(importers.get(each[0], ()))):
            place = self._analysis.program.modules.get(name)
            if place is not None and len(importers.get(name, ())) >= SEVERAL:
                variables = frozenset().union(*modules.values()) - {""}
                words, part = _words(variables, top_of(place)), _part_of(name)
                keeper = Keeper(place, part, tuple(modules), variables, words, name in loading | filling, name in loading)
                found.setdefault(top_of(place), []).append(keeper)
        return {top: [each for each in keepers if self._is_custom(each, keepers)] for top, keepers in found.items()}

    def _asked(self) -> dict[str, dict[ModuleSymbol, set[str]]]:
        """What each module of settings asks the environment for, by the place that it is of."""
        found: dict[str, dict[ModuleSymbol, set[str]]] = {}

        def add(module: ModuleSymbol, variable: str) -> None:
            if not module.in_tests and not OWNING.isdisjoint(module.name.split(".")):
                found.setdefault(place_of(module), {}).setdefault(module, set()).add(variable)

        for access in (*self._analysis.once(accesses), *self._analysis.once(lookups)):
            if access.touch is Touch.READ:
                add(access.module, access.variable)
        for variable, settings in self._held.by_variable.items():
            for each in settings:
                if each.annotation is not None:
                    add(each.module, variable)
        return found

    def _fillers(self) -> tuple[set[str], set[str]]:
        """The places that load a file, and that put variables whose names do not stand there into the environment."""
        loading, filling = set(), set()
        for access in self._analysis.once(accesses):
            if access.touch is Touch.LOAD:
                loading.add(place_of(access.module))
            elif access.touch is Touch.WRITE and not access.variable:
                filling.add(place_of(access.module))
        return loading, filling

    def _is_custom(self, keeper: Keeper, keepers: list[Keeper]) -> bool:
        """The keepers ask for at least twice as many variables as all other modules of the part do.

        Where most modules read for themselves, it is no custom to leave it to anybody.
        """
        kept = frozenset().union(*(each.variables for each in keepers if each.part == keeper.part))
        places = {each.place.name for each in keepers}
        elsewhere = {
            access.variable
            for access in self._analysis.once(serving_reads)
            if _is_within(access.module, keeper.part) and place_of(access.module) not in places
        }
        own = {each for each in elsewhere if not OF_THE_MACHINE.fullmatch(each) and not OF_LIBRARIES.fullmatch(each)}
        return len(kept) >= 2 * len(own - kept)

    def _importers(self) -> dict[str, set[ModuleSymbol]]:
        """The modules that import something of each place, of those whose settings it keeps."""
        found: dict[str, set[ModuleSymbol]] = {}
        for module in self._analysis.modules:
            if module.in_tests or is_edge(module):
                continue
            for each in self._order.named(module):
                if not OWNING.isdisjoint(each.name.split(".")):
                    place = place_of(each)
                    if place != place_of(module) and _is_within(module, _part_of(place)):
                        found.setdefault(place, set()).add(module)
        return found


def _part_of(place: str) -> str:
    """The package that a place keeps the settings of: the one that it lies in, or around that one where it is there for all."""
    part = place.rpartition(".")[0] or place
    while "." in part and part.rpartition(".")[2] in FOR_ALL:
        part = part.rpartition(".")[0]
    return part


def _is_within(module: ModuleSymbol, part: str) -> bool:
    return module.name == part or module.name.startswith(f"{part}.")


def _words(variables: frozenset[str], top: str) -> frozenset[str]:
    """First words of variables that are the program's own: called as its package, or shared by half of what is asked for."""
    counts = Counter(each.partition("_")[0] for each in variables if "_" in each)
    own = top.replace("_", "").upper()
    return frozenset(word for word, count in counts.items() if word == own or (count >= MANY and 2 * count >= len(variables)))
