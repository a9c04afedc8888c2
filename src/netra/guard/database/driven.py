"""What is written over the bare connection of a driver, and on which ways through a function nobody commits it.

A driver begins a transaction with the first statement that writes. Closing the connection rolls it back; where the connection
stays open, the rows stay locked until somebody else commits them by chance.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.database.changing import changes
from netra.guard.database.connections import Connections
from netra.guard.database.transactions import COMMITS, ROLLS_BACK, UNKNOWN, WRITES, Effects, Tracked, Transactions
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.lazily import lazily
from netra.guard.meaning.expressions import within
from netra.guard.meaning.flow import FALLS, RAISES, RETURNS, Flow, Happening, Stretch
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine

DRIVEN: Final = frozenset(
    """aiosqlite.Connection sqlite3.Connection psycopg.AsyncConnection psycopg.Connection psycopg2.connection
    pymysql.Connection aiomysql.MysqlConnection""".split()
)
# What commits when a `with` on the connection itself ends.
COMMITTING_AT_THE_END: Final = ("sqlite3.", "psycopg.", "psycopg2.")
WORKING: Final = frozenset({"execute", "executemany", "commit", "cursor"})
EXECUTING: Final = frozenset({"execute", "executemany"})
# By any of these words somebody says that each statement commits itself.
BY_ITSELF: Final = frozenset({"autocommit", "isolation_level", "set_autocommit", "set_session", "set_isolation_level"})
# What closes what it is given behind a `with`, and does nothing else.
CLOSING: Final = frozenset({"closing", "aclosing"})
# A connection that keeps nothing.
IN_MEMORY: Final = (":memory:", "mode=memory")

# Parameters by which callers say whether they commit themselves.
DECIDING: Final = tuple(
    """commit flush own close save persist auto dry transaction apply confirm preview simul force mode write execute action
    finish final""".split()
)

CLEAN: Final = -1


class DrivenWrite(NamedTuple):
    """A write over a connection, and the line at which the function is left without a commit."""

    tracked: Tracked
    call: CallSite
    line: int
    committed: int
    """The line that commits on another way; 0 where none does."""


class DrivenWrites:
    """Answers what is written over bare connections and left uncommitted."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._connections = analysis.once(Connections)
        self._transactions = analysis.once(Transactions)

    def lost(self) -> Iterator[DrivenWrite]:
        """The first such write of each connection in each function."""
        for tracked in self._transactions.tracked(WORKING):
            if tracked.library in DRIVEN and self._ends_it(tracked):
                yield from self._lost(tracked)

    def _ends_it(self, tracked: Tracked) -> bool:
        """The function has opened the connection, or commits it itself where an object keeps it."""
        scope, name = tracked.scope, tracked.name
        if name in scope.parameters or name in scope.facts.globals or self._commits_each(scope):
            return False
        if name.startswith("self."):
            kind = scope.owner
            commits = any(call.callee == ("attribute", tracked.expression, "commit") for call in scope.facts.calls)
            if kind is None or not commits or self._is_committed_by_callers(tracked):
                return False
            methods = (
                each for one in self._analysis.program.order(kind)[0] for named in one.methods.values() for each in named
            )
            return not any(self._commits_each(each) for each in methods)
        given = scope.assigned.get(name, ())
        return (
            len(given) == 1 and self._opens(given[0].value, given[0].how, scope) and not self._connections.is_kept(scope, name)
        )

    def _opens(self, value: Expression, how: str, scope: FunctionSymbol) -> bool:
        """`= connect(…)`, `with closing(connect(…)) as`, and `async with aiosqlite.connect(…) as`, which only closes."""
        value = value[1] if value[0] == "await" else value
        if value[0] != "call":
            return False
        call, index = scope.facts.calls[value[1]], value[1]
        if how.startswith("with") and last_name(call.callee) in CLOSING and call.arguments and call.arguments[0][0] == "call":
            index = call.arguments[0][1]
        elif how.startswith("with"):
            closes = last_name(call.callee) == "connect" and self._connections.opened(index, scope) is not None
            return closes and self._opens_of("aiosqlite.", index, scope)
        elif how not in ("=", "annotated"):
            return False
        if self._connections.opened(index, scope) is None:
            return False
        if self._connections.is_pooled(index, scope) and not self._is_rolled_back_by_pool(index, scope):
            return False
        match self._analysis.receivers.value(scope.facts.calls[index].callee, scope):
            case Routine(function=function) if not function.module.library and self._commits_each(function):
                return False
        return not any(word in str(scope.facts.calls[index].given) for word in IN_MEMORY)

    def _is_rolled_back_by_pool(self, index: int, scope: FunctionSymbol) -> bool:
        """`pool.getconn()` of psycopg: `putconn` rolls back what nobody has committed, where no pool of the program gives out
        connections that commit each statement.
        """
        if last_name(scope.facts.calls[index].callee) != "getconn":
            return False
        match self._analysis.receivers.value(scope.facts.calls[index].callee, scope):
            case Routine(function=function) if function.module.name.startswith("psycopg"):
                return not self._pools_commit
        return False

    @lazily
    def _pools_commit(self) -> bool:
        """What is said of the connections of a pool may be that each statement commits: `kwargs={"autocommit": True}`."""
        pools = [each for each in self._analysis.program.calls_named if each.endswith("Pool")]
        return any(
            key in ("**", "configure")
            or key in BY_ITSELF
            or (key == "kwargs" and (value[0] != "dict" or "autocommit" in str(value)))
            for _, _, call in self._analysis.calls_of(*sorted(pools))
            for key, value in call.keywords
        )

    def _opens_of(self, library: str, index: int, scope: FunctionSymbol) -> bool:
        kind = self._connections.opened(index, scope)
        return kind is not None and (self._connections.library_class(kind) or "").startswith(library)

    def _commits_each(self, scope: FunctionSymbol) -> bool:
        """Each statement commits itself, or may, by what is said of a connection in a function."""
        facts = scope.facts
        if any(each.target[0] == "attribute" and each.target[2] in BY_ITSELF for each in facts.assignments):
            return True
        return any(
            last_name(call.callee) in BY_ITSELF or any(key in BY_ITSELF or key == "**" for key, _ in call.keywords)
            for call in facts.calls
        )

    def _is_committed_by_callers(self, tracked: Tracked) -> bool:
        """Somebody who calls the method on the same object commits behind it."""
        committing = ("attribute", tracked.expression, "commit")
        for caller, index in self._analysis.program.calls_named.get(tracked.scope.name, ()):
            line = caller.facts.calls[index].line
            if any(call.callee == committing and call.line >= line for call in caller.facts.calls):
                return True
        return False

    def _lost(self, tracked: Tracked) -> Iterator[DrivenWrite]:
        scope, calls = tracked.scope, tracked.scope.facts.calls
        effects = [self._effects(tracked, index) for index in range(len(calls))]
        if not any(WRITES in each for each in effects):
            return
        # `async with connection.transaction():` of psycopg commits at its end.
        begun = {
            ("call", index)
            for index, each in enumerate(calls)
            if each.callee == ("attribute", tracked.expression, "transaction")
        }
        commits_at_end = tracked.library.startswith(COMMITTING_AT_THE_END)

        def move(event: Happening, state: int) -> Iterator[tuple[str, int]]:
            does = effects[event.at] if event.what == "call" else frozenset()
            after = state
            ended = event.what == "exit" and (
                (commits_at_end and event.expression == tracked.expression) or event.expression in begun
            )
            if ended or does & {COMMITS, ROLLS_BACK, UNKNOWN}:
                after = CLEAN
            elif WRITES in does and state == CLEAN:
                after = event.at
            yield FALLS, after
            if event.what == "call":
                yield RAISES, state

        def skipped(stretch: Stretch, state: int) -> int:
            # `if changed: connection.commit()`: whoever asks first knows, unless what the block writes itself is asked for.
            inside = frozenset[str]().union(*(effects[each.at] for each in stretch.events() if each.what == "call"))
            own = state != CLEAN and WRITES in inside and _is_asked_of_parameters(stretch, scope)
            return CLEAN if COMMITS in inside and not own else state

        def caught(*_: object) -> None:
            return None  # what a handler makes of an error is not asked here

        committed = [calls[index].line for index, each in enumerate(effects) if COMMITS in each]
        nothing = (("none",), ("constant", "bool", False))
        giving_up = {each.line for each in scope.facts.returned if each.value in nothing} if self._gives(scope) else set()
        for way in Flow(scope.facts).ways(CLEAN, move, skipped, caught):
            if way.how not in (FALLS, RETURNS) or way.state == CLEAN or (committed and way.line in giving_up):
                continue
            if not _is_asked_for(scope, way.state, way.line, tracked):
                line = min(way.line, scope.facts.end_line)
                yield DrivenWrite(tracked, calls[way.state], line, min(committed, default=0))
                return

    def _gives(self, scope: FunctionSymbol) -> bool:
        return any(each.value not in (("none",), ("constant", "bool", False)) for each in scope.facts.returned)

    def _effects(self, tracked: Tracked, index: int) -> Effects:
        """What a call does, also over a cursor of the connection."""
        scope, call = tracked.scope, tracked.scope.facts.calls[index]
        if call.callee[0] == "attribute":
            receiver, method = call.callee[1], call.callee[2]
            if receiver == tracked.expression and method == "executescript":
                return frozenset({COMMITS})
            if method in EXECUTING and (receiver == tracked.expression or _is_cursor(receiver, tracked)):
                return frozenset({WRITES} if call.arguments and changes(call.arguments[0], scope) else ())
        return self._transactions.effects(tracked, index)


def _is_asked_of_parameters(stretch: Stretch, scope: FunctionSymbol) -> bool:
    """The test is made of nothing but what the function was called with, and callers do not say by it who commits."""
    parts = [part for test in stretch.block.expressions for part in within(test, scope)]
    names = {part[1] for part in parts if part[0] == "name"}
    given = names and all(name in scope.parameters and not scope.assigned.get(name) and name != "self" for name in names)
    return (
        bool(given)
        and not any(part[0] == "call" for part in parts)
        and not any(word in name.lower() for name in names for word in DECIDING)
    )


def _is_cursor(receiver: Expression, tracked: Tracked) -> bool:
    """`connection.cursor()`, or a local name for it."""
    scope, made = tracked.scope, ("attribute", tracked.expression, "cursor")
    if receiver[0] == "name" and receiver[1] not in scope.parameters:
        given = scope.assigned.get(receiver[1], ())
        receiver = given[0].value if len(given) == 1 else receiver
    receiver = receiver[1] if receiver[0] == "await" else receiver
    return receiver[0] == "call" and bool(scope.facts.calls[receiver[1]].callee == made)


def _is_asked_for(scope: FunctionSymbol, index: int, line: int, tracked: Tracked) -> bool:
    """The function is left because of what the write has given: `if cursor.rowcount == 0: return`."""
    call = scope.facts.calls[index]
    names = {each.target[1] for each in scope.facts.assignments if each.target[0] == "name" and each.line >= call.line
             and ("call", index) in within(each.value, scope)}  # fmt: skip
    if call.callee[1] != tracked.expression and call.callee[1][0] == "name":
        names.add(call.callee[1][1])
    # What is made of those, line by line: `row = cursor.fetchone()`.
    for each in scope.facts.assignments:
        made = {part[1] for part in within(each.value, scope) if part[0] == "name"}
        if each.target[0] == "name" and each.line >= call.line and not names.isdisjoint(made):
            names.add(each.target[1])
    tests = [test for block in scope.facts.blocks if block.what in ("if", "else") and block.line <= line <= block.end_line
             for test in block.expressions]  # fmt: skip
    inside = [part for test in tests for part in within(test, scope)]
    return ("call", index) in inside or any(part[0] == "name" and part[1] in names for part in inside)
