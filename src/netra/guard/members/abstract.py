"""Classes of which no object can be made, as methods of theirs are abstract."""

from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import last_name
from netra.guard.members.members import is_bound_once
from netra.guard.members.outside import OutsideWrites
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol

MARKS: Final = frozenset("abstractmethod abstractproperty abstractclassmethod abstractstaticmethod".split())
METACLASS: Final = "ABCMeta"
# Bases by which a class is made by `ABCMeta`.
ABSTRACT: Final = frozenset({"abc.ABC", "typing.Protocol", "typing_extensions.Protocol"})
# Bases that neither make a class abstract nor give it a method that it lacks.
BESIDE: Final = frozenset({"typing.Generic", "typing_extensions.Generic", "builtins.object", "pydantic.BaseModel"})
# Decorators that hand a class back with the methods that it has.
KEEPING: Final = frozenset("dataclass final runtime_checkable total_ordering define frozen mutable attrs".split())
# By these a class makes something else of itself, or of those below it.
MAKING: Final = ("__new__", "__init_subclass__")


class AbstractClasses:
    """Answers about classes, each worked out once; use `analysis.once(AbstractClasses)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._program = analysis.program
        self._outside = analysis.once(OutsideWrites)
        self._left: dict[ClassSymbol, tuple[FunctionSymbol, ...]] = {}
        marked = [module.decorator_names & MARKS for module in analysis.modules]
        self.names = frozenset(
            kind.name for module in analysis.modules for kind in module.classes if any(marked) and not module.in_tests
        )
        """How the classes are called that are asked about."""

    def left_by(self, kind: ClassSymbol) -> tuple[FunctionSymbol, ...]:
        """The abstract methods for which nothing stands in the class or above it; none where not all of it is known."""
        if kind not in self._left:
            self._left[kind] = self._abstract(kind)
        return self._left[kind]

    def _abstract(self, kind: ClassSymbol) -> tuple[FunctionSymbol, ...]:
        order = self._program.order(kind)[0]
        if not any(self._says_so(each) for each in order) or not all(map(self._is_plain, order)):
            return ()
        if self._outside.is_written(kind, "__abstractmethods__"):
            return ()
        # What a class marks that is not made by `ABCMeta` is nothing to those below it.
        known = {
            name
            for each in order
            if any(map(self._says_so, self._program.order(each)[0]))
            for name, methods in each.methods.items()
            if any(map(self._is_marked, methods))
        }
        found = []
        seen: set[str] = set()
        for each in order:
            classes = each.module.nested.get(each.facts.body, ({}, {}))[1]
            for name, methods in each.methods.items():
                if name in seen or name not in known or len(methods) > 1 or not self._is_marked(methods[0]):
                    continue
                if name not in each.body.assigned and not self._outside.is_written(kind, name):
                    found.append(methods[0])
            given = [name for name, all_of in each.body.assigned.items() if any(one.how != "declared" for one in all_of)]
            seen.update(each.methods, classes, given, each.body.imported)
        return tuple(found)

    def _says_so(self, kind: ClassSymbol) -> bool:
        around = kind.module.function(kind.facts.scope)
        if any(name == "metaclass" and last_name(value) == METACLASS for name, value in kind.facts.keywords):
            return True
        bases = [base[1] if base[0] == "subscript" else base for base in kind.facts.bases]
        return any(
            isinstance(symbol := self._program.evaluate(base, around), External) and symbol.dotted in ABSTRACT for base in bases
        )

    def _is_plain(self, kind: ClassSymbol) -> bool:
        """All of the class is seen, and nothing makes another one of it."""
        if kind.module.library or kind.module.file.problems or not is_bound_once(kind):
            return False
        if any(name in kind.methods or name in kind.body.assigned for name in MAKING):
            return False
        if kind.name in self._outside.rivals or kind in self._outside.written_into:
            return False
        if any(name == "metaclass" and last_name(value) != METACLASS for name, value in kind.facts.keywords):
            return False
        if any(last_name(each.callee) not in KEEPING for each in kind.facts.decorators):
            return False
        around = kind.module.function(kind.facts.scope)
        for base in kind.facts.bases:
            match self._program.evaluate(base[1] if base[0] == "subscript" else base, around):
                case ClassSymbol():
                    continue
                case External(dotted=dotted) if dotted in ABSTRACT or dotted in BESIDE:
                    continue
                case _:
                    return False
        return True

    def _is_marked(self, method: FunctionSymbol) -> bool:
        around = method.parent
        if around is None or method.decorator_names.isdisjoint(MARKS):
            return False
        for each in method.facts.decorators:
            match self._program.evaluate(each.callee, around):
                case External(dotted=dotted) if dotted.startswith("abc.") and dotted[4:] in MARKS:
                    return True
        return False
