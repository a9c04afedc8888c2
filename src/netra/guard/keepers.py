"""Who passes a keeper of settings by although it has it at hand.

A module of the server that itself imports the module of settings, and yet reads a setting of the program from the environment,
knew where to ask. So does one that cannot run without the keeper, when the variable is one of the keeper's, or begins as those
that the keeper asks for. Who the keepers are, `keeping.py` finds.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from netra.guard.aliases import aliased_reads
from netra.guard.analysis import Analysis
from netra.guard.entries.sorts import NAMED
from netra.guard.environment import OF_THE_MACHINE, OWNING, Access, is_edge, serving_reads, written_variables
from netra.guard.facts import BODY, TOP
from netra.guard.holdings import Bypass
from netra.guard.importing import ImportOrder
from netra.guard.keeping import LEAST, Keeper, SettingsKeepers, is_within
from netra.guard.lazily import lazily
from netra.guard.left_out import is_always_left_out
from netra.guard.libraries_of_settings import library_reads
from netra.guard.lookups import beginning_of, key_of
from netra.guard.ownership import ClearOwners, asks_django, imports_what_it_reads_with, uses_django
from netra.guard.requests.loading import Loading
from netra.guard.settings import (
    HeldSettings,
    Setting,
    asks_only_whether,
    imported,
    is_fallback,
    is_handed_on,
    is_override,
    keys_of,
    place_of,
    top_of,
)
from netra.guard.symbols import ModuleSymbol, VariableSymbol
from netra.guard.variables import OF_LIBRARIES, VariableNames

# Libraries by which a program serves others, whichever of their ways it goes.
SERVERS: Final = frozenset(
    """fastapi starlette flask quart sanic litestar tornado falcon bottle django channels blacksheep robyn muffin uvicorn
    hypercorn gunicorn granian daphne waitress grpc grpclib websockets socketio mcp fastmcp celery rq arq saq dramatiq taskiq
    huey faust
    faststream procrastinate discord nextcord disnake slack_bolt telegram aiogram telethon pyrogram telebot chainlit gradio
    nicegui streamlit strawberry ariadne graphene aiokafka confluent_kafka aio_pika nats zmq paho aiomqtt apscheduler twisted
    livekit botbuilder temporalio claude_agent_sdk kombu pika kafka aiosmtpd
    """.split()
)

# What a server that is still empty is filled with.
FIRST: Final = re.compile(r"(?:^|_)(?:FIRST|INITIAL|INIT|SEED|DEMO|SAMPLE|BOOTSTRAP|ADMIN|ROOT|SUPERUSER)(?:_|$)")


# A module that is called so keeps settings of its own: `server_config`, `runtime_env`.
OF_SETTINGS: Final = re.compile(r"(?:^|_)(?:config|configuration|settings|env|environment)(?:_|$)")

# Where more modules than this read settings for themselves, and the keepers do not hold nearly all the same, to read where one
# needs it is the custom of the program, and no single read is past anybody. Backends that keep to their owner had six at most.
A_DOZEN: Final = 12

# Which file the settings are read from.
OF_SOURCES: Final = re.compile(r"(?:\w+_)?(?:DOTENV|ENV|CONFIG|SETTINGS)_?(?:FILE|PATH|DIR|MODULE)")


class Keepers:
    """The keepers of all programs, and who has which at hand."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._found = analysis.once(SettingsKeepers)
        self._held = analysis.once(HeldSettings)
        self._clear = analysis.once(ClearOwners)
        self._order = analysis.once(ImportOrder)

    def bypasses(self) -> Iterator[Bypass]:
        """Every read of a setting past a keeper that was at hand, beyond doubt."""
        for read in (*self._analysis.once(serving_reads), *self._analysis.once(aliased_reads), *self._by_libraries()):
            if not read.variable:
                continue
            # Of several that are read in one place, the first that is the program's own stands for all.
            if self._passes_class_beside(read):
                setting = next(
                    (each for each in self._held.by_variable.get(read.variable, ()) if each.module is read.module), None
                )
                yield Bypass(read, read.module, setting)
                continue
            several = [read, *(replace(read, variable=each, others=()) for each in read.others)]
            # Of several names under which somebody else's secret may be found, none is the program's that does not say so.
            foreign = bool(read.others) and any(map(_is_of_others, (read.variable, *read.others)))
            for access, keeper in ((each, keeper) for each in several if (keeper := self.passed(each)) is not None):
                if foreign and not self.begins_as_own(access, keeper):
                    continue
                settings = (each for each in self._held.by_variable.get(access.variable, ()) if each.module in keeper.modules)
                yield Bypass(access, keeper.place, next(settings, None))
                break

    def _by_libraries(self) -> Iterator[Access]:
        """Reads by a library for settings, whose object is not the owner's own."""
        for access in self._analysis.once(library_reads):
            callee = access.mention.expression
            while callee[0] == "attribute":
                callee = callee[1]
            match self._analysis.program.evaluate(callee, access.scope):
                case VariableSymbol(scope=holder) if holder.module is not access.module:
                    continue
            if not is_edge(access.module):
                yield access

    def _passes_class_beside(self, access: Access) -> bool:
        """A program in one file: a function that a request leads to reads past the class of settings that stands beside it."""
        if access.module not in self._with_entries or not OWNING.isdisjoint(access.module.name.split(".")):
            return False
        settings = [each for each in self._held.by_module.get(access.module, ()) if each.holder is not None]
        if len({each.variable for each in settings}) < LEAST or not self._analysis.reach.path_to(access.scope):
            return False
        if not self._clear.is_served(access) or access.scope.owner in {each.holder for each in settings}:
            return False
        if not any(self._clear.is_named(each) for each in settings) or is_edge(access.module):
            return False
        if is_handed_on(access) or is_fallback(access) or self._clear.is_of_a_script(access):
            return False
        held = any(each.variable == access.variable for each in settings)
        return held or self._analysis.once(VariableNames).is_own(access.variable)

    def held_beside(self, access: Access) -> frozenset[str]:
        """What a class of settings in the very module asks the environment for, where the module is more than settings and
        another part of it, as a server or a worker runs it, might have asked that class: a program in one file.
        """
        module = access.module
        if not OWNING.isdisjoint(module.name.split(".")) or is_edge(module) or self._is_of_a_script(access):
            return frozenset()
        settings = [each for each in self._held.by_module.get(module, ()) if each.holder is not None]
        held = frozenset(each.variable for each in settings)
        if len(held) < LEAST or access.scope.owner in {each.holder for each in settings}:
            return frozenset()
        return held

    def passed(self, access: Access) -> Keeper | None:
        """The keeper that a read passes by."""
        keeper = self.at_hand(access)
        written = access.variable in self._analysis.once(written_variables)
        if keeper is None or written:
            return None  # what the program itself has put there is read where it was put
        if not self.is_of_program(access.variable, keeper) or imports_what_it_reads_with(access) or _is_in_handler(access):
            return None
        if access.variable not in keeper.variables and self._is_its_own(access, keeper):
            return None
        if self.is_custom:
            return None
        if access.scope.facts.sort in (TOP, BODY) and any(map(self._clear.is_filled_later, keeper.modules)):
            return None
        if is_handed_on(access) and not self._is_answered(access):
            return None
        if is_fallback(access) and access.scope not in self._analysis.reach.entries:
            own = access.variable in keeper.variables or self.begins_as_own(access, keeper)
            if not own or not is_always_left_out(self._analysis, access.scope):
                return None
        held = self._held.by_variable.get(access.variable, ())
        if not held and FIRST.search(access.variable) and self._clear.fills_what_is_empty(access):
            return None
        if any(asks_only_whether(access, each) or not self._is_told(each) for each in held):
            return None
        return None if any(is_override(access, each) for each in held if each.name) else keeper

    def _is_its_own(self, access: Access, keeper: Keeper) -> bool:
        """What the keeper does not hold may be the module's own: it imports nothing of its program, or it is what the program
        itself tells its children, or says where the settings come from.
        """
        told = self._analysis.once(VariableNames).is_set_by_program(access.variable)
        if told or OF_SOURCES.fullmatch(access.variable) is not None:
            return True
        return self._order.stands_alone(access.module) and not self._is_the_exception(access, keeper)

    def _is_the_exception(self, access: Access, keeper: Keeper) -> bool:
        """No other module of the program reads a setting for itself, and this one is served: its variable begins as the
        program's own, or a route leads to the read.
        """
        led = self.begins_as_own(access, keeper) or (access.variable and self._analysis.reach.path_to(access.scope))
        if not led or not self._clear.is_served(access):
            return False
        return all(each in (access.module, *keeper.modules) for each in self._reading[top_of(access.module)])

    @lazily
    def _reading(self) -> dict[str, set[ModuleSymbol]]:
        """The modules of each top package that read variables which may be settings."""
        found: dict[str, set[ModuleSymbol]] = defaultdict(set)
        for access in self._analysis.once(serving_reads):
            if not OF_THE_MACHINE.fullmatch(access.variable) and not OF_LIBRARIES.fullmatch(access.variable):
                found[top_of(access.module)].add(access.module)
        return found

    @property
    def is_custom(self) -> bool:
        """To read settings where they are needed is the custom of the program, whoever holds them: one more is past nobody.

        All packages that lie beside one another count as one program here.
        """
        return self._reading_all > A_DOZEN

    def hold_most(self, module: ModuleSymbol) -> bool:
        """The keepers of a module, or a class of settings in it, hold more than half of what its part of it asks for."""
        keepers = [*self.of(module)]
        held = {each for keeper in keepers for each in keeper.variables}
        held.update(each.variable for each in self._held.by_module.get(module, ()))
        past = {
            each
            for reader, each in self._unheld[top_of(module)]
            if any(is_within(reader, keeper.part) for keeper in keepers) and each not in held
        }
        # What is asked for whatever begins alike holds more than anybody sees.
        unseen = LEAST if any(each in self._found.by_pattern for keeper in keepers for each in keeper.modules) else 0
        return len(held) + unseen > len(past)

    @lazily
    def _unheld(self) -> dict[str, set[tuple[ModuleSymbol, str]]]:
        """The settings of each top package that are read where none are held, and by whom."""
        names = self._analysis.once(VariableNames)
        found: dict[str, set[tuple[ModuleSymbol, str]]] = defaultdict(set)
        for each in self._analysis.once(serving_reads):
            held = place_of(each.module) in self._found.by_name or self._held.holds(each.module)
            if not held and each.variable not in self._held.by_variable and names.is_setting(each.variable):
                found[top_of(each.module)].add((each.module, each.variable))
        return found

    @lazily
    def _reading_all(self) -> int:
        """The modules, beside the keepers, that read variables which may be settings."""
        names = self._analysis.once(VariableNames)
        return len(
            {
                each.module
                for each in self._analysis.once(serving_reads)
                if each.variable
                and place_of(each.module) not in self._found.by_name
                and not self._held.holds(each.module)
                and not is_edge(each.module)
                and names.is_setting(each.variable)
            }
        )

    def _is_answered(self, access: Access) -> bool:
        """A route answers with it, under the same name: `return {"REGION": os.environ["REGION"]}`."""
        entry = self._analysis.reach.entries.get(access.scope)
        returned = (each.value for each in access.scope.facts.returned)
        return entry is not None and entry.serves and any(access.variable in keys_of(each) for each in returned)

    def _is_told(self, setting: Setting) -> bool:
        """It is asked for by one name only, and the class whose field it is, is made once and for everybody."""
        return self._held.has_one_variable(setting) and (setting.annotation is None or self._clear.is_named(setting))

    def at_hand(self, access: Access) -> Keeper | None:
        """The keeper that a module of a server could have asked: one that it imports itself, or cannot run without."""
        if place_of(access.module) in self._found.by_name:
            return None
        if is_edge(access.module) or self._held.holds(access.module) or self._is_of_a_script(access):
            return None
        if OF_SETTINGS.search(access.module.name.rpartition(".")[2]):
            return None
        if access.module.name == top_of(access.module):
            return None  # the top package is there before its settings
        served = self._clear.is_served(access) or self._is_served_somehow(access.module)
        for keeper in self.of(access.module):
            if keeper.service and access.variable.partition("_")[0] != keeper.service:
                continue
            own = access.variable in keeper.variables or self.begins_as_own(access, keeper)
            if (served or own) and self.is_imported(access.module, keeper, indirectly=own):
                return keeper
            alone = self._order.stands_alone(access.module)
            near = self.begins_as_own(access, keeper) or (
                (served or own) and (not alone or self._is_the_exception(access, keeper))
            )
            if near and access.scope.facts.sort not in (TOP, BODY) and self._is_beside(access.module, keeper):
                return keeper
        return None

    def _is_of_a_script(self, access: Access) -> bool:
        """What runs when the module is run belongs to a script, but where that is how a server comes up."""
        return self._clear.is_of_a_script(access, coming_up=self._is_served_somehow(access.module))

    def of(self, module: ModuleSymbol) -> Iterator[Keeper]:
        """The keepers of the program that a module is of, those left out of which it is one; the program serves somebody.

        A program may lie in several packages: what a module imports from another one is a keeper of its as well.
        """
        top = top_of(module)
        if not self.serves(module):
            return
        for each in self._found.by_top.get(top, ()):
            if place_of(module) != each.place.name and is_within(module, each.part):
                yield each
        for name in {place_of(each): None for each in self._order.named(module) if top_of(each) != top}:
            if (keeper := self._found.by_name.get(name)) is not None:
                yield keeper
        for name, keeper in self._found.by_name.items() if uses_django(module) else ():
            asked = name.rpartition(".")[2] == "settings" and module in self._found.importers.get(name, ())
            if asked or (keeper is self.of_django and top_of(module) != top_of(keeper.place)):
                yield keeper

    @lazily
    def of_django(self) -> Keeper | None:
        """The settings that Django hands out to every part of the program, where there are one and no others."""
        found = [each for each in self._found.by_name.values() if any(map(self._clear.is_of_django, each.modules))]
        return found[0] if len(found) == 1 else None

    def serves(self, module: ModuleSymbol) -> bool:
        """The program that a module is of serves somebody."""
        if top_of(module) in self._serving or self._is_served_somehow(module):
            return True
        return self._analysis.once(Loading).holds(module)

    @lazily
    def _with_entries(self) -> frozenset[ModuleSymbol]:
        """The modules in which something works for one of several users at a time."""
        return frozenset(scope.module for scope, entry in self._analysis.reach.entries.items() if entry.serves)

    @lazily
    def _serving(self) -> frozenset[str]:
        """Top packages of which something works for one of several users at a time."""
        entries = self._analysis.reach.entries.items()
        return frozenset(
            top_of(scope.module)
            for scope, entry in entries
            if entry.serves and entry.sort != NAMED and not scope.module.in_tests
        )

    def _is_served_somehow(self, module: ModuleSymbol) -> bool:
        """Nothing is known that serves in the program, and yet it imports what servers are made with: in a way of its own."""
        top = top_of(module)
        return top not in self._serving and not SERVERS.isdisjoint(self._analysis.once(imported)[top])

    def is_imported(self, module: ModuleSymbol, keeper: Keeper, *, indirectly: bool = False) -> bool:
        """A module imports a keeper at its top, and the keeper does not need the module."""
        asked = self._order.asks(module, keeper.place, at_once=True)
        if not asked and indirectly:
            asked = any(self._clear.can_ask(module, each) for each in keeper.modules)
        if not asked and keeper.place.name.rpartition(".")[2] == "settings":
            asked = asks_django(module) or (keeper is self.of_django and uses_django(module))
        return asked and module not in self._needed(keeper)

    def _is_beside(self, module: ModuleSymbol, keeper: Keeper) -> bool:
        """One process has both, by the time that a function of the module is called."""
        if module in self._needed(keeper):
            return False
        loading = self._analysis.once(Loading)
        if (loading.holds(module) and any(map(loading.holds, keeper.modules))) or self._order.asks(module, keeper.place):
            return True
        return any(module in self._before(each) for each in self._found.importers.get(keeper.place.name, ()))

    def begins_as_own(self, access: Access, keeper: Keeper) -> bool:
        """The variable, or as much of its name as stands there, begins as the program's own do."""
        begins = access.variable or beginning_of(self._analysis, key_of(access), access.scope)
        word, line, _ = begins.partition("_")
        return bool(line) and word in keeper.words

    def is_of_program(self, variable: str, keeper: Keeper) -> bool:
        """The keeper holds it, or it begins as the program's own, or nothing else is known that it might belong to.

        What the keeper of a part does not hold, and the rest of the program reads, is not that part's.
        """
        if OF_THE_MACHINE.fullmatch(variable):
            return False
        if variable in keeper.variables:
            return True
        if OF_LIBRARIES.fullmatch(variable):
            return False
        if any(
            top_of(each) == top_of(keeper.place) and not is_within(each, keeper.part)
            for each in self._readers.get(variable, ())
        ):
            return False
        return variable.partition("_")[0] in keeper.words or self._analysis.once(VariableNames).is_setting(variable)

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


def _is_of_others(variable: str) -> bool:
    return OF_THE_MACHINE.fullmatch(variable) is not None or OF_LIBRARIES.fullmatch(variable) is not None


def _is_in_handler(access: Access) -> bool:
    """It stands in an `except`: what to do where the settings cannot be had."""
    blocks = access.scope.facts.blocks
    return any(each.what == "handler" and each.line <= access.line <= each.end_line for each in blocks)
