"""What lists and dictionaries of a module get from functions, its own and those of modules that import them, and what a
decorator of the program that keeps what it stands on is given.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator

from netra.guard.facts import ASYNC, PLAIN, Expression, last_name
from netra.guard.program import Program
from netra.guard.symbols import FunctionSymbol, ModuleSymbol, VariableSymbol
from netra.guard.values import Routine, Value


def filled_by(program: Program, top: FunctionSymbol, name: str) -> Iterator[FunctionSymbol]:
    """The functions that see a variable of a module under its name."""
    if not top.module.library:
        for module in (top.module, *program.once(_importing).get(name, ())):
            if module is top.module or program.lookup(name, module.top) == VariableSymbol(top, name):
                yield from (each for each in module.functions if each is not top and name in each.facts.loads)


def _importing(program: Program) -> dict[str, list[ModuleSymbol]]:
    """The modules that import something from another one of the program, by its name."""
    found: dict[str, list[ModuleSymbol]] = defaultdict(list)
    for module in program.own:
        for each in module.top.facts.imports if not module.in_tests else ():
            if each.name == each.bound:
                found[each.name].append(module)
    return dict(found)


def decorated_with(
    program: Program, scope: FunctionSymbol, parameter: str, evaluate: Callable[[Expression, FunctionSymbol], Value | None]
) -> list[FunctionSymbol]:
    """The functions on which a decorator stands, for its first parameter: `@hook`, or `@hook("saved")` for what it makes."""
    if scope.facts.sort not in (PLAIN, ASYNC) or not scope.facts.parameters:
        return []
    first = 1 if scope.owner is not None and len(scope.facts.parameters) > 1 else 0
    if scope.facts.parameters[first].name != parameter:
        return []
    made_by = scope.parent if scope.parent is not None and scope.parent.facts.sort == PLAIN else None
    found = []
    for target, called in ((scope, False), (made_by, True)):
        if target is None or (called and ("name", scope.name) not in [each.value for each in target.facts.returned]):
            continue
        for decorated, number in program.once(decorations).get(target.name, ()):
            decorator = decorated.facts.decorators[number]
            if decorator.called == called and decorated.parent is not None:
                match evaluate(decorator.callee, decorated.parent):
                    case Routine(function=function) if function is target:
                        found.append(decorated)
    return found


def decorations(program: Program) -> dict[str, list[tuple[FunctionSymbol, int]]]:
    """Every decorator on a function of the program outside its tests, by its last name."""
    found: dict[str, list[tuple[FunctionSymbol, int]]] = defaultdict(list)
    for scope in program.scopes:
        for number, each in enumerate(scope.facts.decorators if not scope.module.in_tests else ()):
            if (name := last_name(each.callee)) is not None:
                found[name].append((scope, number))
    return dict(found)
