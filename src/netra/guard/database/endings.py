"""How the functions and classes that give sessions out end the unit of work: by a commit, or by closing alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.database.connections import FACTORIES, SESSIONS, Connections
from netra.guard.facts import Expression, last_name
from netra.guard.symbols import ClassSymbol, FunctionSymbol, Symbol
from netra.guard.values import Instance

DEPENDENCY: Final = "dependency"
CONTEXT: Final = "context manager"

# Who says that nothing is written does not commit.
READING: Final = ("read", "report", "replica", "query", "ro_", "_ro", "view", "select", "raw", "test", "dry", "nocommit")
LEAVING: Final = ("__exit__", "__aexit__")


@dataclass(frozen=True, slots=True)
class GivenSession:
    """A generator that gives a session of a factory out, with how it is used and whether it commits behind its `yield`."""

    function: FunctionSymbol
    factory: Symbol
    sort: str
    commits: bool


class Endings:
    """Answers who gives sessions out."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._connections = analysis.once(Connections)

    def generators(self) -> Iterator[GivenSession]:
        """Every generator whose session is one that it opens itself."""
        depended = self._depended
        for opening in self._connections.openings:
            scope = opening.scope
            if not scope.facts.yields or opening.library not in SESSIONS:
                continue
            contextual = scope.decorator_names & {"contextmanager", "asynccontextmanager"}
            sort = CONTEXT if contextual else DEPENDENCY if scope in depended else ""
            made = opening.call.callee  # `get_factory()()` opens one of what `get_factory` gives
            made = scope.facts.calls[made[1]].callee if made[0] == "call" else made
            factory = self._analysis.program.evaluate(made, scope)
            given = [each for each in scope.facts.returned if each.how == "yield"]
            if not sort or factory is None or len(given) != 1 or given[0].value[0] != "name":
                continue
            commits = any(last_name(call.callee) in ("commit", "begin") for call in scope.facts.calls)
            if not commits and any(word in scope.name.lower() for word in READING):
                continue
            yield GivenSession(scope, factory, sort, commits)
        yield from self._begun(depended)

    def _begun(self, depended: frozenset[FunctionSymbol]) -> Iterator[GivenSession]:
        """`with factory.begin() as session: yield session`, which commits at its end."""
        for scope, _, call in self._analysis.calls_of("begin"):
            if not scope.facts.yields or call.callee[0] != "attribute" or scope.module.in_tests:
                continue
            match self._analysis.receivers.value(call.callee[1], scope):
                case Instance(kind=kind) if kind.full_name in FACTORIES:
                    factory = self._analysis.program.evaluate(call.callee[1], scope)
                    contextual = scope.decorator_names & {"contextmanager", "asynccontextmanager"}
                    sort = CONTEXT if contextual else DEPENDENCY if scope in depended else ""
                    if sort and factory is not None:
                        yield GivenSession(scope, factory, sort, True)

    @property
    def _depended(self) -> frozenset[FunctionSymbol]:
        """The functions that handlers depend on."""
        found = set()
        for scope, _, call in self._analysis.calls_of("Depends"):
            for each in call.arguments[:1]:
                symbol = self._analysis.program.evaluate(each, scope)
                if isinstance(symbol, FunctionSymbol):
                    found.add(symbol)
        return frozenset(found)

    def overriding(self) -> Iterator[tuple[FunctionSymbol, FunctionSymbol, ClassSymbol]]:
        """The exit of a class that closes where the exit of the class above it commits."""
        for kind, below in self._analysis.program.subclasses.items():
            for name in LEAVING:
                committing = kind.methods.get(name, ())
                if not committing or not _commits(committing[0]):
                    continue
                for each in below:
                    for own in each.methods.get(name, ()):
                        calls_above = any(call.callee[-1] == name for call in own.facts.calls)
                        closes = any(last_name(call.callee) == "close" for call in own.facts.calls)
                        if closes and not _commits(own) and not calls_above:
                            yield own, committing[0], kind


def _commits(function: FunctionSymbol) -> bool:
    called: list[Expression] = [call.callee for call in function.facts.calls]
    return any(last_name(each) == "commit" for each in called)
