"""Who keeps the settings of a program by custom: how such modules are found.

A module or package called `config`, `settings`, `env` or the like, or one with a class of settings, that asks the environment
for at least two variables is where the settings are meant to be, as soon as another module of the program imports it: a
program of three files has an owner like one of three hundred. It need not hold nearly all of them; but where
most modules read for themselves, and do not know of it, it is no custom to leave it to anybody.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.asked import call_of
from netra.guard.carried import carried_reads
from netra.guard.environment import OF_THE_MACHINE, OWNING, Access, Touch, accesses, is_edge, serving_reads
from netra.guard.facts import BODY, TOP, Assignment, Expression, last_name
from netra.guard.importing import ImportOrder
from netra.guard.lazily import lazily
from netra.guard.libraries_of_settings import library_reads
from netra.guard.lookups import beginning_of, key_of, lookups
from netra.guard.meaning.expressions import within
from netra.guard.ownership import OF_DJANGO, asks_django
from netra.guard.settings import READER, HeldSettings, place_of, top_of
from netra.guard.symbols import FunctionSymbol, ModuleSymbol
from netra.guard.variables import OF_LIBRARIES

# What asks for a single variable has a switch of its own, and no settings for others.
LEAST: Final = 2

# A word that so many variables of a keeper begin with is the program's own.
MANY: Final = 2

# Parts of a program that are there for all others: what is kept in them is kept for the whole.
FOR_ALL: Final = frozenset(
    "core common shared base app infra infrastructure internal lib util utils src backend server".split()
)

# Libraries that read the environment for a program.
READING: Final = frozenset(
    "environs environ decouple starlette.config dynaconf omegaconf hydra prettyconf everett typed_settings confz".split()
)

# They take all variables that begin alike, by functions and classes of such libraries.
TAKING: Final = frozenset("Dynaconf LazySettings to_config load_settings".split())

# What opens something for whoever has it.
SECRET: Final = re.compile(r"(?:^|_)(?:SECRET|KEY|TOKEN|PASSWORD|PASSWD|DSN|CREDENTIALS)(?:$|_)|DATABASE_URL|DB_URL")


@dataclass(frozen=True, slots=True)
class Keeper:
    """A module or package of settings. `variables`: what it asks the environment for."""

    place: ModuleSymbol
    part: str
    """The package whose settings it keeps; empty for the modules that lie beside it in none."""
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

    @property
    def service(self) -> str:
        """The word that all its variables begin with, and that it is called by itself: `STRIPE` of `stripe_integration`.

        What it keeps is what one service is asked with, and the settings of the program are not its business.
        """
        first = {each.partition("_")[0] for each in self.variables if each}
        word = next(iter(first)) if len(first) == 1 else ""
        own = word == top_of(self.place).replace("_", "").upper()
        return word if not own and word.lower() in self.place.name.rpartition(".")[2].lower().split("_") else ""


class SettingsKeepers:
    """Finds the keepers of all programs; use `analysis.once(SettingsKeepers)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._held = analysis.once(HeldSettings)
        self._order = analysis.once(ImportOrder)
        self.by_top: dict[str, list[Keeper]] = {}
        """The keepers of each top package, the most imported first."""
        self.by_name: dict[str, Keeper] = {}
        self.importers: dict[str, set[ModuleSymbol]] = {}
        self._find()

    def _find(self) -> None:
        asked = self._asked()
        importers = self.importers = self._importers(frozenset(asked))
        loading, filling = self._fillers()
        found: dict[str, list[Keeper]] = {}
        for name, modules in sorted(asked.items(), key=lambda each: -len(importers.get(each[0], ()))):
            place = self._analysis.program.modules.get(name)
            variables = frozenset().union(*modules.values()) - {""}
            asked_for = importers.get(name) or any(each.top.assigned.keys() >= OF_DJANGO for each in modules)
            if place is not None and asked_for and self._is_plenty(variables, modules):
                words, part = _words(variables, top_of(place)), part_of(name)
                keeper = Keeper(place, part, tuple(modules), variables, words, name in loading | filling, name in loading)
                found.setdefault(top_of(place), []).append(keeper)
        for top, keepers in found.items():
            self.by_top[top] = [each for each in keepers if self._is_custom(each, keepers, importers)]
            self.by_name.update((each.place.name, each) for each in self.by_top[top])

    def _is_plenty(self, variables: frozenset[str], modules: dict[ModuleSymbol, set[str]]) -> bool:
        """Two variables are asked for, or what all of the environment is given to keeps at least two things."""
        if sum(not OF_THE_MACHINE.fullmatch(each) for each in variables) >= LEAST:
            return True
        if any(each in self.by_pattern for each in modules):
            return True
        return any(_keeps(each) >= LEAST for each in modules if each in self._taking_all or self._is_read_for(each))

    @lazily
    def by_pattern(self) -> frozenset[ModuleSymbol]:
        """The modules that take every variable that begins alike: in a comprehension, by a function that is
        asked for the rest of the name, by `__getattr__`, or by a library.
        """
        found = {scope.module for scope, _, call in self._analysis.calls_of(*TAKING) if self._is_read_for(scope.module)}
        for access in self._analysis.once(accesses):
            scope = access.scope
            if access.variable:
                continue
            key = key_of(access)
            together = access.touch is Touch.READ and key is not None and key[0] in ("formatted", "operator")
            if together and beginning_of(self._analysis, key, scope).endswith("_"):
                found.add(access.module)  # `def get(name): return os.environ[f"APP_{name}"]`
            named = not OWNING.isdisjoint(access.module.name.split("."))
            if not (scope.facts.sort in (TOP, BODY) or scope.name == "__getattr__" or named):
                continue
            if access.touch is Touch.READ and any(key[0] in ("formatted", "operator") for key in _keys(access)):
                found.add(access.module)
            elif access.touch is Touch.WHOLE and access.mention.where == ("attribute", "items"):
                near = (call for call in scope.facts.calls if access.line - 1 <= call.line <= access.line + 1)
                if any(last_name(call.callee) == "startswith" for call in near):
                    found.add(access.module)
        return frozenset(found)

    def _asked(self) -> dict[str, dict[ModuleSymbol, set[str]]]:
        """What each module of settings asks the environment for, by the place that it is of."""
        found: dict[str, dict[ModuleSymbol, set[str]]] = {}
        named = dict.fromkeys(each for each in self._analysis.modules if not OWNING.isdisjoint(each.name.split(".")))
        tops = {top_of(each) for each in named}
        named |= dict.fromkeys(each for each in self._made_of_reads() if top_of(each) not in tops)

        def add(module: ModuleSymbol, *variables: str) -> None:
            if not module.in_tests:
                found.setdefault(place_of(module), {}).setdefault(module, set()).update(variables)

        once = self._analysis.once
        for access in (*once(accesses), *once(lookups), *once(library_reads), *once(carried_reads)):
            if access.module in named and (access.touch is Touch.READ or _is_defaulting(access)):
                add(access.module, access.variable, *access.others)
        for module in named:
            if module in self._taking_all or self._is_read_for(module):
                add(module, "")
        for variable, settings in self._held.by_variable.items():
            for each in settings:
                read = each.holder is not None and READER.fullmatch(each.holder.name)
                if each.annotation is not None or read:
                    add(each.module, variable)
        return found

    def _made_of_reads(self) -> list[ModuleSymbol]:
        """The modules that serve nobody, do hardly anything else, and of whose names at least two, and half, have what was
        read: one whose class has methods that read nothing is about something else.
        """
        lines: dict[ModuleSymbol, set[int]] = {}
        for access in self._analysis.once(accesses):
            asks = access.touch is Touch.READ or _is_defaulting(access)
            if asks and access.scope.facts.sort in (TOP, BODY) and not is_edge(access.module):
                lines.setdefault(access.module, set()).add(access.line)
        serving = {scope.module for scope in self._analysis.reach.entries}
        found = []
        for module, read in lines.items():
            if len(read) >= LEAST and module not in serving and not self._does_something_else(module):
                bodies = (module.top, *(kind.body for kind in module.classes))
                assigned = [
                    (each, body) for body in bodies for each in body.facts.assignments if each.how in ("=", "annotated")
                ]
                kept = [_lines_of(each, body) & read for each, body in assigned]
                if len(set().union(*kept)) >= LEAST and sum(map(bool, kept)) >= len(assigned) / 2:
                    found.append(module)
        return found

    def _does_something_else(self, module: ModuleSymbol) -> bool:
        reading = {access.scope for access in self._analysis.once(accesses) if access.module is module}
        methods = [each for kind in module.classes for found in kind.methods.values() for each in found]
        return any(each not in reading for each in methods)

    def _is_read_for(self, module: ModuleSymbol) -> bool:
        """A library for settings reads the environment for a module that is called as one of settings."""
        imports = (each.module for scope in module.functions for each in scope.facts.imports if not each.level)
        return any(each in READING or each.partition(".")[0] in READING for each in imports)

    @lazily
    def _taking_all(self) -> frozenset[ModuleSymbol]:
        """The modules that take the environment as a whole: `Settings(**os.environ)`, `ChainMap(os.environ, DEFAULTS)`."""
        return frozenset(each.module for each in self._analysis.once(accesses) if each.touch is Touch.WHOLE)

    def _fillers(self) -> tuple[set[str], set[str]]:
        """The places that load a file, and that put variables whose names do not stand there into the environment."""
        loading, filling = set(), set()
        for access in self._analysis.once(accesses):
            if access.touch is Touch.LOAD:
                loading.add(place_of(access.module))
            elif access.touch is Touch.WRITE and not access.variable:
                filling.add(place_of(access.module))
        return loading, filling

    def _is_custom(self, keeper: Keeper, keepers: list[Keeper], importers: dict[str, set[ModuleSymbol]]) -> bool:
        """The keepers of a part ask for at least as many variables as all other modules of it do.

        Or at least as many modules ask one of them as read for themselves and do not know of it.
        """
        beside = [each for each in keepers if each.part == keeper.part]
        kept = frozenset().union(*(each.variables for each in beside))
        asking = set().union(*(importers.get(each.place.name, ()) for each in beside))
        places = {each.place.name for each in keepers}
        elsewhere: dict[str, set[ModuleSymbol]] = {}
        for access in self._analysis.once(serving_reads):
            if access.module in asking or (_is_beside(access.module, keeper) and place_of(access.module) not in places):
                elsewhere.setdefault(access.variable, set()).add(access.module)
        own = [each for each in elsewhere if not OF_THE_MACHINE.fullmatch(each) and not OF_LIBRARIES.fullmatch(each)]
        if max(len(kept), LEAST) >= len(set(own) - kept):
            return True
        return len(asking) >= len(set().union(*(elsewhere[each] for each in own)) - asking)

    def _importers(self, places: frozenset[str]) -> dict[str, set[ModuleSymbol]]:
        """The modules that import something of each place, of those whose settings it keeps."""
        found: dict[str, set[ModuleSymbol]] = {}
        django = [each for each in places if each.rpartition(".")[2] == "settings"]
        for module in self._analysis.modules:
            if module.in_tests or is_edge(module):
                continue
            asked = {place_of(each) for each in (*self._order.named(module), *self._order.wherever(module))} & places
            if django and asks_django(module):
                near = [each for each in django if each.partition(".")[0] == module.name.partition(".")[0]]
                asked.update(near or (django if len(django) == 1 else ()))
            for place in sorted(asked - {place_of(module)}):
                part = part_of(place)
                if is_within(module, part) or module.name.partition(".")[0] != place.partition(".")[0]:
                    found.setdefault(place, set()).add(module)
        return found


def _is_defaulting(access: Access) -> bool:
    """`profile = os.environ.setdefault("PROFILE", "default")` asks as well."""
    call = call_of(access.scope, access.mention)
    return call is not None and last_name(call.callee) == "setdefault" and call.where[0] != "statement"


def _lines_of(each: Assignment, body: FunctionSymbol) -> set[int]:
    """The lines of an assignment, those of the call that gives it: `AWS = Aws(region=os.environ["REGION"])`."""
    if each.value[0] != "call":
        return {each.line}
    return {*range(each.line, body.facts.calls[each.value[1]].end_line + 1)}


def _keys(access: Access) -> Iterator[Expression]:
    """What the environment is asked for in one place, also within a comprehension."""
    scope = access.scope
    if (key := key_of(access)) is not None:
        yield key
    values = [each.value for each in scope.facts.assignments if each.line == access.line]
    values += [each.value for each in scope.facts.returned if each.line == access.line]
    for value in values:
        for part in within(value, scope):
            if part[0] == "subscript" and part[1] == access.mention.expression:
                yield part[2]


def part_of(place: str) -> str:
    """The package that a place keeps the settings of: the one that it lies in, or around that one where it is there for all."""
    part = place.rpartition(".")[0]
    while "." in part and part.rpartition(".")[2] in FOR_ALL:
        part = part.rpartition(".")[0]
    return part


def is_within(module: ModuleSymbol, part: str) -> bool:
    """A module lies in a package, or is it; in no package lies every module."""
    return not part or module.name == part or module.name.startswith(f"{part}.")


def _is_beside(module: ModuleSymbol, keeper: Keeper) -> bool:
    return top_of(module) == top_of(keeper.place) and is_within(module, keeper.part)


def _words(variables: frozenset[str], top: str) -> frozenset[str]:
    """First words of variables that are the program's own: called as its package, or shared by half of what is asked for."""
    counts = Counter(each.partition("_")[0] for each in variables if "_" in each)
    shared = (word for word, count in counts.items() if count >= MANY and 2 * count >= len(variables))
    return frozenset({top.replace("_", "").upper(), *shared} - {""})


def _keeps(module: ModuleSymbol) -> int:
    """How many fields a class of the module has, or how many names the module itself, whichever are more."""
    fields = (sum(each.annotation is not None for each in kind.body.facts.assignments) for kind in module.classes)
    return max(sum(name.isupper() for name in module.top.assigned), *fields, 0)
