"""Sessions in the context of a query of GraphQL, whose fields are resolved at the same time.

    GraphQLRouter(schema, context_getter=context)      # `context` gives {"session": session}

Whatever a query asks for side by side, under other names also twice the same, is awaited at once. Only the fields at the root
of a mutation come one after another.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.database.connections import Connections
from netra.guard.database.tasks import EXCLUSIVE, SYNCHRONOUS, is_locked
from netra.guard.entries.methods import GRAPHQL
from netra.guard.facts import ASYNC, CallSite, Expression, last_name
from netra.guard.lazily import lazily
from netra.guard.requests.places_of_all import only_value
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine, Step, TypeOf

# By these keywords a server of GraphQL is told what makes the context of a query, and so the method of a view is called.
GETTERS: Final = frozenset({"context_getter", "context_value"})
SERVERS: Final = ("GraphQLRouter", "GraphQL", "GraphQLView", "make_graphql_controller")
GETTING: Final = "get_context"
# Fields of these are resolved one after another, or for as long as somebody listens.
MUTATION: Final = "mutation"
APART: Final = frozenset({MUTATION, "subscription"})


class Resolving(NamedTuple):
    """A field of GraphQL waits for a session that its whole query has."""

    scope: FunctionSymbol
    call: CallSite
    key: str
    library: str
    given: Step
    """Where the context gets the session."""


class ContextSessions:
    """Answers which fields work with the one session of their query."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._connections = analysis.once(Connections)

    def resolving(self) -> Iterator[Resolving]:
        """Each field that may be resolved beside others, with the first call for which it waits so."""
        for scope, entry in self._analysis.reach.entries.items():
            fits = scope.facts.sort == ASYNC and entry.label.startswith(GRAPHQL) and not scope.module.in_tests
            if fits and self._held and not self._is_apart(scope):
                yield from self._first(scope)

    def _first(self, scope: FunctionSymbol) -> Iterator[Resolving]:
        for call in scope.facts.calls:
            if call.where[0] != "await" or is_locked(scope, call.line):
                continue
            # What it asks the session itself, and what it hands it to.
            asked = call.callee[1:2] if call.callee[0] == "attribute" else ()
            for each in (*asked, *call.given):
                key = _of_context(each, scope)
                if key is not None and key in self._held:
                    library, step = self._held[key]
                    yield Resolving(scope, call, key, library, step)
                    return

    @lazily
    def _held(self) -> dict[str, tuple[str, Step]]:
        """The sessions that a context holds, by their keys."""
        found: dict[str, tuple[str, Step]] = {}
        for getter in self._getters():
            for each in getter.facts.returned:
                for key, value in self._parts(each.value, getter):
                    library = self._connections.held(value, getter)
                    if library in EXCLUSIVE and library != SYNCHRONOUS:
                        note = f"`{getter.name}` gives all fields of a query the one `{library.rpartition('.')[2]}`"
                        found.setdefault(key, (library, Step(getter.module.path, each.line, note)))
        return found

    def _getters(self) -> Iterator[FunctionSymbol]:
        for scope, _, call in self._analysis.calls_of(*SERVERS):
            for key, value in call.keywords:
                if key in GETTERS:
                    match self._analysis.receivers.value(value, scope):
                        case Routine(function=function) if not function.module.library:
                            yield function
        for module in self._analysis.modules:
            for kind in module.classes:
                if GETTING in kind.methods and any((last_name(_bare(each)) or "") in SERVERS for each in kind.facts.bases):
                    yield from kind.methods[GETTING]

    def _parts(self, given: Expression, getter: FunctionSymbol) -> Iterator[tuple[str, Expression]]:
        """What a context is made of: the keys of a dictionary, or the arguments of a class of the program."""
        if given[0] == "name":
            given = only_value(given[1], getter) or given
        if given[0] == "dict":
            yield from ((key[1], value) for key, value in given[1] if key[0] == "string")
        elif given[0] == "call":
            call = getter.facts.calls[given[1]]
            match self._analysis.receivers.value(call.callee, getter):
                case TypeOf(kind=kind) if not kind.module.library:
                    named = [
                        each.target[1] for each in kind.body.facts.assignments if each.annotation and each.target[0] == "name"
                    ]
                    if "__init__" in kind.methods:
                        named = [each.name for each in kind.methods["__init__"][0].facts.parameters][1:]
                    yield from zip(named, call.arguments, strict=False)
                    yield from call.keywords

    def _is_apart(self, scope: FunctionSymbol) -> bool:
        """A field at the root of a mutation, or what somebody listens to."""
        if not APART.isdisjoint(scope.decorator_names):
            return True
        if any(
            each.callee[0] == "attribute" and MUTATION in (last_name(each.callee[1]) or "").lower()
            for each in scope.facts.decorators
        ):
            return True
        owner = scope.owner
        return owner is not None and (MUTATION in owner.name.lower() or owner.name in self._mutations)

    @lazily
    def _mutations(self) -> frozenset[str]:
        """The classes that schemas have as their mutations."""
        given = (dict(call.keywords).get(MUTATION) for _, _, call in self._analysis.calls_of("Schema"))
        return frozenset(filter(None, (last_name(each) for each in given if each is not None)))


def _of_context(expression: Expression, scope: FunctionSymbol) -> str | None:
    """`session` of `info.context["session"]` and `info.context.session`, also by a local name."""
    if expression[0] == "name" and expression[1] not in scope.parameters:
        expression = only_value(expression[1], scope) or expression
    match expression:
        case ("subscript", ("attribute", ("name", str(info)), "context"), ("string", str(key))) if info in scope.parameters:
            return key
        case ("attribute", ("attribute", ("name", str(info)), "context"), str(key)) if info in scope.parameters:
            return key
    return None


def _bare(base: Expression) -> Expression:
    return base[1] if base[0] == "subscript" else base
