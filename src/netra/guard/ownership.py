"""Who passes the owner of the environment by beyond doubt: what it reads belongs to the owner, and it could ask the owner.

A setting belongs to the owner when the owner keeps it under a name that others can ask for, or when the owner holds all but a
few settings of a program that serves somebody. A module could ask the owner when it cannot run without it: then both are in
one process, and the owner's value is there. What is read while a module is imported, before anybody is served, is often meant
to be its own; there only a module that itself imports the owner could plainly have asked. What a module reads for a command,
and what stands in for an argument that was left out, is another matter.
"""

import re
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.sorts import COMMAND, START, TEST
from netra.guard.environment import LOGGING, Access, is_edge, serving_reads, written_variables
from netra.guard.facts import BODY, TOP, last_name
from netra.guard.holdings import Bypass, Holdings
from netra.guard.importing import ImportOrder
from netra.guard.lazily import lazily
from netra.guard.requests.loading import Loading
from netra.guard.requests.singletons import Singletons
from netra.guard.settings import HeldSettings, Setting, is_fallback, is_override
from netra.guard.symbols import ClassSymbol, FunctionSymbol, ModuleSymbol, VariableSymbol
from netra.guard.variables import OF_LIBRARIES

# An owner that holds this part of all settings that the program reads is meant to hold them all: what is read elsewhere was
# forgotten, and is no custom.
ALL_BUT_FEW: Final = 0.97

# This part is enough to say so of a module that asks the owner for other settings.
ALL_BUT_SOME: Final = 0.9

# A module that reads the arguments of a command is often a script as well.
OF_SCRIPTS: Final = frozenset("argparse click typer optparse fire".split())

# How an object of settings gets its values, where it is there before them.
FILLING: Final = re.compile(r"(?:init|setup|set_up|configure|populate)(?:ialize|ialise)?(?:_|$)|load(?:_\w+)?$")

# A module of settings that Django hands out as `django.conf.settings`; no other module imports it.
OF_DJANGO: Final = frozenset({"INSTALLED_APPS", "ROOT_URLCONF"})


class ClearOwners:
    """The modules that own the environment beyond doubt, and who could have asked them."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._held = analysis.once(HeldSettings)
        self._holdings = analysis.once(Holdings)
        self._order = analysis.once(ImportOrder)
        self._askers: dict[ModuleSymbol, frozenset[ModuleSymbol]] = {}

    def is_passed(self, bypass: Bypass) -> bool:
        """Whether a read passes its owner by beyond doubt."""
        access, setting = bypass.access, bypass.setting
        if self.is_of_a_script(access) or is_fallback(access) or OF_LIBRARIES.fullmatch(access.variable):
            return False
        if (
            imports_what_it_reads_with(access)
            or _is_logged(access)
            or not self.is_served(access)
            or access.variable in self._analysis.once(written_variables)
        ):
            return False
        if setting is None:
            return self._is_left_out(access)
        if not self.is_named(setting) or not self._held.has_one_variable(setting) or is_override(access, setting):
            return False
        asked = not _is_at_import(access) or self._order.asks(access.module, setting.module, at_once=True)
        return asked and self.can_ask(access.module, setting.module)

    def _is_left_out(self, access: Access) -> bool:
        """The owner, who does not hold the variable, is meant to hold all that a server's code reads."""
        holding = self._holdings.holding_of(access.module)
        if holding is None or holding.share < ALL_BUT_SOME or self.fills_what_is_empty(access):
            return False
        here = _is_at_import(access)
        asked = (
            each
            for each in holding.places
            if self._order.asks(access.module, each, at_once=here) and not (here and self.is_filled_later(each))
        )
        if any(self.can_ask(access.module, each) or self._serve_together(access, each) for each in asked):
            return True
        return not here and not self._order.stands_alone(access.module) and self.over(access) is not None

    def is_filled_later(self, owner: ModuleSymbol) -> bool:
        """Some function fills an object of the owner, `config.SETTINGS.initialize()`: at import there is nothing to ask yet."""
        return owner in self._filled_later

    @lazily
    def _filled_later(self) -> frozenset[ModuleSymbol]:
        names = [name for name in self._analysis.program.calls_named if FILLING.match(name)]
        found = set()
        for scope, _, call in self._analysis.calls_of(*names):
            if scope.facts.sort in (TOP, BODY) or scope.module.in_tests or call.callee[0] != "attribute":
                continue
            match self._analysis.program.evaluate(call.callee[1], scope):
                case VariableSymbol(scope=holder) if holder.module is not scope.module:
                    found.add(holder.module)
        return frozenset(found)

    def fills_what_is_empty(self, access: Access) -> bool:
        """Only the start of the server leads there: what a first user or a sample is made of is no setting to run with."""
        return {each.sort for each in self._analysis.reach.routes_to(access.scope)} - {TEST} == {START}

    def is_served(self, access: Access) -> bool:
        """A server runs the code, or brings the module into its process."""
        if self._analysis.once(Loading).holds(access.module) or access.module in self._serving:
            return True
        return bool(self._analysis.reach.path_to(access.scope))

    @lazily
    def _serving(self) -> frozenset[ModuleSymbol]:
        """The modules with a route, a task or the like, or with what is run when a server or worker starts."""
        entries = self._analysis.reach.entries.items()
        return frozenset(scope.module for scope, entry in entries if entry.serves or entry.sort == START)

    def over(self, access: Access) -> ModuleSymbol | None:
        """The module that clearly owns the environment of the program, where an access could ask it."""
        holding = self._holdings.holding_of(access.module)
        if holding is None or holding.share < ALL_BUT_FEW or self._holdings.owner_of(access.module) is None:
            return None
        places = (holding.most, *holding.places)
        return next((each for each in places if self.can_ask(access.module, each) or self._serve_together(access, each)), None)

    def _serve_together(self, access: Access, owner: ModuleSymbol) -> bool:
        """A server brings both into its process, and the owner does not need the module to come up."""
        loading = self._analysis.once(Loading)
        if _is_at_import(access) or access.module in self._order.before(owner):
            return False
        return loading.holds(access.module) and loading.holds(owner)

    def is_of_a_script(self, access: Access, *, coming_up: bool = False) -> bool:
        """Only commands lead there, or the module reads the arguments of one, or it is run as a script.

        `coming_up`: a server does when the module is run.
        """
        if is_of_commands(self._analysis, access.scope):
            return True
        if not coming_up and access.module not in self._serving and (_is_in_main(access) or _is_main(access.scope)):
            return True
        if self._is_for_commands(access.module):
            return True
        imports = (each for scope in access.module.functions for each in scope.facts.imports)
        return any(each.module.partition(".")[0] in OF_SCRIPTS for each in imports)

    def _is_for_commands(self, module: ModuleSymbol) -> bool:
        """Only scripts, and functions that commands lead to, import the module."""
        scopes = self._importing.get(module, ())
        return bool(scopes) and all(is_edge(each.module) or is_of_commands(self._analysis, each) for each in scopes)

    @lazily
    def _importing(self) -> dict[ModuleSymbol, list[FunctionSymbol]]:
        """Who imports each module, by whatever statement."""
        found: dict[ModuleSymbol, list[FunctionSymbol]] = {}
        program = self._analysis.program
        for scope in self._analysis.scopes:
            for each in scope.facts.imports if not scope.module.in_tests else ():
                target = program.absolute(each, scope.module) or ""
                for named in (target, f"{target}.{each.name}"):
                    if (module := program.modules.get(named)) is not None:
                        found.setdefault(module, []).append(scope)
        return found

    def is_asked_by(self, variable: str) -> bool:
        """The program itself reads a variable, so that a write changes what it does."""
        return variable in self._asked or variable in self._held.by_variable

    @lazily
    def _asked(self) -> frozenset[str]:
        return frozenset(each.variable for each in self._analysis.once(serving_reads))

    def can_ask(self, module: ModuleSymbol, owner: ModuleSymbol) -> bool:
        if owner not in self._askers:
            needed = self._order.before(owner)
            self._askers[owner] = self._order.after(owner) - needed
        if module in self._askers[owner] or (self.is_of_django(owner) and asks_django(module)):
            return True
        return self._comes_after_settings(module, owner)

    def _comes_after_settings(self, module: ModuleSymbol, owner: ModuleSymbol) -> bool:
        """It uses Django and lies beside a module of settings that asks the owner: Django reads those before all else."""
        beside = [each for each in self._settings_of_django if module.name.startswith(f"{each.name.rpartition('.')[0]}.")]
        if not beside or module in beside or not uses_django(module):
            return False
        needed = self._order.before(owner)
        return module not in needed and any(each is owner or owner in self._order.before(each) for each in beside)

    @lazily
    def _settings_of_django(self) -> tuple[ModuleSymbol, ...]:
        """The modules of settings that lie in a package, by what they must set."""
        return tuple(each for each in self._analysis.modules if "." in each.name and self.is_of_django(each))

    def is_of_django(self, owner: ModuleSymbol) -> bool:
        """A module of settings that Django hands out."""
        return owner.top.assigned.keys() >= OF_DJANGO

    def is_named(self, setting: Setting) -> bool:
        """Others can ask for it: a name of the module, or of an object or class that is there for everybody."""
        if not setting.name:
            return False
        if setting.holder is None:
            return any(each.line == setting.line for each in setting.module.top.assigned.get(setting.name, ()))
        if setting.annotation is None:
            return any(each.line == setting.line for each in setting.holder.body.assigned.get(setting.name, ()))
        return self._is_made_for_everybody(setting.holder)

    def _is_made_for_everybody(self, kind: ClassSymbol) -> bool:
        """A module makes an object of the class while it is imported, or a function keeps the one that it has made."""
        if self._analysis.once(Singletons).made(kind) is not None:
            return True
        below = (kind, *self._analysis.program.subclasses.get(kind, ()))
        calls = self._analysis.calls_of(*(each.name for each in below))
        return any(
            scope.facts.sort == TOP
            and not scope.module.in_tests
            and self._analysis.program.evaluate(call.callee, scope) in below
            for scope, _, call in calls
        )


def is_of_commands(analysis: Analysis, scope: FunctionSymbol) -> bool:
    """Only commands lead there: each is a process of its own, whose children are meant to be told."""
    found = {each.sort for each in analysis.reach.routes_to(scope)} - {TEST}
    return found == {COMMAND}


def _is_at_import(access: Access) -> bool:
    return access.scope.facts.sort in (TOP, BODY)


def _is_in_main(access: Access) -> bool:
    return is_for_scripts(access.scope, access.line)


def is_for_scripts(scope: FunctionSymbol, line: int) -> bool:
    """`if __name__ == "__main__":` at the top of a module."""
    inside = (each for each in scope.facts.blocks if each.line <= line <= each.end_line)
    tests = (test for each in inside if each.what == "if" for test in each.expressions)
    return any(test[0] == "compare" and ("name", "__name__") in test[1] for test in tests)


def _is_main(scope: FunctionSymbol) -> bool:
    """The function that is called there."""
    top = scope.module.top
    return scope.parent is top and any(
        each.callee == ("name", scope.name) and is_for_scripts(top, each.line) for each in top.facts.calls
    )


def imports_what_it_reads_with(access: Access) -> bool:
    """A function imports what it reads with, and uses nothing of its module, as if its text were run in another process."""
    scope, expression = access.scope, access.mention.expression
    while expression[0] == "attribute":
        expression = expression[1]
    if scope.facts.sort == TOP or expression[0] != "name" or expression[1] not in scope.imported:
        return False
    top = scope.module.top
    return not any(each in top.imported or each in top.assigned for each in scope.facts.loads if each not in scope.imported)


def _is_logged(access: Access) -> bool:
    """It stands in the call of a logger: what the environment says is what shall be shown."""
    calls = access.scope.facts.calls
    return any(last_name(each.callee) in LOGGING and each.line <= access.line <= each.end_line for each in calls)


def uses_django(module: ModuleSymbol) -> bool:
    """It imports something of Django, which has read its settings by the time that it does anything for anybody."""
    imports = (each for scope in module.functions for each in scope.facts.imports)
    return any(each.module.partition(".")[0] == "django" for each in imports)


def asks_django(module: ModuleSymbol) -> bool:
    """It imports the settings that Django hands out."""
    imports = [each.name for scope in module.functions for each in scope.facts.imports if each.module == "django.conf"]
    return "settings" in imports
