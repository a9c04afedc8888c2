"""Variables of a program's own in which it keeps at hand who is asking: a `ContextVar` or a `threading.local`, under any name.

viewer = ContextVar("v")

async def enter(request):
    viewer.set(request.user.id)  # from here on, `viewer.get()` is who is asking

What is put there may be an object of the program's own that is made with who is asking: `viewer.set(Viewer(claims["sub"], …))`.
"""

from collections.abc import Callable, Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import TOP, Expression, last_name
from netra.guard.meaning.models import fields
from netra.guard.requests.local_uses import GETATTR, thread_local_uses
from netra.guard.requests.serving import Serving
from netra.guard.symbols import FunctionSymbol, VariableSymbol
from netra.guard.values import Step, TypeOf

IsSomebody = Callable[[Expression, FunctionSymbol], Step | None]

NOWHERE: Final[frozenset[tuple[FunctionSymbol, str]]] = frozenset()


class OwnContexts:
    """Answers whether such a variable is read; what is put there, who asks for it has found out."""

    def __init__(self, analysis: Analysis, is_somebody: IsSomebody) -> None:
        self._analysis = analysis
        self._told = set[str]()
        made = [call.where[1][1] for scope, _, call in analysis.calls_of("ContextVar") if _is_named(call.where, scope)]
        self._variables = NOWHERE
        self._attributes = frozenset[tuple[FunctionSymbol, str, str]]()
        if made:
            self._variables = self._set(frozenset(made), is_somebody)
        serving = analysis.once(Serving)
        kept = (each for each in analysis.once(thread_local_uses) if each.value is not None and each.scope in serving)
        self._attributes = frozenset(
            each.place for each in kept if each.value is not None and is_somebody(each.value, each.scope) is not None
        )
        self._names = frozenset(name for _, name, _ in self._attributes)

    def _set(self, names: frozenset[str], is_somebody: IsSomebody) -> frozenset[tuple[FunctionSymbol, str]]:
        serving, found = self._analysis.once(Serving), set[tuple[FunctionSymbol, str]]()
        for scope, _, call in self._analysis.calls_of("set"):
            if call.callee[0] != "attribute" or last_name(call.callee[1]) not in names or len(call.arguments) != 1:
                continue
            place = self._variable(call.callee[1], scope)
            if place is None or scope not in serving:
                continue
            told = frozenset(self._made_with(call.arguments[0], scope, is_somebody))
            self._told |= told
            if told or is_somebody(call.arguments[0], scope) is not None:
                found.add(place)
        return frozenset(found)

    def _made_with(self, value: Expression, scope: FunctionSymbol, is_somebody: IsSomebody) -> Iterator[str]:
        """The fields that get who is asking, where a value is an object of a class with fields, made on the spot."""
        call = scope.facts.calls[value[1]] if value[0] == "call" else None
        match None if call is None else self._analysis.receivers.value(call.callee, scope):
            case TypeOf(kind=kind) if call is not None and not kind.module.library:
                named = [each.name for each in fields(kind) or () if not each.keyword_only]
                given = [*zip(named, call.arguments, strict=False), *call.keywords]
                yield from (name for name, each in given if is_somebody(each, scope) is not None)

    def tells(self, name: str) -> bool:
        """A field of such an object that gets who is asking: of whoever is asking, it says who that is."""
        return name in self._told

    def _variable(self, expression: Expression, scope: FunctionSymbol) -> tuple[FunctionSymbol, str] | None:
        match self._analysis.program.evaluate(expression, scope):
            case VariableSymbol(scope=at, name=name) if at.facts.sort == TOP:
                return at, name
        return None

    def reads(self, expression: Expression, scope: FunctionSymbol) -> bool:
        """`viewer.get()`, `state.actor`, `getattr(state, "actor", None)`."""
        match expression:
            case ("attribute", inner, str(name)):
                return self._is_kept(inner, name, scope)
            case ("call", int(index)):
                call = scope.facts.calls[index]
                if call.callee == GETATTR and len(call.arguments) > 1 and call.arguments[1][0] == "string":
                    return self._is_kept(call.arguments[0], call.arguments[1][1], scope)
                return call.callee[0] == "attribute" and call.callee[2] == "get" and self.is_variable(call.callee[1], scope)
        return False

    def is_variable(self, expression: Expression, scope: FunctionSymbol) -> bool:
        """A context variable in which who is asking is left."""
        return bool(self._variables) and self._variable(expression, scope) in self._variables

    def _is_kept(self, inner: Expression, name: str, scope: FunctionSymbol) -> bool:
        if last_name(inner) not in self._names:
            return False
        place = self._variable(inner, scope)
        return place is not None and (*place, name) in self._attributes


def _is_named(where: Expression, scope: FunctionSymbol) -> bool:
    named = where[0] == "assign" and where[1][0] == "name"
    return named and scope.facts.sort == TOP and not scope.module.in_tests
