"""What a program promises to others, and how it takes a promise back: by a release whose name warns before it leaves.

Public is what `[tool.netra-guard] public` names: every name without an underscore in those packages and modules and below them,
or what their `__all__` lists. Without it, public is what somebody took the trouble to say: the names in an `__all__`, and those
that the `__init__` of a package takes from its own modules. A module with an underscore, and a test, promises nothing.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from netra.guard.facts import Expression, last_name
from netra.guard.program import Program
from netra.guard.revisions.comparison import Named, members_of, names_of
from netra.guard.symbols import ClassSymbol, FunctionSymbol, ModuleSymbol

WARNINGS: Final = frozenset("DeprecationWarning PendingDeprecationWarning FutureWarning".split())


def promised(program: Program, public: Iterable[str]) -> Iterator[Named]:
    """Every public name of a module, and every name without an underscore of the classes that such names are."""
    named = tuple(public)
    for module in program.own:
        if not _is_hidden(module):
            for each in names_of(program, module):
                if _is_public(program, module, each, named):
                    yield each
                    if isinstance(each.symbol, ClassSymbol) and each.symbol.module is module:
                        yield from (one for one in members_of(program, each.symbol) if not one.name.startswith("_"))


def _is_hidden(module: ModuleSymbol) -> bool:
    return module.in_tests or any(part.startswith("_") for part in module.name.split("."))


def _is_public(program: Program, module: ModuleSymbol, each: Named, named: tuple[str, ...]) -> bool:
    if named and not any(module.own_name == one or module.own_name.startswith(f"{one}.") for one in named):
        return False
    if module.file.exports is not None:
        return each.name in module.file.exports
    if each.name.startswith("_"):
        return False
    return each.what != "import" if named else _is_handed_on(program, module, each)


def _is_handed_on(program: Program, module: ModuleSymbol, each: Named) -> bool:
    """A package takes the name from a module of its own, by `from .part import name`, for others to take it from there."""
    if not module.package or each.what != "import":
        return False
    for one in module.top.imported.get(each.name, ()):
        target = program.absolute(one, module)
        if one.name and target is not None and target.startswith(f"{module.name}."):
            return True
    return False


def warns(program: Program, each: Named) -> bool:
    """Whether who uses the name in this program is warned that it will leave."""
    module = program.modules.get(each.module.name)
    if module is None:
        return False
    functions, _ = module.nested.get(0, ({}, {}))
    if each.owner is None and each.name not in module.top.bound:
        return any(_warns(module.function(number)) for number in functions.get("__getattr__", ()))
    if each.owner is not None:
        owner = next((kind for kind in module.classes if kind.facts.qualified == each.owner.facts.qualified), None)
        if owner is None:
            return False
        return _class_warns(owner) or any(_warns(method) for method in owner.methods.get(each.name, ()))
    match program.member(module, each.name):
        case FunctionSymbol() as function:
            return _warns(function)
        case ClassSymbol() as kind:
            return _class_warns(kind)
    return False


def _class_warns(kind: ClassSymbol) -> bool:
    makers = (method for name in ("__init__", "__new__", "__init_subclass__") for method in kind.methods.get(name, ()))
    return any(_says_deprecated(each.callee) for each in kind.facts.decorators) or any(map(_warns, makers))


def _warns(function: FunctionSymbol) -> bool:
    if any(_says_deprecated(each.callee) for each in function.facts.decorators):
        return True
    return any(
        _says_deprecated(call.callee) or _warning_of(call.arguments, (value for _, value in call.keywords))
        for call in function.facts.calls
        if last_name(call.callee) in ("warn", "warn_explicit") or _says_deprecated(call.callee)
    )


def _warning_of(*groups: Iterable[Expression]) -> bool:
    return any(last_name(each) in WARNINGS for group in groups for each in group)


def _says_deprecated(expression: Expression) -> bool:
    return "deprecat" in (last_name(expression) or "").lower()
