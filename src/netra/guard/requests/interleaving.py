"""Where one task stops and others run: what was seen before such a place need not be true behind it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.sorts import ROUTE
from netra.guard.facts import ASYNC, PLAIN, CallSite, Expression, last_name
from netra.guard.lazily import lazily
from netra.guard.meaning.expressions import within
from netra.guard.meaning.reaching import always_leaves
from netra.guard.requests.serving import Serving
from netra.guard.requests.waiting import Waits
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import CoroutineOf, Instance, Routine

# What a name holds that keeps other tasks out, or the class of what is entered.
LOCKS: Final = ("lock", "mutex", "semaphore", "condition", "guard", "limiter", "exclusive", "critical", "transaction")

# Calls between the one that takes a lock and the function that needs it.
HIGHEST: Final = 6

# On one of these ways goes who does not go on another.
BRANCHES: Final = frozenset("if else handler case".split())


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
        self._stopping: dict[FunctionSymbol, bool] = {}

    def pauses(self, scope: FunctionSymbol) -> tuple[Pause, ...]:
        """Every place in a function, in order, at which other tasks may run."""
        if scope not in self._pauses:
            self._pauses[scope] = tuple(sorted(self._find(scope), key=lambda each: each.line))
        return self._pauses[scope]

    def between(self, scope: FunctionSymbol, first: int, last: int) -> Pause | None:
        """The first pause that begins behind one line and not behind another."""
        return next((each for each in self.pauses(scope) if first < each.line <= last), None)

    def on_the_way(self, scope: FunctionSymbol, first: int, last: int) -> Pause | None:
        """The first pause behind one line of which whoever waits there gets to another.

        `if taken: await close(); return` stands between the two, and nobody comes out of it.
        """
        left = [
            each
            for each in scope.facts.blocks
            if each.what in BRANCHES and first < each.line and each.end_line < last and always_leaves(each, scope)
        ]
        return next(
            (
                each
                for each in self.pauses(scope)
                if first < each.line <= last
                and not any(block.line <= each.line <= block.end_line for block in left)
                and not _are_apart(scope, first, each.line, last)
            ),
            None,
        )

    def between_threads(self, scope: FunctionSymbol, first: int, last: int) -> Pause | None:
        """The first call behind one line by which a function waits that threads run for several users."""
        serving, waiting = self._analysis.once(Serving), self._analysis.once(Waits)
        if scope.facts.sort != PLAIN or not serving.surely(scope):
            return None
        entry = serving.entry(scope)
        if entry.sort != ROUTE or entry.function.facts.sort != PLAIN:
            return None
        for index, call in enumerate(scope.facts.calls):
            if (
                first < call.line <= last
                and last_name(call.callee) in waiting.names
                and waiting.waits(scope, index) is not None
            ):
                return Pause(call.line, call.end_line)
        return None

    def _find(self, scope: FunctionSymbol) -> Iterator[Pause]:
        if scope.facts.sort != ASYNC:
            return
        for expression, line, _, end_line in scope.facts.awaits:
            bodies = self._awaited(expression, scope)
            if bodies is None or any(map(self._stops, bodies)):
                yield Pause(line, end_line)
        yield from self._entered(scope)

    @staticmethod
    def _entered(scope: FunctionSymbol) -> Iterator[Pause]:
        for block in scope.facts.blocks:
            if block.what == "with async":
                yield Pause(block.head, block.head)
        for each in scope.facts.assignments:
            if each.how == "for async":
                yield Pause(each.line, each.line)

    def _stops(self, function: FunctionSymbol) -> bool:
        """Awaiting a function gives the turn to others: somewhere below it something is awaited that is not of the program.

        A coroutine function that awaits nothing, or only such functions, runs through at once.
        """
        if function in self._stopping:
            return self._stopping[function]
        seen, waiting = {function}, [function]
        while waiting:
            at = waiting.pop()
            below = [self._awaited(expression, at) for expression, *_ in at.facts.awaits] if at.facts.sort == ASYNC else []
            stops = None in below or any(True for _ in self._entered(at)) or self._stopping.get(at, False)
            if stops:
                self._stopping[function] = True
                return True
            following = {each for bodies in below for each in bodies or ()} - seen
            seen |= following
            waiting += sorted(following, key=lambda each: (each.module.path, each.facts.number))
        self._stopping.update(dict.fromkeys(seen, False))
        return False

    def _awaited(self, expression: Expression, scope: FunctionSymbol) -> list[FunctionSymbol] | None:
        """The functions of the program that run where something is awaited; None where it may be anything."""
        match self._analysis.receivers.value(expression, scope):
            case CoroutineOf(function=function) if not function.module.library and function.facts.sort == ASYNC:
                below = () if function.owner is None else self._analysis.program.subclasses.get(function.owner, ())
                bodies = [each for kind in below for each in kind.methods.get(function.name, ())]
                if not function.facts.abstract:
                    bodies.append(function)
                return bodies or None
            case None if expression[0] == "call" and scope.facts.calls[expression[1]].callee[0] == "attribute":
                # Whoever's method it is: where none of that name ever waits, this one does not either.
                return self._methods.get(scope.facts.calls[expression[1]].callee[2]) or None
        return None

    @lazily
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

    def held_by_callers(
        self, scope: FunctionSymbol, depth: int = HIGHEST, through: frozenset[FunctionSymbol] = frozenset()
    ) -> bool:
        """Whoever calls the function holds a lock meanwhile: `async with self.locks[user]: return await self._turn(user)`."""
        through |= {scope}
        found = False
        for caller, index in self._analysis.program.calls_named.get(scope.name, ()):
            call = caller.facts.calls[index]
            match self._analysis.receivers.value(call.callee, caller):
                case Routine(function=function) if function is scope and not caller.module.in_tests and caller not in through:
                    if not self.locked(caller, call.line) and not (
                        depth > 0 and self.held_by_callers(caller, depth - 1, through)
                    ):
                        return False
                    found = True
        return found

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
        """The function takes some lock by hand, somewhere: no connection out of a pool, which keeps nobody out."""
        return any(last_name(call.callee) == "acquire" and not _is_of_pool(call, scope) for call in scope.facts.calls)


def _is_of_pool(call: CallSite, scope: FunctionSymbol) -> bool:
    """`pool.acquire()`, `request.app[POOL].acquire()`, and `acquire()` of anything that gives something to work with."""
    entered = call.where[0] in ("with", "with async")
    given = (each for each in scope.facts.assignments if each.how == call.where[0] and each.line in (call.line, call.end_line))
    if entered and any(each.value[0] == "call" and scope.facts.calls[each.value[1]] is call for each in given):
        return True
    return any("pool" in (last_name(each) or "").lower() for each in within(call.callee, scope))


def _are_apart(scope: FunctionSymbol, first: int, one: int, other: int) -> bool:
    """One line stands under an `if`, and the other under its `else`: nobody gets from the one to the other.

    Unless both are in a loop that begins behind the first line of the way, and comes round.
    """
    blocks = scope.facts.blocks
    return any(
        each.what == "if"
        and each.line <= one <= each.end_line
        and any(
            against.what == "else"
            and against.head == each.end_line
            and against.expressions == each.expressions
            and against.line <= other <= against.end_line
            and not any(loop.what == "loop" and first < loop.line <= one and other <= loop.end_line for loop in blocks)
            for against in blocks
        )
        for each in blocks
    )
