"""What two revisions of a program differ in: the names that are gone, those that are new, and who is who in both."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import BODY, LAMBDA, TOP, Assignment
from netra.guard.lazily import lazily
from netra.guard.members.presence import class_has, is_enum, is_model, is_record, members, module_has
from netra.guard.program import Program
from netra.guard.symbols import ClassSymbol, FunctionSymbol, ModuleSymbol, VariableSymbol

# What a class tells a library of itself: nobody asks its objects for it.
SETTINGS: Final = frozenset("Config Meta model_config".split())


@dataclass(frozen=True, slots=True)
class Named:
    """A name that a module or a class gives others, in one of the two programs."""

    what: str
    """As a finding calls it: "function", "class", "method", "attribute", "field", "enum member", "constant", "variable",
    "module", "import"."""
    name: str
    module: ModuleSymbol
    owner: ClassSymbol | None
    line: int
    symbol: ModuleSymbol | ClassSymbol | FunctionSymbol | Assignment | None = None
    """What it stands for, when that is one thing."""

    @property
    def full_name(self) -> str:
        if self.what == "module":
            return self.module.name
        return f"{self.owner.full_name if self.owner else self.module.name}.{self.name}"

    @property
    def container(self) -> str:
        """The full name of the module or class that it is a name of."""
        return self.full_name.rpartition(".")[0]


class Comparison:
    """Two programs, symbol by symbol. Modules that are the same object in both are the same."""

    def __init__(self, now: Program, then: Program) -> None:
        self.now = now
        self.then = then
        self._functions: dict[ModuleSymbol, dict[str, FunctionSymbol]] = {}

    # --- who is who ------------------------------------------------------------------------------------------------------

    def earlier_function(self, function: FunctionSymbol) -> FunctionSymbol | None:
        """What the function of today was."""
        module = self.then.modules.get(function.module.name)
        return None if module is None or module.library else self._by_name(module).get(function.facts.qualified)

    def earlier_class(self, kind: ClassSymbol) -> ClassSymbol | None:
        """What the class of today was, under the same name."""
        module = self.then.modules.get(kind.module.name)
        return None if module is None or module.library else _class_of(module, kind.facts.qualified)

    def class_today(self, kind: ClassSymbol) -> ClassSymbol | None:
        """What has become of a class, also when its module only hands it on by now."""
        module = self.now.modules.get(kind.module.name)
        if module is None or module.library:
            return None
        if (found := _class_of(module, kind.facts.qualified)) is not None:
            return found
        found_elsewhere = self.now.member(module, kind.facts.qualified)
        return found_elsewhere if isinstance(found_elsewhere, ClassSymbol) else None

    def _by_name(self, module: ModuleSymbol) -> dict[str, FunctionSymbol]:
        if module not in self._functions:
            self._functions[module] = {
                each.facts.qualified: each for each in module.functions if each.facts.sort not in (TOP, BODY, LAMBDA)
            }
        return self._functions[module]

    @lazily
    def changed_functions(self) -> tuple[tuple[FunctionSymbol, FunctionSymbol], ...]:
        """Every function that stands in a module that changed, as it was and as it is."""
        return tuple(
            (before, function)
            for module in self.now.own
            if self._is_changed(module)
            for function in self._by_name(module).values()
            if (before := self.earlier_function(function)) is not None
        )

    def _is_changed(self, module: ModuleSymbol) -> bool:
        return self.then.modules.get(module.name) is not module

    # --- what is gone, and what is new -----------------------------------------------------------------------------------

    @lazily
    def gone(self) -> dict[str, Named]:
        """What was there and is not any more, by full name. What stood in something that is gone is not named again."""
        found: dict[str, Named] = {}
        for module in self.then.own:
            today = self.now.modules.get(module.name)
            if today is module:
                continue
            if today is None:
                each = Named("module", module.name.rpartition(".")[2], module, None, 1, module)
                found[each.full_name] = each
                continue
            for each in names_of(self.then, module):
                if not module_has(self.now, today, each.name):
                    found[each.full_name] = each
            for kind in module.classes:
                if (still := self.class_today(kind)) is not None:
                    for each in members_of(self.then, kind):
                        if not class_has(self.now, still, each.name):
                            found[each.full_name] = each
        return found

    @lazily
    def fresh(self) -> dict[str, list[Named]]:
        """What is there and was not, by what it is."""
        found: dict[str, list[Named]] = {}
        for module in self.now.own:
            before = self.then.modules.get(module.name)
            if before is module:
                continue
            if before is None:
                self._add(found, Named("module", module.name.rpartition(".")[2], module, None, 1, module))
            for each in names_of(self.now, module):
                if before is None or each.name not in before.top.bound:
                    self._add(found, each)
            for kind in module.classes:
                if (earlier := self.earlier_class(kind)) is not None:
                    known = members(earlier)
                    for each in members_of(self.now, kind):
                        if each.name not in known:
                            self._add(found, each)
        return found

    def outermost(self, gone: Named) -> Named:
        """The package that went as a whole, of a module that went with it; anything else is its own change."""
        while gone.what == "module" and (above := self.gone.get(gone.container)) is not None and above.what == "module":
            gone = above
        return gone

    def _add(self, found: dict[str, list[Named]], each: Named) -> None:
        found.setdefault(each.what, []).append(each)


def comparison(analysis: Analysis) -> Comparison | None:
    """The two programs of this run; None when it compares with nothing."""
    return None if analysis.past is None else Comparison(analysis.program, analysis.past.program)


def names_of(program: Program, module: ModuleSymbol) -> Iterator[Named]:
    """Every name that a module binds at its top, once."""
    functions, classes = module.nested.get(0, ({}, {}))
    for name, numbers in functions.items():
        function = module.function(numbers[-1])
        yield Named("function", name, module, None, function.facts.line, function)
    for name, numbers in classes.items():
        kind = module.of_class(numbers[-1])
        yield Named("class", name, module, None, kind.facts.line, kind)
    for name, assigned in module.top.assigned.items():
        if name not in functions and name not in classes:
            yield Named("constant" if name.isupper() else "variable", name, module, None, assigned[0].line, assigned[0])
    for name, imported in module.top.imported.items():
        if (
            name not in ("*", *module.top.unsaid)
            and name not in functions
            and name not in classes
            and name not in module.top.assigned
        ):
            symbol = program.member(module, name)
            target: ModuleSymbol | ClassSymbol | FunctionSymbol | Assignment | None = None
            if isinstance(symbol, ModuleSymbol | ClassSymbol | FunctionSymbol):
                target = symbol
            if isinstance(symbol, VariableSymbol):
                target = next(iter(symbol.scope.assigned.get(symbol.name, ())), None)
            yield Named("import", name, module, None, imported[0].line, target)


def members_of(program: Program, kind: ClassSymbol) -> Iterator[Named]:
    """Every name that a class gives its objects by itself, those of the language left out."""
    enumerates = is_enum(program, kind)
    fields = is_record(kind.facts) or is_model(program, kind)
    _, classes = kind.module.nested.get(kind.facts.body, ({}, {}))
    for name, line in members(kind).items():
        if name.startswith("__") or name in SETTINGS:
            continue
        if name in kind.methods:
            yield Named("method", name, kind.module, kind, line, kind.methods[name][-1])
        elif name in classes:
            yield Named("class", name, kind.module, kind, line, kind.module.of_class(classes[name][-1]))
        elif name in kind.body.assigned:
            first = kind.body.assigned[name][0]
            what = "enum member" if enumerates else "field" if fields and first.annotation is not None else "attribute"
            yield Named(what, name, kind.module, kind, line, first)
        else:
            yield Named(
                "attribute", name, kind.module, kind, line, next((one for _, one in kind.set_on_self.get(name, ())), None)
            )


def _class_of(module: ModuleSymbol, qualified: str) -> ClassSymbol | None:
    return next((each for each in module.classes if each.facts.qualified == qualified), None)
