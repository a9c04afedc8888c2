"""Sessions that a framework opens for a request, shares between the dependencies of its handler, and closes behind it.

What one dependency has asked of the session, to find out who is there, leaves the transaction open for the handler.
"""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.database.carriers import Carriers
from netra.guard.database.connections import SESSIONS, Connections
from netra.guard.database.transactions import (
    CLOSES,
    COMMITS,
    EXECUTES,
    HERE,
    ROLLS_BACK,
    UNKNOWN,
    Effects,
    Tracked,
    Transactions,
)
from netra.guard.entries.sorts import ROUTE
from netra.guard.facts import Expression
from netra.guard.meaning.expressions import written
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import GeneratorOf, Instance, Routine, Step

LETTING_GO: Final[Effects] = frozenset({COMMITS, ROLLS_BACK, CLOSES, UNKNOWN})

# Dependencies of dependencies.
FURTHEST: Final = 5


class DependentSessions:
    """Answers which functions begin with a session in whose transaction a dependency has left it."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._connections = analysis.once(Connections)
        self._carriers = analysis.once(Carriers)
        self._transactions = analysis.once(Transactions)
        self._had: dict[FunctionSymbol, tuple[tuple[FunctionSymbol, Tracked], ...]] = {}
        self._asked: dict[FunctionSymbol, dict[FunctionSymbol, Step]] = {}

    def left_open(self) -> Iterator[tuple[Tracked, tuple[Step, ...]]]:
        """Handlers, and the methods that they call first, each with the session; the last step has taken the connection."""
        for entry in self._analysis.reach.entries.values():
            handler = entry.function
            if entry.sort != ROUTE or handler.module.in_tests:
                continue
            asked = self._asked_before(handler, FURTHEST)
            if not asked:
                continue
            for giver, step in asked.items():
                label = f"{entry.label} gets one session of `{giver.name}` for itself and its dependencies"
                given = Step(handler.module.path, handler.facts.line, label)
                yield from self._from_here(handler, giver, (given, step))

    def lost_in_objects(self) -> Iterator[tuple[Tracked, tuple[Step, ...]]]:
        """The sessions that a handler has in an object which a dependency has made of one, where that is closed behind the
        handler without a commit, and nothing else that the handler gets has the same session and may commit it.
        """
        for entry in self._analysis.reach.entries.values():
            handler = entry.function
            if entry.sort != ROUTE or handler.module.in_tests:
                continue
            had = self.having(handler)
            for giver, tracked in had:
                inside = "." in tracked.name and self._transactions.left_by(giver) == HERE
                if inside and not any(self._may_commit(other) for one, other in had if one is giver and other != tracked):
                    name = tracked.name.partition(".")[0]
                    has = Step(handler.module.path, handler.facts.line, f"`{name}` has a session of `{giver.name}` in it")
                    closes = Step(giver.module.path, giver.facts.line, f"`{giver.name}` closes it without a commit")
                    yield tracked, (has, closes)

    def _may_commit(self, tracked: Tracked) -> bool:
        calls = range(len(tracked.scope.facts.calls))
        return any(self._transactions.effects(tracked, index) & {COMMITS, UNKNOWN} for index in calls)

    def is_lost_by_a_route(self, tracked: Tracked) -> bool:
        """A handler calls the method that has the session, whoever opened it only closes it, and the handler does nothing else
        with it that may commit.
        """
        entries = self._analysis.reach.entries
        for handler, index in self._analysis.program.calls_named.get(tracked.scope.name, ()):
            if handler in entries and entries[handler].sort == ROUTE and not handler.module.in_tests:
                for giver, had in self.having(handler):
                    passed = self._transactions.passed(had, index) == tracked and self._transactions.left_by(giver) == HERE
                    if passed and not self._may_commit_beside(handler, index, giver):
                        return True
        return False

    def _may_commit_beside(self, handler: FunctionSymbol, index: int, giver: FunctionSymbol) -> bool:
        return any(
            self._transactions.effects(tracked, other) & {COMMITS, UNKNOWN}
            for one, tracked in self.having(handler)
            for other in range(len(handler.facts.calls))
            if one is giver and other != index
        )

    def _from_here(
        self, handler: FunctionSymbol, giver: FunctionSymbol, steps: tuple[Step, ...]
    ) -> Iterator[tuple[Tracked, tuple[Step, ...]]]:
        """The handler, and the methods of what was made of the session that it calls before anything lets go of it."""
        having = [tracked for one, tracked in self.having(handler) if one is giver]
        for tracked in having:
            if not tracked.name.partition(".")[2]:
                yield tracked, steps
        for index in sorted(range(len(handler.facts.calls)), key=lambda each: handler.facts.calls[each].line):
            call = handler.facts.calls[index]
            for tracked in having:
                below = self._transactions.passed(tracked, index)
                if below is not None:
                    note = f"`{handler.name}` calls `{written(call.callee, handler)}` with it"
                    yield below, (*steps[:-1], Step(handler.module.path, call.line, note), steps[-1])
            if any(self._transactions.effects(tracked, index) & LETTING_GO for tracked in having):
                return

    def _asked_before(self, function: FunctionSymbol, depth: int) -> dict[FunctionSymbol, Step]:
        """The givers whose session some dependency of a function has executed something in, and has not let go of."""
        if function in self._asked or depth == 0:
            return self._asked.get(function, {})
        self._asked[function] = {}
        found: dict[FunctionSymbol, Step] = {}
        for one in self._dependencies(function):
            if one.facts.yields:
                continue
            found.update(self._asked_before(one, depth - 1))
            effects: dict[FunctionSymbol, set[str]] = {}
            lines: dict[FunctionSymbol, int] = {}
            for giver, tracked in self.having(one):
                for index, call in enumerate(one.facts.calls):
                    does = self._transactions.effects(tracked, index)
                    effects.setdefault(giver, set()).update(does)
                    if EXECUTES in does:
                        lines.setdefault(giver, call.line)
            for giver, done in effects.items():
                if done & LETTING_GO:
                    found.pop(giver, None)
                elif EXECUTES in done:
                    note = f"`{one.name}`, on which it depends, has taken a connection"
                    found.setdefault(giver, Step(one.module.path, lines[giver], note))
        self._asked[function] = found
        return found

    def _dependencies(self, function: FunctionSymbol) -> Iterator[FunctionSymbol]:
        for parameter in function.facts.parameters if function.parent is not None else ():
            if parameter.default is not None or parameter.annotation is not None:
                match self._analysis.receivers.parameters.dependency(parameter, function.parent or function):
                    case Routine(function=one) if not one.module.library:
                        yield one

    def having(self, function: FunctionSymbol) -> tuple[tuple[FunctionSymbol, Tracked], ...]:
        """The sessions that a function gets of its dependencies, as such or in an object that is made of one, and of whom."""
        if function not in self._had:
            self._had[function] = ()  # what depends on itself finds
            self._had[function] = tuple(self._find_having(function))
        return self._had[function]

    def _find_having(self, function: FunctionSymbol) -> Iterator[tuple[FunctionSymbol, Tracked]]:
        for parameter in function.facts.parameters if function.parent is not None else ():
            if (parameter.default is None and parameter.annotation is None) or function.assigned.get(parameter.name):
                continue
            match self._analysis.receivers.parameters.dependency(parameter, function.parent or function):
                case Routine(function=one) if not one.module.library:
                    pass
                case _:
                    continue
            if (library := self._gives(one)) is not None:
                yield one, Tracked(function, parameter.name, library)
            elif not one.facts.yields:
                for giver, tracked in self.having(one):
                    made = [self._kept_in(each.value, tracked) for each in one.facts.returned]
                    if made and made[0] is not None and all(each == made[0] for each in made):
                        yield giver, Tracked(function, f"{parameter.name}.{made[0]}", tracked.library)

    def _kept_in(self, value: Expression, tracked: Tracked) -> str | None:
        """The attribute in which a new object keeps the session."""
        return self._carriers.kept_as(value[1], tracked.expression, tracked.scope) if value[0] == "call" else None

    def _gives(self, function: FunctionSymbol) -> str | None:
        """The class of the session that a generator gives out and closes when its user is done."""
        match self._analysis.receivers.kinds.outcome(function) if function.facts.yields else None:
            case GeneratorOf(item=Instance(kind=kind)):
                library = self._connections.library_class(kind)
                return library if library in SESSIONS else None
        return None
