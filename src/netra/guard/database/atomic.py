"""Blocks that a mapper runs in one transaction, of which no session is seen: `transaction.atomic()` of Django and its like.

What is written or locked in such a block stays locked to its end, for whoever comes next. Mappers that work with a pool take a
connection with its first line already.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.database import django
from netra.guard.facts import ASYNC, PLAIN, CallSite, Expression, last_name
from netra.guard.meaning.expressions import written
from netra.guard.meaning.flow import FALLS, Flow, Happening
from netra.guard.program import imported_packages
from netra.guard.requests.waiting import THE_CLOCK, Waits
from netra.guard.symbols import External, FunctionSymbol
from netra.guard.values import Routine, Step

# What begins such a block, by its full name, and whether a connection of a pool is taken with it.
BEGINNING: Final = {
    "django.db.transaction.atomic": False,
    "tortoise.transactions.in_transaction": True,
    "tortoise.transactions.atomic": True,
}
NAMES: Final = ("atomic", "in_transaction")
PACKAGES: Final = frozenset({"django", "tortoise"})

# What writes rows, or locks them, by the names of Django.
LOCKING: Final = "select_for_update"
WRITING: Final = frozenset(
    """save delete create update get_or_create update_or_create bulk_create bulk_update select_for_update""".split()
)
# Of these nobody else has one that is called with nothing.
OF_ROWS: Final = frozenset({"save", "delete"})

# Functions between a block and what writes.
FURTHEST: Final = 2

IDLE, ENTERED = -1, -2
DECORATED: Final = -3


class HeldOverWait(NamedTuple):
    """A call that waits for somebody outside in the middle of such a block."""

    scope: FunctionSymbol
    call: CallSite
    whom: str
    steps: tuple[Step, ...]
    what: str
    """What others wait for as long: the connection, or what is locked."""


class AtomicBlocks:
    """Answers where such a block waits for somebody outside."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._waits = analysis.once(Waits)
        self._known: dict[tuple[FunctionSymbol, int], bool] = {}

    def held(self) -> Iterator[HeldOverWait]:
        """The first wait of each function in a block that has locked something, or has taken a connection."""
        if PACKAGES.isdisjoint(self._analysis.program.once(imported_packages)):
            return
        found: dict[FunctionSymbol, dict[int, bool]] = {}
        for scope, index, call in self._analysis.calls_of(*NAMES):
            takes = self._begins(call.callee, scope) if call.where[0] in ("with", "with async") else None
            if takes is not None and not scope.module.in_tests and scope.facts.sort in (PLAIN, ASYNC):
                found.setdefault(scope, {})[index] = takes
        for scope in self._analysis.scopes:
            for each in scope.facts.decorators if not scope.module.in_tests else ():
                if scope.parent is not None and last_name(each.callee) in NAMES:
                    takes = self._begins(each.callee, scope.parent)
                    if takes is not None:
                        found.setdefault(scope, {})[DECORATED] = takes
        for scope, blocks in found.items():
            held = self._first(scope, blocks) if self._waits.may_wait(scope) else None
            if held is not None:
                yield held

    def _begins(self, callee: Expression, scope: FunctionSymbol) -> bool | None:
        match self._analysis.program.evaluate(callee, scope):
            case External(dotted=dotted):
                return BEGINNING.get(dotted)
            case FunctionSymbol(module=module, name=name) if module.library:
                return BEGINNING.get(f"{module.name}.{name}")
        return None

    def _first(self, scope: FunctionSymbol, blocks: dict[int, bool]) -> HeldOverWait | None:
        calls = scope.facts.calls
        waited = {
            index: found
            for index, call in enumerate(calls)
            if index not in blocks
            and (found := self._waits.waits(scope, index)) is not None
            and found[0] != THE_CLOCK  # of a retry, most of the time
        }
        if not waited:
            return None
        writing = {index for index in range(len(calls)) if index not in waited and self._writes(scope, index, FURTHEST)}
        hits: list[tuple[int, int]] = []

        # The state: outside of any block, in one that has locked nothing so far, or the call that has locked something.
        def move(event: Happening, state: int) -> Iterator[tuple[str, int]]:
            after = state
            if event.what == "call" and event.at in blocks and state == IDLE:
                after = event.at if blocks[event.at] else ENTERED
            elif event.what == "call" and state == ENTERED and event.at in writing:
                after = event.at
            elif event.what == "call" and state >= 0 and event.at in waited:
                hits.append((event.at, state))
            elif event.what == "exit" and DECORATED not in blocks and self._leaves(event, scope, blocks):
                after = IDLE
            yield FALLS, after

        begun = IDLE if DECORATED not in blocks else ENTERED
        Flow(scope.facts).ways(begun, move)
        if not hits:
            return None
        index, locking = min(hits)
        call, locks = calls[index], calls[locking]
        takes = blocks.get(locking, False)
        does = "takes a connection, and keeps it to the end of the block" if takes else "locks rows until the transaction ends"
        step = Step(scope.module.path, locks.line, f"`{written(locks.callee, scope)}(…)` {does}")
        whom, steps = waited[index]
        return HeldOverWait(scope, call, whom, (step, *steps), "its connection" if takes else "what it has locked")

    def _leaves(self, event: Happening, scope: FunctionSymbol, blocks: dict[int, bool]) -> bool:
        """The outermost of the blocks ends: what an inner one has written, the outer one keeps locked."""
        if event.expression[0] != "call" or event.expression[1] not in blocks:
            return False
        line = scope.facts.calls[event.expression[1]].line
        around = [each for each in scope.facts.blocks if each.what.startswith("with") and each.head < line <= each.end_line]
        begun = {("call", index) for index in blocks}
        return not any(expression in begun for each in around for expression in each.expressions)

    def _writes(self, scope: FunctionSymbol, index: int, depth: int) -> bool:
        """A call writes or locks rows of a model, itself or in the functions behind it."""
        call = scope.facts.calls[index]
        name = last_name(call.callee)
        if call.where[0] == "lambda":
            return False
        if name in WRITING and call.callee[0] == "attribute":
            if name == LOCKING or django.asks(self._analysis, call, scope) is not None:
                return True
            of_nobody = self._analysis.receivers.value(call.callee[1], scope) is None
            return name in OF_ROWS and of_nobody and not call.arguments
        match self._analysis.receivers.value(call.callee, scope) if depth else None:
            case Routine(function=function) if not function.module.library:
                return self._within(function, depth - 1)
        return False

    def _within(self, function: FunctionSymbol, depth: int) -> bool:
        key = (function, depth)
        if key not in self._known:
            self._known[key] = False  # what a function that calls itself finds
            if function.facts.sort in (PLAIN, ASYNC) and not function.facts.abstract:
                self._known[key] = any(self._writes(function, index, depth) for index in range(len(function.facts.calls)))
        return self._known[key]
