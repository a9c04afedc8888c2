"""Classes whose methods are not what stands there: a metaclass, a decorator or an `__init_subclass__` puts others there.

class Meta(type):
    def __init__(cls, name, bases, members):
        for key, value in members.items():
            setattr(cls, key, wrapped(value))
"""

from collections.abc import Iterator
from typing import Final

from netra.guard.facts import last_name
from netra.guard.lazily import lazily
from netra.guard.program import Program
from netra.guard.symbols import ClassSymbol, FunctionSymbol

# Methods of a metaclass that see the members of a class before anybody else does.
MAKING: Final = frozenset({"__new__", "__init__", "__call__"})


class Metaclasses:
    """Answers which classes of a program get other methods than they write."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def remake(self, kind: ClassSymbol) -> bool:
        """What stands under a name in the class may be something else by the time that somebody asks for it."""
        remaking = self._remaking
        return bool(remaking) and any(each in remaking for each in self._program.order(kind)[0])

    @lazily
    def _remaking(self) -> frozenset[ClassSymbol]:
        found: set[ClassSymbol] = set()
        for module in self._program.own:
            for kind in module.classes:
                above = [value for name, value in kind.facts.keywords if name == "metaclass"]
                metaclass = self._program.evaluate(above[0], module.function(kind.facts.scope)) if above else None
                if isinstance(metaclass, ClassSymbol) and self._wraps(metaclass):
                    found.add(kind)
                if any(_writes_computed_names(method) for method in kind.methods.get("__init_subclass__", ())):
                    found.add(kind)
                if any(map(_writes_computed_names, self._decorating(kind))):
                    found.add(kind)
        return frozenset(found)

    def _decorating(self, kind: ClassSymbol) -> Iterator[FunctionSymbol]:
        """The functions of the program that take the class as it stands: `@made_synchronous`."""
        around = kind.module.function(kind.facts.scope)
        for each in kind.facts.decorators:
            match self._program.evaluate(each.callee, around):
                case FunctionSymbol() as decorator if not decorator.module.library:
                    yield decorator
                    yield from decorator.children

    def _wraps(self, metaclass: ClassSymbol) -> bool:
        methods = (
            method for each in self._program.order(metaclass)[0] for name in MAKING for method in each.methods.get(name, ())
        )
        return any(_writes_computed_names(method) for method in methods)


def _writes_computed_names(method: FunctionSymbol) -> bool:
    """`setattr(cls, name, …)` or `members[name] = …`, where the name is worked out."""
    if any(
        last_name(call.callee) == "setattr" and len(call.arguments) == 3 and call.arguments[1][0] != "string"
        for call in method.facts.calls
    ):
        return True
    return any(
        each.target[0] == "subscript"
        and each.target[1][0] == "name"
        and each.target[1][1] in method.parameters
        and each.target[2][0] != "string"
        for each in method.facts.assignments
    )
