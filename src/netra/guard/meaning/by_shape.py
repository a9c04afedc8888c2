"""What a parameter without annotation is, by what its function does with it: awaits some of its methods, and calls others.

`await redis.ttl(key)` beside `redis.scan_iter("user:*")` is done with a client of redis and with nothing else that is modelled.
An object is taken for one of a class only when the class alone, of those of all libraries that the program imports, has all
the methods, those that are awaited are coroutine functions, and no class of the program has any of them as well.
"""

from collections import defaultdict
from typing import Final

from netra.guard.facts import ASYNC
from netra.guard.program import Program
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Instance

# Fewer methods than this say too little.
FEWEST: Final = 2


def by_shape(scope: FunctionSymbol, name: str, program: Program) -> Instance | None:
    """The object that a parameter is; None where its methods do not tell."""
    if scope.facts.sort != ASYNC or scope.module.in_tests or scope.assigned.get(name):
        return None
    owner = ("name", name)
    calls = [each for each in scope.facts.calls if each.callee[0] == "attribute" and each.callee[1] == owner]
    methods = {each.callee[2] for each in calls}
    awaited = {each.callee[2] for each in calls if each.where[0] == "await"}
    if len(methods) < FEWEST or not awaited:
        return None
    having = program.once(_classes_with)
    found = set.intersection(*(having.get(method, set()) for method in methods))
    # Of a class and those below it, the first has all that is asked of it.
    first = [each for each in found if not any(other is not each and other in program.order(each)[0] for other in found)]
    if len(first) != 1 or not any(len(having[method]) <= len(found) for method in methods):
        return None
    if not all(_is_late(first[0], method, program) for method in awaited):
        return None
    own = program.once(_methods_of_program)
    return None if methods & own else Instance(first[0])


def _is_late(kind: ClassSymbol, method: str, program: Program) -> bool:
    for each in program.order(kind)[0]:
        if method in each.methods:
            return each.methods[method][0].facts.sort == ASYNC
    return False


def _classes_with(program: Program) -> dict[str, set[ClassSymbol]]:
    """Of each method of a model that was read: the classes that have it."""
    found: dict[str, set[ClassSymbol]] = defaultdict(set)
    for module in program.modules.values():
        for kind in module.classes if module.model else ():
            for above in program.order(kind)[0]:
                for method in above.methods:
                    found[method].add(kind)
    return dict(found)


def _methods_of_program(program: Program) -> frozenset[str]:
    return frozenset(name for module in program.own for kind in module.classes for name in kind.methods)
