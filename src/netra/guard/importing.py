"""Which modules of a program have run before which, as far as the imports at their tops say."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from netra.guard.analysis import Analysis
from netra.guard.facts import BODY, TOP, is_for_checkers
from netra.guard.lazily import lazily
from netra.guard.symbols import ClassSymbol, FunctionSymbol, ModuleSymbol, VariableSymbol


class ImportOrder:
    """What an import of a module brings with it. Imports in functions come later, or never, and count for nothing."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._program = analysis.program
        self._named: dict[ModuleSymbol, tuple[ModuleSymbol, ...]] = {}
        self._brought: dict[tuple[ModuleSymbol, int | None], frozenset[ModuleSymbol]] = {}
        self._packages: dict[str, tuple[ModuleSymbol, ...]] = {}

    def before(self, module: ModuleSymbol, begun: frozenset[ModuleSymbol] = frozenset()) -> frozenset[ModuleSymbol]:
        """Every module that has to run before this one has, beside the packages that it lies in, which have begun already, as
        have those that are said to: what these import further down comes later.
        """
        around = {*self.packages(module.name), *begun}
        found: set[ModuleSymbol] = set()
        waiting = [module]
        while waiting:
            for named in self.named(waiting.pop()):
                passed = [each for each in self.packages(named.name) if each not in around]
                for each in (named, *passed):
                    if each not in found and each not in begun:
                        found.add(each)
                        waiting.append(each)
        return frozenset(found)

    def brought(self, module: ModuleSymbol, line: int | None = None) -> frozenset[ModuleSymbol]:
        """What the imports at the top of a module have had run, those above a line of it or all."""
        if (module, line) not in self._brought:
            found: set[ModuleSymbol] = set()
            begun = frozenset((module, *self.packages(module.name)))
            for named in self._find_named(module, line):
                found.update((named, *self.before(named, begun)) if named not in begun else ())
            self._brought[module, line] = frozenset(found)
        return self._brought[module, line]

    def after(self, module: ModuleSymbol) -> frozenset[ModuleSymbol]:
        """Every module of the program that cannot run without this one: it imports it, itself, through others or by the
        packages that it lies in.
        """
        found: set[ModuleSymbol] = set()
        waiting = [module]
        while waiting:
            for each in self._needing.get(waiting.pop(), ()):
                if each not in found and each is not module:
                    found.add(each)
                    waiting.append(each)
        return frozenset(found)

    def named(self, module: ModuleSymbol) -> tuple[ModuleSymbol, ...]:
        """The modules of the program that a module imports while it runs, each once."""
        if module not in self._named:
            self._named[module] = tuple(dict.fromkeys(self._find_named(module)))
        return self._named[module]

    def _find_named(self, module: ModuleSymbol, above: int | None = None) -> Iterator[ModuleSymbol]:
        for scope in module.file.functions:
            if scope.sort not in (TOP, BODY):
                continue
            for each in scope.imports:
                if above is not None and each.line >= above:
                    continue
                if is_for_checkers(each.line, scope):
                    continue
                target = self._program.absolute(each, module) or ""
                source = self._program.module_named(target, module)
                inner = self._program.module_named(f"{target}.{each.name}", module)
                if inner is not None:
                    yield inner
                if source is not None and (inner is None or each.name in source.top.bound):
                    yield source

    def asks(self, module: ModuleSymbol, owner: ModuleSymbol, *, at_once: bool = False) -> bool:
        """A module itself imports another, a module inside it, or a name that was made there, by whatever way it is handed on.

        `at_once`: while it runs, and not in a function of its own.
        """
        for scope in module.functions:
            if at_once and scope.facts.sort not in (TOP, BODY):
                continue
            for each in scope.facts.imports:
                target = self._program.absolute(each, module) or ""
                if any(_is_inside(named, owner.name) for named in (target, f"{target}.{each.name}")):
                    return True
                match self._program.imported(each, module) if each.name else None:
                    case VariableSymbol(scope=holder) if _is_inside(holder.module.name, owner.name):
                        return True
                    case ClassSymbol(module=made) | FunctionSymbol(module=made) if _is_inside(made.name, owner.name):
                        return True
        return False

    def stands_alone(self, module: ModuleSymbol) -> bool:
        """It imports nothing of its own program: it may be a copy, or be made to run without the rest."""
        return not any(each is not module and not each.library for each in self.wherever(module))

    def wherever(self, module: ModuleSymbol) -> Iterator[ModuleSymbol]:
        """The modules that a module names in its imports, those in functions too."""
        for scope in module.functions:
            for each in scope.facts.imports:
                target = self._program.absolute(each, module) or ""
                for named in (target, f"{target}.{each.name}"):
                    if (found := self._program.module_named(named, module)) is not None:
                        yield found

    def packages(self, name: str) -> tuple[ModuleSymbol, ...]:
        """The packages that a module of this name lies in, the nearest first."""
        found = self._packages.get(name)
        if found is None:
            around = name.rpartition(".")[0]
            package = self._program.modules.get(around)
            further = self.packages(around) if around else ()
            found = self._packages[name] = further if package is None else (package, *further)
        return found

    @lazily
    def _needing(self) -> Mapping[ModuleSymbol, set[ModuleSymbol]]:
        found: dict[ModuleSymbol, set[ModuleSymbol]] = defaultdict(set)
        for module in self._analysis.modules:
            for each in self.packages(module.name):
                found[each].add(module)
            for named in self.named(module):
                found[named].add(module)
                for each in self.packages(named.name):
                    found[each].add(module)
        return found


def _is_inside(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")
