"""M110."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, PLAIN, AttributeRead, Expression
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.meaning.narrowing import is_caught, is_told_apart
from netra.guard.members.outside import OutsideWrites
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine, Step

# What is done with a value, and what comes of it where a method stands in its place.
TESTED: Final = "tested, and always true"
COMPARED: Final = "compared, and equals nothing"
TESTS: Final = (TESTED, COMPARED)
USES: Final = {
    "truth": TESTED,
    "compare": COMPARED,
    "subscript": "subscripted: a TypeError",
    "iterate": "gone over: a TypeError",
    "operator": "calculated with",
}
# Functions that want a container or a number.
MEASURING: Final = frozenset("len sorted sum min max any all list tuple set enumerate reversed int float abs round".split())
OF_CONTAINERS: Final = frozenset(name for kind in (str, list, dict, set) for name in dir(kind) if name[0] != "_")


@rule("M110", "method-as-value")
def method_as_value(analysis: Analysis) -> Iterator[Sighting]:
    """A method is used where what it gives was meant: a method is always true, equals nothing, and holds nothing.

    The test lets everybody through, or nobody, whatever the object says.

    ```python
    class User:
        def is_admin(self) -> bool: ...


    def drop(user: User) -> None:
        if user.is_admin:  # M110: always true
            ...
    ```

    A method that is subscripted, gone over, measured or calculated with raises: `response.json["id"]`, `len(team.members)`,
    `user.name.upper()`.

    Call it, or make it a property. Told of are plain methods of classes that are known, those that are tested or compared only
    where they want nothing but their object; where an attribute of the same name may lie on the object, or something else than
    a plain method stands in the class or one below it, guard is silent.
    """
    written_elsewhere = analysis.once(OutsideWrites)
    methods = {name for module in analysis.program.modules.values() for kind in module.classes for name in kind.methods}
    for scope in analysis.scopes:
        if scope.module.in_tests:
            continue
        for expression, line, column, used in _taken_for_values(scope, methods):
            match analysis.receivers.value(expression, scope):
                case Routine(function=function, bound=True) if _is_plain(function) and (owner := function.owner) is not None:
                    if used in TESTS and not _wants_nothing(function):
                        continue
                    family = (*analysis.program.order(owner)[0], *analysis.program.subclasses.get(owner, ()))
                    name = function.name
                    if any(name in each.set_on_self or name in each.body.assigned for each in family):
                        continue
                    if used not in TESTS and (
                        any(each.decorator_names for kind in family for each in kind.methods.get(name, ()))
                        or written_elsewhere.is_written(owner, name)
                        or is_caught(line, scope, "TypeError", "AttributeError")
                        or is_told_apart(expression[1], name, scope)
                    ):
                        continue
                    message = f"`{written(expression, scope)}` is the method itself, {used}"
                    step = Step(function.module.path, function.facts.line, f"`{function.facts.qualified}` is a method")
                    yield Sighting(scope, line, column, line, message, (step,), Mend("call it, or make it a property"))


def _taken_for_values(scope: FunctionSymbol, methods: set[str]) -> Iterator[tuple[Expression, int, int, str]]:
    """Each attribute with the name of a method that is used as only a value can be, with what is done with it."""
    for read in scope.facts.reads:
        if read.expression[0] != "attribute" or read.expression[2] not in methods:
            continue
        used = USES.get(read.where[0])
        if read.where[0] == "argument" and read.where[2] == 0:
            callee = scope.facts.calls[read.where[1]].callee
            used = f"given to `{callee[1]}`: a TypeError" if callee[0] == "name" and callee[1] in MEASURING else None
        if used is not None and not _is_added(read, scope):
            yield read.expression, read.line, read.column, used
    for expression, line, column in scope.attributes_read:
        if expression[2] in OF_CONTAINERS and expression[1][0] == "attribute" and expression[1][2] in methods:
            yield expression[1], line, column, f"asked for its `{expression[2]}`: an AttributeError"


def _is_added(read: AttributeRead, scope: FunctionSymbol) -> bool:
    """`events.closed += window.close` adds somebody to those who are called."""
    return any(
        each.how == "augmented" and each.line == read.line and each.value == read.expression for each in scope.facts.assignments
    )


def _is_plain(function: FunctionSymbol) -> bool:
    return function.facts.sort in (PLAIN, ASYNC) and not function.facts.decorators


def _wants_nothing(function: FunctionSymbol) -> bool:
    return all(each.default is not None for each in function.facts.parameters[1:])
