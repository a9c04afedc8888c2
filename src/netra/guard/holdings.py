"""Which module holds nearly all settings of a program, and who reads a setting past the module that holds it.

Of a variable that only one place reads nobody can say that it was read past anything; there guard asks that the program serves
somebody and holds nearly all of its settings.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.sorts import ROUTE, SOCKET
from netra.guard.environment import OF_THE_MACHINE, Access, serving_reads
from netra.guard.lazily import lazily
from netra.guard.settings import HeldSettings, Setting, asks_only_whether, imported, is_fallback, is_handed_on, place_of, top_of
from netra.guard.symbols import ModuleSymbol
from netra.guard.variables import OF_LIBRARIES, VariableNames

# Nearly all settings are held: this many, and this part of all that are read; and this part of them in one place.
PLENTY: Final = 10
NEARLY_ALL: Final = 0.7

MOST: Final = 0.5


@dataclass(frozen=True, slots=True)
class Holding:
    """Where nearly all settings of a program are. `share` is the part of all settings that are read which is held at all."""

    most: ModuleSymbol
    places: tuple[ModuleSymbol, ...]
    share: float


@dataclass(frozen=True, slots=True)
class Bypass:
    """A variable is read past the module that holds it. `setting` is what that module makes of it, None when it holds nearly
    all others and not this one.
    """

    access: Access
    owner: ModuleSymbol
    setting: Setting | None


class Holdings:
    """Answers about who holds settings and who passes them by, each worked out once; use `analysis.once(Holdings)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._held = analysis.once(HeldSettings)
        self._own = analysis.once(VariableNames)

    def bypasses(self) -> Iterator[Bypass]:
        """Every read of a setting past the module that holds it."""
        for access in self._analysis.once(serving_reads):
            if access.module in self._held.by_module or OF_THE_MACHINE.fullmatch(access.variable):
                continue
            if (found := self._bypass(access)) is not None:
                yield found

    def owner_of(self, module: ModuleSymbol) -> ModuleSymbol | None:
        """The module that plainly owns the environment of the program that another module is of, and is not that module."""
        holding = self.holding_of(module)
        if holding is None or module in self._held.by_module or place_of(module) == place_of(holding.most):
            return None
        return holding.most

    def holding_of(self, module: ModuleSymbol) -> Holding | None:
        """Where the program that a module is of holds nearly all its settings."""
        return self._holders_of_all.get(top_of(module))

    def _bypass(self, access: Access) -> Bypass | None:
        fallback = is_fallback(access)
        if is_handed_on(access) or (fallback and top_of(access.module) not in self.serving):
            return None  # what a caller of a library leaves out may come from anywhere
        for setting in self._held.by_variable.get(access.variable, ()):
            if asks_only_whether(access, setting):
                return None  # whether it is set is no second opinion of what it is
            # Two plug-ins may both ask for what a library calls its own; a field of settings says that it is meant.
            if self._knows(access.module, setting.module) and (
                setting.annotation is not None or not OF_LIBRARIES.fullmatch(access.variable)
            ):
                return Bypass(access, setting.module, setting)
        holding = self.holding_of(access.module)
        # The top package itself is there before its settings are.
        if holding is None or fallback or access.module.name == top_of(access.module) or not self._own.is_own(access.variable):
            return None
        return Bypass(access, holding.most, None)

    @lazily
    def serving(self) -> frozenset[str]:
        """Top packages with a route or socket: programs rather than libraries."""
        entries = self._analysis.reach.entries
        return frozenset(top_of(scope.module) for scope, entry in entries.items() if entry.sort in (ROUTE, SOCKET))

    @lazily
    def _holders_of_all(self) -> dict[str, Holding]:
        """Top packages that serve somebody and hold nearly all their settings, most of them in one place, each with that."""
        held: dict[str, Counter[str]] = defaultdict(Counter)
        standing: dict[str, ModuleSymbol] = {}
        for module, settings in self._held.by_module.items():
            held[top_of(module)][place_of(module)] += len({each.variable for each in settings})
            standing.setdefault(place_of(module), self._analysis.program.modules.get(place_of(module), module))
        elsewhere: dict[str, set[str]] = defaultdict(set)
        for access in self._analysis.once(serving_reads):
            held_at_all = access.module in self._held.by_module or access.variable in self._held.by_variable
            if not held_at_all and self._own.is_own(access.variable):
                elsewhere[top_of(access.module)].add(access.variable)
        found = {}
        for top in sorted(self.serving & held.keys()):
            number = held[top].total()
            if number >= PLENTY and number >= NEARLY_ALL * (number + len(elsewhere[top])):
                place, most = held[top].most_common(1)[0]
                if most >= MOST * number:
                    places = tuple(standing[each] for each, count in held[top].items() if count >= PLENTY or each == place)
                    found[top] = Holding(standing[place], places, number / (number + len(elsewhere[top])))
        return found

    def _knows(self, reader: ModuleSymbol, owner: ModuleSymbol) -> bool:
        """Whether both are of one program: of one top package, or the one's package imports from the other's."""
        return top_of(reader) == top_of(owner) or top_of(owner) in self._analysis.once(imported)[top_of(reader)]
