"""Classes that the program makes objects of, and that lack what a method above reads: only others below it have it."""

from netra.guard.analysis import Analysis
from netra.guard.members.completion import Completion
from netra.guard.members.members import MemberNames
from netra.guard.members.outside import OutsideWrites
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Either, Instance


def made_without(name: str, method: FunctionSymbol, analysis: Analysis) -> ClassSymbol | None:
    """A class whose objects run this method as it stands, and have nothing of that name, neither from above nor of their own.

    Asked are classes that change nothing of what is above them but how they are made: of any other one cannot say that the
    method is called.
    """
    owner = method.owner
    if owner is None:
        return None
    members, completion = analysis.once(MemberNames), analysis.once(Completion)
    for kind in (owner, *analysis.program.subclasses.get(owner, ())):
        if analysis.program.subclasses.get(kind) and kind is not owner:
            continue
        order, closed = analysis.program.order(kind)
        changed = {each for one in order[: order.index(owner)] for each in one.methods} if owner in order else {name}
        if not closed or changed - {"__init__"} or _is_open(order):
            continue
        alone = members.of_exactly(kind)
        if alone is None or name in alone or analysis.once(OutsideWrites).is_written(kind, name):
            continue
        if completion.is_made_itself(kind) and _is_called(method, order, analysis):
            return kind
    return None


def _is_called(method: FunctionSymbol, order: tuple[ClassSymbol, ...], analysis: Analysis) -> bool:
    """Somebody calls it of an object of the class, or of one that may be one."""
    for scope, _, call in analysis.calls_of(method.name):
        if call.callee[0] == "attribute" and not scope.module.in_tests:
            value = analysis.receivers.value(call.callee[1], scope)
            for each in value.options if isinstance(value, Either) else (value,):
                if isinstance(each, Instance) and each.kind in order:
                    return True
    return False


def _is_open(order: tuple[ClassSymbol, ...]) -> bool:
    """Something above is left for others to write."""
    return any(
        method.facts.abstract and method.name != "__init__"
        for kind in order
        for methods in kind.methods.values()
        for method in methods
    )
