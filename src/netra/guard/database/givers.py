"""For how long a function has its session: it opens it, a framework opens it for it, or a caller for the time of the call."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.database.carriers import Carriers
from netra.guard.database.transactions import COMMITS, ELSEWHERE, HERE, UNKNOWN, Tracked, Transactions
from netra.guard.facts import ASYNC, PLAIN, Expression
from netra.guard.meaning.expressions import written
from netra.guard.meaning.parameters import parameter_given
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Routine, Step

# Functions that hand a session on, one to the next.
FURTHEST: Final = 3


class Givers:
    """Answers who has opened a session, or had it opened, for the time of which call."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._carriers = analysis.once(Carriers)

    def given(self, tracked: Tracked) -> tuple[Step, ...] | None:
        """Nothing to show where the function itself has it for its own time; a step where a caller has; None for all else."""
        scope, name = tracked.scope, tracked.name
        if name.startswith("self."):
            return None if scope.owner is None else self._made_with(scope.owner, name.removeprefix("self."))
        holder, _, attribute = name.partition(".")
        at: FunctionSymbol | None = scope
        while at is not None and holder not in at.bound:
            at = at.parent
        if at is None or at.facts.sort not in (PLAIN, ASYNC):
            return None
        if attribute:
            kept = self._carriers.session_of(("name", holder), attribute, at)
            return () if kept is not None and self._is_own(kept, at) else None
        if self._is_own(("name", name), at):
            return ()
        return self._passed(at, name) if name in at.parameters and not at.assigned.get(name) else None

    def owners(self, tracked: Tracked, depth: int = FURTHEST) -> set[str | None]:
        """Who ends the unit of work of a session that callers pass, or make an object with, as far as they are known.

        ELSEWHERE stands for a caller that commits later as well: what is left uncommitted here is not lost there.
        """
        transactions = self._analysis.once(Transactions)
        found: set[str | None] = set()
        for caller, index, name in self._passing(tracked):
            passed = Tracked(caller, name, tracked.library)
            owner = transactions.owner(passed)
            handed_on = name in caller.parameters and not caller.assigned.get(name)
            if owner is None and handed_on and depth > 1:
                above = self.owners(passed, depth - 1)
                owner = HERE if above == {HERE} else ELSEWHERE if ELSEWHERE in above else None
            later = self._later(passed, index) if owner == HERE else frozenset()
            found.add(ELSEWHERE if COMMITS in later else None if UNKNOWN in later else owner)
        return found

    def committed_later(self, tracked: Tracked) -> Iterator[Step]:
        """Callers that pass a session, or make an object with it, which somebody commits when they are done."""
        transactions = self._analysis.once(Transactions)
        for caller, index, name in self._passing(tracked):
            if transactions.owner(Tracked(caller, name, tracked.library)) == ELSEWHERE:
                note = f"`{name}` is committed when `{caller.name}`, which has it for a while, is done with it"
                yield Step(caller.module.path, caller.facts.calls[index].line, note)

    def _passing(self, tracked: Tracked) -> Iterator[tuple[FunctionSymbol, int, str]]:
        """The calls outside tests that pass a session, or make an object with it, and the name that it has there."""
        scope, name = tracked.scope, tracked.name
        of_self = name.startswith("self.") and scope.owner is not None
        called = scope.owner.name if of_self and scope.owner is not None else scope.name
        for caller, index in self._analysis.program.calls_named.get(called, ()):
            call = caller.facts.calls[index]
            for position, value in call.placed:
                if value[0] != "name" or caller.module.in_tests:
                    continue
                if of_self:
                    passes = self._carriers.kept_as(index, value, caller) == name.removeprefix("self.")
                else:
                    match self._analysis.receivers.value(call.callee, caller):
                        case Routine(function=function, bound=bound) if function is scope:
                            passes = parameter_given(function, position, bound=bound) == name
                        case _:
                            passes = False
                if passes:
                    yield caller, index, value[1]

    def _later(self, tracked: Tracked, index: int) -> frozenset[str]:
        """What the calls below a call, or in the same turn of a loop, do to the transaction."""
        facts, transactions = tracked.scope.facts, self._analysis.once(Transactions)
        line = facts.calls[index].line
        first = min(
            (each.line for each in facts.blocks if each.what == "loop" and each.line <= line <= each.end_line), default=line
        )
        return frozenset(
            effect
            for number, call in enumerate(facts.calls)
            if number != index and call.line >= first
            for effect in transactions.effects(tracked, number)
        )

    def _is_own(self, session: Expression, scope: FunctionSymbol) -> bool:
        """A framework gives it to the function, or the function opens it."""
        if session[0] != "name" or session[1] not in scope.bound:
            return False
        name = session[1]
        if name in scope.parameters:
            parameter = scope.facts.parameters[scope.parameters[name]]
            injected = self._analysis.receivers.parameters.is_injected(parameter, scope)
            # No client sends a session: where a framework calls the function, it has opened it.
            injected = injected or (scope in self._analysis.reach.serving and parameter.annotation is not None)
            return injected and not scope.assigned.get(name)
        assigned = scope.assigned.get(name, ())
        return bool(assigned) and all(
            each.how in ("with", "with async") or each.value[0] in ("call", "await") for each in assigned
        )

    def _passed(self, function: FunctionSymbol, name: str) -> tuple[Step, ...] | None:
        for scope, index in self._analysis.program.calls_named.get(function.name, ()):
            call = scope.facts.calls[index]
            match self._analysis.receivers.value(call.callee, scope):
                case Routine(function=called, bound=bound) if called is function and not scope.module.in_tests:
                    for position, value in call.placed:
                        if parameter_given(function, position, bound=bound) == name and self._is_own(value, scope):
                            return (self._step(scope, call.line, value),)
        return None

    def _made_with(self, kind: ClassSymbol, attribute: str) -> tuple[Step, ...] | None:
        below = self._analysis.program.subclasses.get(kind, ())
        for name in dict.fromkeys((kind.name, *(each.name for each in below))):
            for scope, index in self._analysis.program.calls_named.get(name, ()):
                call = scope.facts.calls[index]
                for value in call.given:
                    # What a generator gives out lives until whoever takes it is done.
                    own = self._is_own(value, scope) and not scope.facts.yields
                    if own and self._carriers.kept_as(index, value, scope) == attribute:
                        return (self._step(scope, call.line, value),)
        return None

    def _step(self, scope: FunctionSymbol, line: int, value: Expression) -> Step:
        return Step(scope.module.path, line, f"`{written(value, scope)}` is open for as long as `{scope.name}` runs")
