"""M110."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, PLAIN
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine, Step


@rule("M110", "method-as-value")
def method_as_value(analysis: Analysis) -> Iterator[Sighting]:
    """A method is tested where what it gives was meant: a method is always true, and equals nothing.

    The test lets everybody through, or nobody, whatever the object says.

    ```python
    class User:
        def is_admin(self) -> bool: ...


    def drop(user: User) -> None:
        if user.is_admin:  # M110: always true
            ...
    ```

    Call it, or make it a property. Told of are methods of the program's own classes that want nothing but their object; where
    an attribute of the same name may lie on the object, or something else than a plain method stands in the class, guard is
    silent.
    """
    for scope in analysis.scopes:
        if scope.module.in_tests:
            continue
        for read in scope.facts.reads:
            if read.where not in (("truth",), ("compare",)) or read.expression[0] != "attribute":
                continue
            match analysis.receivers.value(read.expression, scope):
                case Routine(function=function, bound=True) if _wants_nothing(function) and not function.module.library:
                    owner = function.owner
                    if owner is None or function.name in owner.set_on_self or function.name in owner.body.assigned:
                        continue
                    how = "tested, and always true" if read.where[0] == "truth" else "compared, and equals nothing"
                    message = f"`{written(read.expression, scope)}` is the method itself, {how}"
                    step = Step(function.module.path, function.facts.line, f"`{function.facts.qualified}` is a method")
                    yield Sighting(
                        scope, read.line, read.column, read.line, message, (step,), Mend("call it, or make it a property")
                    )


def _wants_nothing(function: FunctionSymbol) -> bool:
    if function.facts.sort not in (PLAIN, ASYNC) or function.facts.decorators:
        return False
    return all(each.default is not None for each in function.facts.parameters[1:])
