"""Methods that no object runs: those of an abstract class that every class below has anew, without asking for them."""

from typing import Final

from netra.guard.facts import ASYNC, PLAIN
from netra.guard.program import Program
from netra.guard.symbols import ClassSymbol, FunctionSymbol

# Decorators by which a class says that it is made only by those below it.
ABSTRACT: Final = frozenset("abstractmethod abstractproperty abstractclassmethod abstractstaticmethod".split())


class Overridden:
    """Answers about methods, each worked out once; use `program.once(Overridden)`."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._known: dict[FunctionSymbol, bool] = {}

    def is_never_run(self, function: FunctionSymbol) -> bool:
        """Its class is abstract, and each class below that is not has a method of that name which does not call this one."""
        if function not in self._known:
            self._known[function] = self._is_replaced_everywhere(function)
        return self._known[function]

    def _is_replaced_everywhere(self, function: FunctionSymbol) -> bool:
        owner = function.owner
        if owner is None or function.facts.sort not in (PLAIN, ASYNC):
            return False
        below = self._program.subclasses.get(owner, ())
        if not below or not self._is_abstract(owner):
            return False
        made = [each for each in below if not self._is_abstract(each)]
        return bool(made) and all(self._has_its_own(each, owner, function.name) for each in made)

    def _is_abstract(self, kind: ClassSymbol) -> bool:
        """Some method of it is only announced, so that Python makes no object of it."""
        seen: set[str] = set()
        for each in self._program.order(kind)[0]:
            for name, methods in each.methods.items():
                if name not in seen and not ABSTRACT.isdisjoint(methods[-1].decorator_names):
                    return True
            seen.update(each.methods, each.body.assigned)
        return False

    def _has_its_own(self, kind: ClassSymbol, owner: ClassSymbol, name: str) -> bool:
        """Going up from the class, another one has the method first, and none on the way asks for what is above it."""
        for each in self._program.order(kind)[0]:
            if each is owner:
                return False
            if name in each.methods:
                return not any(_asks_above(method, owner) for method in each.methods[name])
        return False


def _asks_above(method: FunctionSymbol, owner: ClassSymbol) -> bool:
    """It calls `super().name(…)` or `Owner.name(…)`; what else it does with `super` may come to the same."""
    if "super" in method.facts.loads or owner.name in method.facts.loads:
        return True
    return any("super" in each.facts.loads for each in method.children)
