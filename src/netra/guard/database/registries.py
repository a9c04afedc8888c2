"""Sessions that a registry keeps for whoever asks, one for each request or thread: `scoped_session`, and `db.session` of Flask.

They are nobody's to hand on: each function that has imported the registry works with the same one, and what frameworks run
behind the request lets go of it.
"""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.database.connections import REGISTRIES
from netra.guard.facts import ASYNC, OTHER, PLAIN, Expression
from netra.guard.lazily import lazily
from netra.guard.program import imported_packages
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol, VariableSymbol
from netra.guard.values import Instance, Routine

# What has a registry as its `session`.
EXTENSIONS: Final = frozenset({"flask_sqlalchemy.SQLAlchemy", "flask_sqlalchemy.extension.SQLAlchemy"})
PACKAGE: Final = "flask_sqlalchemy"

# Functions between a call and what works with the registry's session.
FURTHEST: Final = 3


class RegisteredSessions:
    """Answers which expressions are the session of a registry, and where it is worked with."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._extensions: dict[VariableSymbol, bool] = {}
        self._below: dict[tuple[FunctionSymbol, int], frozenset[tuple[FunctionSymbol, int]]] = {}

    def tracked(self, methods: frozenset[str]) -> Iterator[tuple[FunctionSymbol, str]]:
        """Every function, outside tests, that calls one of the methods on such a session, and how it calls the session."""
        if not self._are_there:
            return
        seen: set[tuple[FunctionSymbol, str]] = set()
        for method in sorted(methods):
            for scope, index in self._analysis.program.calls_named.get(method, ()):
                callee = scope.facts.calls[index].callee
                name = _written(callee[1]) if callee[0] == "attribute" else None
                if name is None or (scope, name) in seen or scope.module.in_tests or scope.facts.sort not in (PLAIN, ASYNC):
                    continue
                seen.add((scope, name))
                if self.is_one(callee[1], scope):
                    yield scope, name

    @lazily
    def _are_there(self) -> bool:
        if PACKAGE in self._analysis.program.once(imported_packages):
            return True
        names = {name.rpartition(".")[2] for name in REGISTRIES}
        return any(each.name in names for scope in self._analysis.scopes for each in scope.facts.imports)

    def is_one(self, expression: Expression, scope: FunctionSymbol) -> bool:
        """`Session` of `Session = scoped_session(…)`, or `db.session` of `db = SQLAlchemy()`."""
        match expression:
            case ("name", str(name)) if name in scope.parameters:
                return False
            case ("attribute", holder, "session") if holder[0] == "name" and holder[1] not in scope.parameters:
                match self._analysis.program.evaluate(holder, scope):
                    case VariableSymbol() as variable:
                        return self._is_extension(variable)
        match self._analysis.receivers.value(expression, scope):
            case Instance(kind=kind):
                return any(each.full_name in REGISTRIES for each in self._analysis.program.order(kind)[0])
        return False

    def _is_extension(self, variable: VariableSymbol) -> bool:
        if variable not in self._extensions:
            made = [each for each in variable.scope.assigned.get(variable.name, ()) if each.value != ("none",)]
            call = made[0].value if len(made) == 1 else OTHER
            callee = variable.scope.facts.calls[call[1]].callee if call[0] == "call" else OTHER
            self._extensions[variable] = self._makes_extension(callee, variable.scope)
        return self._extensions[variable]

    def _makes_extension(self, callee: Expression, scope: FunctionSymbol) -> bool:
        match self._analysis.program.evaluate(callee, scope):
            case External(dotted=dotted):
                return dotted in EXTENSIONS
            case ClassSymbol() as kind:
                bases = ((base, each) for each in self._analysis.program.order(kind)[0] for base in each.facts.bases)
                return any(self._makes_extension(base, each.module.top) for base, each in bases if base != callee)
        return False

    def calls_below(self, function: FunctionSymbol, depth: int = FURTHEST) -> frozenset[tuple[FunctionSymbol, int]]:
        """The calls on such a session in a function and in those that it calls."""
        key = (function, depth)
        if key not in self._below:
            self._below[key] = frozenset()  # what a function that calls itself finds
            found: set[tuple[FunctionSymbol, int]] = set()
            for index, call in enumerate(function.facts.calls):
                if call.callee[0] == "attribute" and self.is_one(call.callee[1], function):
                    found.add((function, index))
                elif depth > 0:
                    match self._analysis.receivers.value(call.callee, function):
                        case Routine(function=below) if not below.module.library:
                            found |= self.calls_below(below, depth - 1)
            self._below[key] = frozenset(found)
        return self._below[key]


def _written(expression: Expression) -> str | None:
    match expression:
        case ("name", str(name)):
            return name
        case ("attribute", ("name", str(holder)), "session"):
            return f"{holder}.session"
    return None
