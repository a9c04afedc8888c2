"""Sessions that a function finds around it, and is not given: in a `ContextVar`, or on the request that is being answered.

A task inherits the context of whoever starts it, and so finds there the very same session.
"""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.database.connections import Connections
from netra.guard.facts import ASYNC, NOTHING, PLAIN, TOP, Expression, last_name
from netra.guard.lazily import lazily
from netra.guard.symbols import FunctionSymbol, VariableSymbol
from netra.guard.values import Instance, Routine

# Functions between a task and the one that asks for the session.
FURTHEST: Final = 2


class AmbientSessions:
    """Answers with which of them a function works; use `analysis.once(AmbientSessions)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._connections = analysis.once(Connections)
        self._known: dict[tuple[FunctionSymbol, int], tuple[tuple[Expression, str], ...]] = {}

    def used(self, function: FunctionSymbol, depth: int = FURTHEST) -> tuple[tuple[Expression, str], ...]:
        """The places of the sessions that a function works with, itself or through what it calls, and their classes."""
        key = (function, depth)
        if key not in self._known:
            self._known[key] = ()  # what a function that calls itself finds
            self._known[key] = tuple(dict.fromkeys(self._used(function, depth)))
        return self._known[key]

    def _used(self, function: FunctionSymbol, depth: int) -> Iterator[tuple[Expression, str]]:
        # What a decorator of the program opens for it, or it puts there itself, is its own.
        if function.facts.decorators or function.facts.sort not in (PLAIN, ASYNC):
            return
        if any(last_name(call.callee) == "set" for call in function.facts.calls):
            return
        for call in function.facts.calls:
            # What is handed on, to a function or an object that is made of it: `People(current.get()).add(name)`.
            for given in call.given if self._there else ():
                if given[0] in ("call", "name") and (found := self._place(given, function, FURTHEST)) is not None:
                    yield found
            if call.callee[0] == "attribute" and (found := self._place(call.callee[1], function, FURTHEST)) is not None:
                yield found
            elif depth and self._there:
                match self._analysis.receivers.value(call.callee, function):
                    case Routine(function=below) if not below.module.library:
                        yield from self.used(below, depth - 1)

    def _place(self, expression: Expression, scope: FunctionSymbol, depth: int) -> tuple[Expression, str] | None:
        """`current.get()`, `g.db`, a local name for one of them, or what a getter of the program gives of them."""
        match expression:
            case ("attribute", ("name", "g"), _):
                library = self._connections.held(expression, scope)
                return None if library is None else (expression, library)
            case ("name", str(name)) if name in scope.bound and name not in scope.parameters and depth:
                given = scope.assigned.get(name, ())
                if len(given) != 1 or given[0].how not in ("=", "annotated") or given[0].value[0] not in ("call", "attribute"):
                    return None
                return self._place(given[0].value, scope, depth - 1)
            case ("call", int(index)):
                callee = scope.facts.calls[index].callee
                if callee[0] == "attribute" and callee[2] == "get" and callee[1][0] == "name":
                    match self._analysis.program.lookup(callee[1][1], scope):
                        case VariableSymbol() as variable if variable in self._there:
                            return callee[1], self._there[variable]
                match self._analysis.receivers.value(callee, scope) if depth else None:
                    case Routine(function=getter) if not getter.module.library and len(getter.facts.returned) == 1:
                        return self._place(getter.facts.returned[0].value, getter, depth - 1)
        return None

    @lazily
    def _there(self) -> dict[VariableSymbol, str]:
        """The variables at the top of modules that hold a session in each context, with its class."""
        found: dict[VariableSymbol, str] = {}
        for scope, index, _ in self._analysis.calls_of("ContextVar"):
            if scope.facts.sort != TOP or scope.module.in_tests:
                continue
            for each in scope.facts.assignments:
                if each.value == ("call", index) and each.target[0] == "name":
                    promised = _inner(each.annotation)
                    library = None if promised is None else self._library(promised, scope)
                    if library is not None:
                        found[VariableSymbol(scope, each.target[1])] = library
        return found

    def _library(self, annotation: Expression, scope: FunctionSymbol) -> str | None:
        match annotation:
            case ("operator", "|", one, other):
                annotation = other if one == NOTHING else one
            case ("subscript", ("name", "Optional"), inner):
                annotation = inner
        match self._analysis.receivers.annotated(annotation, scope):
            case Instance(kind=kind):
                return self._connections.library_class(kind)
        return None


def _inner(annotation: Expression | None) -> Expression | None:
    """The inside of `ContextVar[AsyncSession]`."""
    if annotation is not None and annotation[0] == "subscript" and last_name(annotation[1]) == "ContextVar":
        inner: Expression = annotation[2]
        return inner
    return None
