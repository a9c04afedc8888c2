"""What a function gives that is told of which class: `injector.inject(Mailer)` of `def inject(self, kind: type[T]) -> T`."""

from typing import Final

from netra.guard.facts import ASYNC, CallSite, Expression, last_name
from netra.guard.meaning.parameters import parameter_given
from netra.guard.meaning.questions import Questions
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol
from netra.guard.values import CoroutineOf, Instance, Routine, TypeOf, Value

OF_TYPE: Final = frozenset({"type", "Type"})


def given_by_type(routine: Routine, call: CallSite, scope: FunctionSymbol, receivers: Questions) -> Value | None:
    """An object of the class that a call names, or on which a class method is called, where the function promises one."""
    function = routine.function
    promised = _named(function.facts.returns)
    if promised is None or function.facts.yields:
        return None
    if isinstance(receivers.program.evaluate(promised, function.module.top), ClassSymbol | External):
        return None  # the class itself is promised, and no type parameter
    asked = {each.name: place for place, each in enumerate(function.facts.parameters) if _is_type_of(each.annotation, promised)}
    kind: ClassSymbol | None = None
    if routine.bound and routine.receiver is not None and 0 in asked.values():
        kind = routine.receiver
    else:
        for position, given in call.placed:
            if given[0] != "star" and parameter_given(function, position, bound=routine.bound) in asked:
                match receivers.value(given, scope):
                    case TypeOf(kind=named):
                        kind = named
    if kind is None:
        return None
    return CoroutineOf(Instance(kind), function) if function.facts.sort == ASYNC else Instance(kind)


def _named(returns: Expression | None) -> Expression | None:
    """`T` of `-> T`."""
    return returns if returns is not None and returns[0] == "name" else None


def _is_type_of(annotation: Expression | None, promised: Expression) -> bool:
    match annotation:
        case ("subscript", head, inner):
            return last_name(head) in OF_TYPE and bool(inner == promised)
    return False
