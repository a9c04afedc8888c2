"""M113."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.entries.unused import NamesUsed
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.meaning.narrowing import is_caught
from netra.guard.members.abstract import AbstractClasses
from netra.guard.rule import rule
from netra.guard.symbols import ClassSymbol
from netra.guard.values import Step


@rule("M113", "abstract-instance")
def abstract_instance(analysis: Analysis) -> Iterator[Sighting]:
    """An object is made of a class that leaves an abstract method without a body of its own.

    Python refuses it with a `TypeError`, every time: what is left behind when a method is added to an interface, or renamed
    in it, and one of the classes below is forgotten.

    ```python
    class Store(ABC):
        @abstractmethod
        def get(self, key: str) -> bytes: ...

        @abstractmethod
        def put(self, key: str, value: bytes) -> None: ...


    class Memory(Store):
        def get(self, key: str) -> bytes: ...


    store = Memory()  # M113: `put` is abstract still
    ```

    Write the method, or make an object of a class that has all of them. Told of are classes of which every base is known, that
    neither have a `__new__` nor a metaclass other than `ABCMeta`.
    """
    classes = analysis.once(AbstractClasses)
    used = analysis.program.once(NamesUsed)
    for scope, _, call in analysis.calls_of(*sorted(classes.names)):
        match analysis.program.evaluate(call.callee, scope):
            case ClassSymbol() as kind if not scope.module.in_tests and (left := classes.left_by(kind)):
                if is_caught(call.line, scope, "TypeError") or used.is_unused(scope):
                    continue
                names = " and ".join(f"`{each.name}`" for each in left[:3]) + (" and more" if len(left) > 3 else "")
                verb = "is" if len(left) == 1 else "are"
                message = f"`{written(call.callee, scope)}(…)`: {names} of it {verb} abstract: a TypeError"
                step = Step(
                    left[0].module.path, left[0].facts.line, f"nothing stands in the place of `{left[0].facts.qualified}`"
                )
                mend = Mend("write what is missing, or make an object of a class that has all of it")
                yield Sighting(scope, call.line, call.column, call.end_line, message, (step,), mend)
