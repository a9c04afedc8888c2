"""Every place at which a scope reads an attribute, and the names by which something of one sort can be reached at all.

Most of what a program reads belongs to libraries. Rules look at the name first, which costs nothing, and only then ask what
stands behind it.
"""

from collections.abc import Iterable
from operator import itemgetter
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import LAMBDA, Expression, Function
from netra.guard.program import Program
from netra.guard.symbols import FunctionSymbol

# `sys.modules[__name__]`: the module as an object, which whoever is handed it may give any name.
ITSELF: Final[Expression] = ("subscript", ("attribute", ("name", "sys"), "modules"), ("name", "__name__"))


def hands_over_its_module(function: Function) -> bool:
    """A function hands its module to somebody as an object: `setattr(sys.modules[__name__], name, value)`."""
    names = [each.target for each in function.assignments if each.value == ITSELF] if "sys" in function.loads else []
    return any(ITSELF in call.arguments or any(each in call.arguments for each in names) for call in function.calls)


def attributes_of(names: Iterable[str], analysis: Analysis) -> list[tuple[FunctionSymbol, Expression, int, int]]:
    """Each attribute that is read of something with one of these last names, in the order of the program, with its scope.

    They come out of an index that is made once. A rule that looks for few names asks here instead of at every attribute.
    """
    index = analysis.program.once(_by_owner)
    found = [each for name in names for each in index.get(name, ())]
    found.sort(key=itemgetter(0))
    return [each[1:] for each in found]


def _by_owner(program: Program) -> dict[str, list[tuple[int, FunctionSymbol, Expression, int, int]]]:
    """Every attribute that is read, by the last name of what it is read of, with its place among all of them."""
    found: dict[str, list[tuple[int, FunctionSymbol, Expression, int, int]]] = {}
    place = 0
    for scope in program.scopes:
        for expression, line, column in scope.attributes_read:
            owner = expression[1]
            if owner[0] in ("name", "attribute"):  # `last_name`, written out: this loop sees every attribute there is
                place += 1
                found.setdefault(owner[-1], []).append((place, scope, expression, line, column))
    return found


def names_for(names: Iterable[str], analysis: Analysis) -> frozenset[str]:
    """These names with all under which they are imported or assigned anywhere: `from a import b as c`, `c = b`."""
    aliases = analysis.program.once(aliases_of_names)
    found = set(names)
    waiting = list(found)
    while waiting:
        for alias in aliases.get(waiting.pop(), ()):
            if alias not in found:
                found.add(alias)
                waiting.append(alias)
    return frozenset(found)


def aliases_of_names(program: Program) -> dict[str, set[str]]:
    """Of each name: those under which what is called so is imported or assigned; use `program.once(aliases_of_names)`."""
    found: dict[str, set[str]] = {}
    for module in program.own:
        for function in module.file.functions:
            for each in function.imports:
                source = each.name or each.module.rpartition(".")[2]
                if each.bound and source != each.bound:
                    found.setdefault(source, set()).add(each.bound)
            for one in function.assignments:
                if one.value[0] in ("name", "attribute") and one.target[0] in ("name", "attribute"):
                    found.setdefault(one.value[-1], set()).add(one.target[-1])
    return found


def own_callables(analysis: Analysis) -> frozenset[str]:
    """Every name by which a function or class of the program may be called."""
    names: set[str] = set()
    for module in analysis.modules:
        names.update(each.name for each in module.file.classes)
        names.update(each.name for each in module.file.functions if each.sort != LAMBDA)
    return names_for(names, analysis)


def named(expression: Expression, names: frozenset[str]) -> bool:
    """The last name of an expression is one of these."""
    return expression[0] in ("name", "attribute") and expression[-1] in names


def is_waived(scope: FunctionSymbol, what: str, first: int, last: int = 0) -> bool:
    """On one of the lines, another checker is told to be silent about the same: somebody has looked at it."""
    waived = scope.module.file.waived
    return bool(waived) and any(first <= line <= max(first, last) and what == subject for line, subject in waived)
