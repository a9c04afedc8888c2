"""Which classes are completed elsewhere: mixins, abstract ones, and those whose methods are given to something else."""

import re
from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, last_name
from netra.guard.lazily import lazily
from netra.guard.members.members import OF_OBJECTS, MemberNames
from netra.guard.members.parents import Parents
from netra.guard.reading import names_for
from netra.guard.symbols import ClassSymbol, FunctionSymbol

# Bases outside the program that have no methods to hand anything on to.
WITHOUT_METHODS: Final = frozenset({"builtins.object", "abc.ABC", "typing.Generic", "typing_extensions.Generic"})

MIXIN: Final = re.compile("[Mm]ixin|MixIn")
MADE_FOR_OTHERS: Final = re.compile(f"{MIXIN.pattern}|^_?(Base|Abstract)[A-Z]|Base$|Interface|Protocol$")


# What is asked about a class, and makes nothing of it.
TELLING_APART: Final = frozenset("isinstance issubclass cast super hasattr getattr TypeVar type".split())


class Completion:
    """Answers about classes that are not whole by themselves; use `analysis.once(Completion)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._program = analysis.program
        self._parents = analysis.once(Parents)
        self._members = analysis.once(MemberNames)
        self._analysis = analysis
        self._seen: dict[ClassSymbol, bool] = {}

    def is_part_of_others(self, kind: ClassSymbol) -> bool:
        """The class is made to stand beside others, as a mixin or with methods that somebody else has to write."""
        if MADE_FOR_OTHERS.search(kind.name) or self._is_never_made(kind):
            return True
        if "abc.ABC" in self._parents.outside(kind) or any(name == "metaclass" for name, _ in kind.facts.keywords):
            return True
        # A method that is left open in one class, and written in one that comes before it, is there.
        seen: set[str] = set()
        for each in self._program.order(kind)[0]:
            for name, methods in each.methods.items():
                if name not in seen and any(_is_left_open(one) for one in methods):
                    return True
            seen.update(each.methods, each.body.assigned)
        return False

    def is_half(self, kind: ClassSymbol) -> bool:
        """A mixin that nothing makes: an object that is one, by `Bits(self)` in it, is one of a class beside it as well."""
        return MIXIN.search(kind.name) is not None and not self._is_made(kind)

    def _is_never_made(self, kind: ClassSymbol) -> bool:
        """A plain class without a constructor that nothing calls by its name: its methods are given to something else."""
        order = self._program.order(kind)[0]
        if any(
            "__init__" in each.methods or each.facts.decorators or {*self._parents.outside(each)} - WITHOUT_METHODS
            for each in order
        ):
            return False
        return not self._is_made(kind)

    def _is_made(self, kind: ClassSymbol) -> bool:
        below = self._program.subclasses.get(kind, ())
        return any(each.name in self._program.calls_named for each in (kind, *below))

    def is_seen_made(self, kind: ClassSymbol) -> bool:
        """The program makes objects of the class, or of one below it: it calls one, hands it to somebody, or registers it.

        A class that has bases, and that nobody in the program makes, is there for others, who make a class of it and of
        something else. In packages that nobody had seen, what such a class was said to lack was there every other time. One
        without bases lacked it.
        """
        if kind not in self._seen:
            self._seen[kind] = self._stands_alone(kind) or any(
                self._is_called(each) for each in (kind, *self._program.subclasses.get(kind, ()))
            )
        return self._seen[kind]

    def is_whole(self, kind: ClassSymbol) -> bool:
        """A class for others to make as it is: it has a constructor of its own, writes all that its bases leave open, and these
        are of the program.
        """
        order = self._program.order(kind)[0]
        open_above = {name for each in order[1:] for name, methods in each.methods.items() if any(map(_is_left_open, methods))}
        return (
            not kind.name.startswith("_")
            and "__init__" in kind.methods
            and bool(open_above)
            and not {*self._parents.outside(kind)} - WITHOUT_METHODS
        )

    def is_made_itself(self, kind: ClassSymbol) -> bool:
        """The program calls this very class by its name."""
        found = self._analysis.calls_of(*names_for([kind.name], self._analysis))
        return any(self._program.evaluate(call.callee, scope) is kind for scope, _, call in found if not scope.module.in_tests)

    def _stands_alone(self, kind: ClassSymbol) -> bool:
        return len(self._program.order(kind)[0]) == 1 and not {*self._parents.outside(kind)} - WITHOUT_METHODS

    def _is_called(self, kind: ClassSymbol) -> bool:
        around = kind.module.function(kind.facts.scope)
        if any(isinstance(self._program.evaluate(each.callee, around), FunctionSymbol) for each in kind.facts.decorators):
            return True  # a register of the program has it, to make objects of
        for scope, _, call in self._analysis.calls_of(*names_for([kind.name], self._analysis)):
            if self._program.evaluate(call.callee, scope) is kind:
                return True
        written = [method for each in self._program.order(kind)[0] for methods in each.methods.values() for method in methods]
        if any(call.callee == ("name", "cls") for method in written for call in method.facts.calls):
            return True
        return kind in self._handed

    @lazily
    def _handed(self) -> frozenset[ClassSymbol]:
        """The classes that a call is given: `Depends(Service)`, `convert(files, GithubPages)`."""
        found: set[ClassSymbol] = set()
        named = self._program.classes_named
        for scope in self._analysis.scopes:
            for call in scope.facts.calls:
                if last_name(call.callee) in TELLING_APART:
                    continue
                for given in call.given:
                    if given[0] in ("name", "attribute") and given[-1] in named:
                        match self._program.evaluate(given, scope):
                            case ClassSymbol() as kind:
                                found.add(kind)
        return frozenset(found)

    def is_completed_elsewhere(self, kind: ClassSymbol, name: str) -> bool:
        """A mixin that nobody here combines or makes: it hands on what nothing above takes, and another class has the name."""
        if self._is_made(kind) or not any(self._hands_on(each) for each in self._cooperating(kind)):
            return False
        return self._members.are_together({name})

    def _cooperating(self, kind: ClassSymbol) -> Iterator[tuple[CallSite, FunctionSymbol, list[ClassSymbol]]]:
        """Each `super().method(…)` in the class or above it, with its method and the classes that are asked for it."""
        order = self._program.order(kind)[0]
        for place, each in enumerate(order):
            for methods in each.methods.values():
                for method in methods:
                    for call in method.facts.calls:
                        match call.callee:
                            case ("attribute", ("call", int(inner)), _):
                                if method.facts.calls[inner].callee == ("name", "super"):
                                    yield call, method, [*order[place + 1 :]]

    def _hands_on(self, given: tuple[CallSite, FunctionSymbol, list[ClassSymbol]]) -> bool:
        """`super().__init__(*args, **kwargs)` that comes to `object`, or `super().stage()` of nothing."""
        call, method, above = given
        name = call.callee[2]
        if any(name in each.methods or name in each.body.assigned for each in above):
            return False
        if any({*self._parents.outside(each)} - WITHOUT_METHODS for each in above) or (
            method.owner is not None and {*self._parents.outside(method.owner)} - WITHOUT_METHODS
        ):
            return False
        return bool(call.arguments or call.keywords) if name == "__init__" else name not in OF_OBJECTS


def _is_left_open(method: FunctionSymbol) -> bool:
    """Somebody else has to write the method."""
    facts = method.facts
    return "abstractmethod" in method.decorator_names or (facts.abstract and bool(facts.raises))
