"""Where one task stops and others run: what was seen before such a place need not be true behind it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, Expression, last_name
from netra.guard.meaning.expressions import within
from netra.guard.program import FunctionSymbol
from netra.guard.values import CoroutineOf, Instance

# What a name holds that keeps other tasks out, or the class of what is entered.
LOCKS: Final = ("lock", "mutex", "semaphore", "condition", "guard", "limiter", "exclusive", "critical", "transaction")

# An async function that awaits nothing never stops. Looked at this deep; further down, it is taken to stop somewhere.
FURTHEST: Final = 3


@dataclass(frozen=True, slots=True)
class Pause:
    """A line at which other tasks may run."""

    line: int
    end_line: int


class Interleaving:
    """Answers about the pauses and locks of functions."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._pauses: dict[FunctionSymbol, tuple[Pause, ...]] = {}

    def pauses(self, scope: FunctionSymbol) -> tuple[Pause, ...]:
        """Every place in a function, in order, at which other tasks may run."""
        if scope not in self._pauses:
            self._pauses[scope] = tuple(sorted(self._find(scope, FURTHEST), key=lambda each: each.line))
        return self._pauses[scope]

    def between(self, scope: FunctionSymbol, first: int, last: int) -> Pause | None:
        """The first pause that begins behind one line and not behind another."""
        return next((each for each in self.pauses(scope) if first < each.line <= last), None)

    def _find(self, scope: FunctionSymbol, depth: int) -> Iterator[Pause]:
        if scope.facts.sort != ASYNC:
            return
        for expression, line, _, end_line in scope.facts.awaits:
            if self._stops(expression, scope, depth):
                yield Pause(line, end_line)
        for block in scope.facts.blocks:
            if block.what == "with async":
                yield Pause(block.line - 1, block.line - 1)
        for each in scope.facts.assignments:
            if each.how == "for async":
                yield Pause(each.line, each.line)

    def _stops(self, expression: Expression, scope: FunctionSymbol, depth: int) -> bool:
        """Awaiting it gives the turn to others, as far as can be told: a coroutine function without an `await` does not."""
        match self._analysis.receivers.value(expression, scope):
            case CoroutineOf(function=function) if not function.module.library and function.facts.sort == ASYNC:
                below = () if function.owner is None else self._analysis.program.subclasses.get(function.owner, ())
                bodies = [each for kind in below for each in kind.methods.get(function.name, ())]
                if not function.facts.abstract:
                    bodies.append(function)
                if depth == 0 or not bodies or scope in bodies:
                    return True
                return any(True for each in bodies for _ in self._find(each, depth - 1))
            case None if expression[0] == "call" and scope.facts.calls[expression[1]].callee[0] == "attribute":
                # Whoever's method it is: where none of that name ever waits, this one does not either.
                named = self._methods.get(scope.facts.calls[expression[1]].callee[2], [])
                if depth == 0 or not named or scope in named:
                    return True
                return any(True for each in named for _ in self._find(each, depth - 1))
        return True

    @cached_property
    def _methods(self) -> dict[str, list[FunctionSymbol]]:
        """The async methods of the program, by name."""
        found: dict[str, list[FunctionSymbol]] = {}
        for scope in self._analysis.scopes:
            if scope.facts.sort == ASYNC and scope.owner is not None:
                found.setdefault(scope.name, []).append(scope)
        return found

    def locked(self, scope: FunctionSymbol, line: int) -> bool:
        """A lock is held at a line, by this function or by the name of those that call it."""
        if "lock" in scope.name.lower():
            return True
        return any(
            block.what in ("with", "with async")
            and block.line <= line <= block.end_line
            and any(self._is_lock(each, scope) for each in block.expressions)
            for block in scope.facts.blocks
        )

    def _is_lock(self, entered: Expression, scope: FunctionSymbol) -> bool:
        """Something on the way to what is entered is called a lock: `get_locks().hold(key)`, `self._locks[key]`."""
        if entered[0] == "call":
            entered = scope.facts.calls[entered[1]].callee
        if entered[0] == "subscript":
            entered = entered[1]
        names = [(last_name(each) or "").lower() for each in within(entered, scope)]
        if any(word in name for name in names for word in LOCKS):
            return True
        match self._analysis.receivers.value(entered, scope):
            case Instance(kind=kind):
                return any(word in kind.name.lower() for word in LOCKS)
        return False

    def takes_lock(self, scope: FunctionSymbol) -> bool:
        """The function takes some lock by hand, somewhere."""
        return any(last_name(call.callee) == "acquire" for call in scope.facts.calls)
