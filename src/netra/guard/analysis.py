"""Everything that a rule may ask: the linked program, what its expressions are, what is misused, who reaches what."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from netra.guard.configuration import GuardConfiguration
from netra.guard.entries.reach import Reach
from netra.guard.entries.resolving import resolved_by
from netra.guard.facts import CallSite
from netra.guard.lazily import lazily
from netra.guard.meaning.contexts import Contexts
from netra.guard.meaning.places import Fate, Misuse
from netra.guard.meaning.receivers import Receivers
from netra.guard.program import Program
from netra.guard.source.revision import Past
from netra.guard.symbols import FunctionSymbol, ModuleSymbol

Answer = TypeVar("Answer")


class Analysis:
    """One program under one configuration. What is expensive is worked out when a rule first asks for it."""

    def __init__(self, program: Program, configuration: GuardConfiguration, past: Past | None = None) -> None:
        self.program = program
        self.configuration = configuration
        self.past = past
        """The program as it was at the revision of `--since`; None without one."""
        self.receivers = Receivers(program)
        self._answers: dict[object, Any] = {}

    def anew(self) -> "Analysis":
        """The same program under the same configuration, with nothing worked out yet."""
        return Analysis(self.program, self.configuration, self.past)

    @lazily
    def reach(self) -> Reach:
        """Who is reached from which routes, sockets, tasks and commands."""
        return Reach(self.program, self.receivers, self.configuration.entry_points)

    @property
    def modules(self) -> list[ModuleSymbol]:
        """The program's own files."""
        return self.program.own

    @property
    def scopes(self) -> tuple[FunctionSymbol, ...]:
        """Every function, class body and module of the program's own files."""
        return self.program.scopes

    def is_asked(self, code: str) -> bool:
        """Somebody selects the rule, and is told as well what it takes for likely where it is hesitant."""
        return self.configuration.selects(code, default=False)

    def calls_of(self, *names: str) -> list[tuple[FunctionSymbol, int, CallSite]]:
        """The calls of anything with one of these last names: scope, index and call, in order.

        They come out of an index that is made once. A rule that looks for certain names asks here instead of at every call.
        """
        return self.program.calls_of(names)

    def once(self, make: Callable[["Analysis"], Answer]) -> Answer:
        """What `make` works out of this analysis, worked out once for all rules that ask."""
        if make not in self._answers:
            self._answers[make] = make(self)
        return self._answers[make]  # type: ignore[no-any-return]

    @lazily
    def misuses(self) -> tuple[Misuse, ...]:
        return tuple(Contexts(self.program, self.receivers, self.reach.serving, self._resolves).misuses())

    def _resolves(self, function: FunctionSymbol) -> str:
        return resolved_by(function, self.program, self.receivers)

    def misused(self, *places: Fate) -> Iterator[Misuse]:
        """The calls whose coroutine ends in one of these places."""
        return (each for each in self.misuses if each.fate in places)
