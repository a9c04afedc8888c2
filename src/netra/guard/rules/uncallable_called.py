"""M112."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.unused import NamesUsed
from netra.guard.facts import Expression
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.meaning.narrowing import is_asked_about, is_caught, is_told_apart
from netra.guard.meaning.never_called import is_never_called
from netra.guard.meaning.read_through import BUILTIN_TYPES
from netra.guard.members.outside import OutsideWrites
from netra.guard.rule import rule
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Instance, Plain, Step

PROPERTIES: Final = frozenset({"property", "cached_property"})
# Values of builtin types that nobody can call.
UNCALLABLE: Final = BUILTIN_TYPES | {"frozenset"}


@rule("M112", "uncallable-called")
def uncallable_called(analysis: Analysis) -> Iterator[Sighting]:
    """A property is called, though what it gives is a text, a number or a container, and cannot be.

    The property gives its value, and then the value is called: a `TypeError` every time. It is what is left behind where a
    method has become a property.

    ```python
    class User:
        @property
        def name(self) -> str: ...


    def show(user: User) -> str:
        return user.name()  # M112: `user.name` is a text
    ```

    Leave the parentheses out. Told of are properties of classes of the program whose annotation or body says what they give,
    where no class above or below has something else of that name.
    """
    names = sorted(_names(analysis))
    outside = analysis.once(OutsideWrites)
    used = analysis.program.once(NamesUsed)
    for scope, _, call in analysis.calls_of(*names) if names else ():
        if scope.module.in_tests or call.callee[0] != "attribute":
            continue
        match analysis.receivers.value(call.callee[1], scope):
            case Instance(kind=kind) if not kind.module.library:
                pass
            case _:
                continue
        name = call.callee[2]
        given = _property(analysis, kind, name)
        what = _uncallable(analysis, call.callee, scope) if given is not None else ""
        if given is None or not what or outside.is_written(kind, name) or used.is_unused(scope):
            continue
        if is_asked_about(call.callee, call.line, scope) or is_told_apart(call.callee[1], name, scope):
            continue
        if is_caught(call.line, scope, "TypeError"):
            continue
        message = f"`{written(call.callee, scope)}` is a property and gives a `{what}`, which is called: a TypeError"
        step = Step(given.module.path, given.facts.line, f"`{given.facts.qualified}` is a property")
        yield Sighting(scope, call.line, call.column, call.end_line, message, (step,), Mend("leave the parentheses out"))


def _names(analysis: Analysis) -> set[str]:
    """How properties of the program are called."""
    return {
        function.name
        for module in analysis.modules
        if not module.decorator_names.isdisjoint(PROPERTIES)
        for function in module.functions
        if function.owner is not None and not function.decorator_names.isdisjoint(PROPERTIES)
    }


def _property(analysis: Analysis, kind: ClassSymbol, name: str) -> FunctionSymbol | None:
    """The property that this is for every object that may be meant; None where one may have something else."""
    order, closed = analysis.program.order(kind)
    first = next((each for each in order if name in each.methods), None)
    if first is None or (not closed and first is not kind):
        return None
    for each in (*order, *analysis.program.subclasses.get(kind, ())):
        if name in each.body.assigned or name in each.set_on_self or name in each.body.imported:
            return None
        for method in each.methods.get(name, ()):
            accessors = [one.callee[1] == ("name", name) for one in method.facts.decorators if one.callee[0] == "attribute"]
            if method.decorator_names.isdisjoint(PROPERTIES) and not any(accessors):
                return None
    return first.methods[name][0]


def _uncallable(analysis: Analysis, callee: Expression, scope: FunctionSymbol) -> str:
    """The type of what the property gives, where that cannot be called; empty where it may be."""
    match analysis.receivers.value(callee, scope):
        case Plain(name=name) if name in UNCALLABLE:
            return name
        case Instance(kind=kind) if not kind.module.library and is_never_called(kind, analysis.program):
            return kind.name
    return ""
