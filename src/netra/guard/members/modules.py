"""What the modules of the program hold, and what they lack for certain."""

from pathlib import Path
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import Expression, dotted
from netra.guard.members.decorators import ClassDecorators
from netra.guard.members.lazy_modules import answered_names
from netra.guard.members.members import WRITING
from netra.guard.members.outside import OutsideWrites
from netra.guard.symbols import FunctionSymbol, ModuleSymbol

MODULES: Final[Expression] = ("attribute", ("name", "sys"), "modules")


class ModuleNames:
    """Answers about what modules hold; use `analysis.once(ModuleNames)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._program = analysis.program
        self._decorators = analysis.once(ClassDecorators)
        self._outside = analysis.once(OutsideWrites)

    def lacks(self, module: ModuleSymbol, name: str) -> bool:
        """The module of the program has no such name, and nothing that could give it one unseen."""
        if name.startswith("__") or module.library or self._program.member(module, name) is not None:
            return False
        if name in module.top.bound and name not in module.top.unsaid:
            return False  # by several branches that disagree
        if (
            name in self.given_globally(module)
            or module in self._outside.written_into
            or self._outside.is_written(module, name)
        ):
            return False
        if not self._tells_all(module, name, set()) or any(
            each.startswith(f"{module.name}.{name}.") for each in self._program.modules
        ):
            return False
        around = module.top
        for kind in module.classes:
            # `@enum_members` may write `State_OPEN` into the module of `State`.
            if kind.name in name and not all(self._decorators.hands_back(each, around) for each in kind.facts.decorators):
                return False
        # A compiled module, a folder without Python in it, a file that was left out.
        return not module.package or not any(Path(module.path).parent.glob(f"{name}*"))

    def named_in(self, module: ModuleSymbol) -> list[str]:
        """What stands at the top of the module, by name."""
        functions, classes = module.nested.get(0, ({}, {}))
        return sorted({*functions, *classes, *module.top.assigned, *module.top.imported})

    def given_globally(self, module: ModuleSymbol) -> frozenset[str]:
        """Names that functions of the module declare `global`."""
        return frozenset(name for function in module.file.functions for name in function.globals)

    def _tells_all(self, module: ModuleSymbol, name: str, seen: set[str]) -> bool:
        """Everything that the module holds stands in it, or in what it imports `*` from, and the name does not."""
        seen.add(module.name)
        functions, classes = module.nested.get(0, ({}, {}))
        if module.file.problems or module.library or {"__getattr__"} & {*classes, *module.top.assigned}:
            return False
        if "__getattr__" in functions:
            answered = answered_names(module)
            if answered is None or name in answered:
                return False
        for function in module.file.functions:
            for call in function.calls:
                if call.callee[0] == "name" and call.callee[1] in WRITING:
                    return False
            if any(_is_loaded(each.target[1]) for each in function.assignments if len(each.target) > 2):
                return False
        for each in module.top.imported.get("*", ()):
            source = self._program.source_of(each, module)
            if (
                source is None
                or name in source.top.bound
                or (source.name not in seen and not self._tells_all(source, name, seen))
            ):
                return False
        return "__getattr__" not in module.top.imported


def _is_loaded(place: Expression) -> bool:
    """`sys.modules` or a module out of it, whose item or attribute is set: `sys.modules[__name__].__class__ = Lazy`."""
    return "sys.modules" in (dotted(place[1] if place[0] == "subscript" else place) or "")


def handed_by_name(analysis: Analysis) -> frozenset[str]:
    """Modules whose names somebody hands to a function that works on `sys.modules`: whatever that makes of them.

    `fields.generate(__name__)`, where `generate` does `module = sys.modules[name]`, and `setattr(module, key, value)`.
    """
    asking = [scope for scope in analysis.scopes if "sys" in scope.facts.loads]
    writing = {scope.name for scope in asking if _works_on_modules(scope)}
    found: set[str] = set()
    for scope, _, call in analysis.calls_of(*writing):
        for given in call.arguments:
            if given == ("name", "__name__"):
                found.add(scope.module.name)
            elif given[0] == "string" and given[1] in analysis.program.modules:
                found.add(given[1])
    return frozenset(found)


def _works_on_modules(scope: FunctionSymbol) -> bool:
    """The function puts something into `sys.modules`, calls a method of it, or gives names to a module out of it."""
    if any(each.target[0] == "subscript" and each.target[1] == MODULES for each in scope.facts.assignments) or any(
        each.callee[0] == "attribute" and each.callee[1] == MODULES for each in scope.facts.calls
    ):
        return True
    taken = [each.value for each in scope.facts.assignments if each.value[0] == "subscript" and each.value[1] == MODULES]
    given = any(each[2][0] == "name" and each[2][1] in scope.parameters for each in taken)
    return given and any(call.callee == ("name", "setattr") for one in (scope, *scope.children) for call in one.facts.calls)
