"""D104."""

from collections.abc import Iterator
from typing import NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.database.connections import SESSIONS, is_migration
from netra.guard.database.dialects import dialects, is_on_sqlite
from netra.guard.database.givers import Givers
from netra.guard.database.transactions import (
    BEGINNING,
    CLOSES,
    COMMITS,
    EXECUTES,
    FLUSHES,
    NESTS,
    REGISTERED,
    ROLLS_BACK,
    UNKNOWN,
    WRITES,
    Effects,
    Tracked,
    Transactions,
)
from netra.guard.facts import OTHER, Block, Expression, last_name
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.meaning.flow import BROAD, FALLS, RAISES, RETURNS, Flow, Happening
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.trying import handlers
from netra.guard.values import Callback, Routine, Step

# PostgreSQL refuses everything after an error, and so does a session of SQLAlchemy after a flush. A bare connection to another
# database goes on, and which database it is nobody can tell.
POISONED = SESSIONS | {REGISTERED, "psycopg.AsyncConnection", "psycopg.Connection", "psycopg2.connection"}

RUNNING = frozenset({"flush", "commit", "execute", "merge", "exec"})

# Errors that a handler has to name, or a class above them, to take what a database raises.
OF_A_DATABASE = BROAD | frozenset(
    """SQLAlchemyError DBAPIError IntegrityError OperationalError ProgrammingError DataError DatabaseError InternalError
    StatementError PendingRollbackError Error UniqueViolation""".split()
)


DRIVERS = frozenset("psycopg psycopg2 sqlite3 aiosqlite asyncpg pymysql aiomysql MySQLdb mysql oracledb dbapi".split())


class DeadTransaction(NamedTuple):
    """The call that killed the transaction, -1 for none, and whether a handler has taken its error."""

    call: int
    handled: bool


FINE = DeadTransaction(-1, False)

POISON: Effects = frozenset({COMMITS, FLUSHES, EXECUTES})
"""What kills a transaction when it fails."""


@rule("D104", "error-without-rollback", hesitant=True)
def error_without_rollback(analysis: Analysis) -> Iterator[Sighting]:
    """A handler swallows the error of a write, and the function goes on with the same session without a rollback.

    After an error the transaction is dead: whatever follows fails as well, with `PendingRollbackError: This Session's
    transaction has been rolled back due to a previous exception` or `current transaction is aborted`, far from the cause.

    ```python
    async def store(session: AsyncSession, people: list[Person]) -> None:
        for person in people:
            try:
                session.add(person)
                await session.flush()
            except IntegrityError:
                log.warning("known already")  # D104: the next flush fails as well
    ```

    Roll back in the handler, or do each write in `async with session.begin_nested()`. Guard is not certain where what fails is
    a method of an object that keeps the session: to write may be the least of what it does.
    """
    transactions = analysis.once(Transactions)
    for tracked in (*transactions.tracked(RUNNING), *transactions.registered(RUNNING)):
        if tracked.library in POISONED and _swallows(tracked):
            # SQLite goes on after a statement that failed: of its sessions, only one that fails to flush is dead.
            lives = analysis.once(dialects) == {"sqlite"}
            yield from _used_after_failure(transactions, tracked, POISON - {EXECUTES} if lives else POISON)
            yield from _left_dead(analysis, transactions, tracked)


# Who asks a session for its state is prepared for a dead one.
ASKING = ("is_active", "in_transaction", "invalidated")


def _swallows(tracked: Tracked) -> bool:
    return any(_takes_errors_of_databases(block) for block in tracked.scope.facts.blocks if block.what == "handler")


def _takes_errors_of_databases(handler: Block) -> bool:
    if not handler.expressions:
        return True
    caught = handler.expressions[0]
    return any(_is_of_a_database(each) for each in (caught[1] if caught[0] == "tuple" else (caught,)))


def _is_of_a_database(caught: Expression) -> bool:
    """`Error` is one only of a driver: `binascii.Error` is not."""
    if last_name(caught) == "Error" and caught[0] == "attribute":
        return last_name(caught[1]) in DRIVERS
    return (last_name(caught) or "?") in OF_A_DATABASE


def _used_after_failure(transactions: Transactions, tracked: Tracked, poison: Effects) -> Iterator[Sighting]:
    scope, name = tracked.scope, tracked.name
    if any(use.name == name and use.where in (("attribute", each) for each in ASKING) for use in scope.facts.uses):
        return
    effects = [transactions.effects(tracked, index) for index in range(len(scope.facts.calls))]
    if not _writes(scope, effects):
        return  # what has only read loses nothing, and its commit does not fail
    ends = transactions.never_returning(scope)
    undoing = _of_savepoints(tracked)
    hits: dict[int, int] = {}

    def move(event: Happening, state: DeadTransaction) -> Iterator[tuple[str, DeadTransaction]]:
        if event.what == "exit" and _ends_transaction(tracked, event):
            yield FALLS, FINE
            return
        does = effects[event.at] if event.what == "call" else frozenset()
        if state.call >= 0 and (does & {ROLLS_BACK, CLOSES, UNKNOWN} or (event.what == "call" and event.at in undoing)):
            state = FINE
        elif state.handled and does & {EXECUTES, COMMITS} and not _is_final(tracked, event.line):
            # A statement that failed leaves a Session of SQLAlchemy as it was: its commit ends the transaction, no more.
            if EXECUTES in does or effects[state.call] & {COMMITS, FLUSHES} or not tracked.library.startswith("sqlalchemy"):
                hits.setdefault(state.call, event.at)
            state = FINE
        if event.what != "call" or event.at not in ends:
            yield FALLS, FINE if event.what == "call" and _takes_its_place(tracked, event.at) else state
        if event.what == "call":
            killing = poison - {EXECUTES} if is_on_sqlite(event.line, scope) else poison
            yield RAISES, DeadTransaction(event.at, False) if _may_poison(does, killing) and state == FINE else state

    def caught(handler: Block, state: DeadTransaction) -> DeadTransaction | None:
        if state == FINE:
            return FINE
        return DeadTransaction(state.call, True) if _takes_errors_of_databases(handler) else None

    lasting = _outlives_calls(tracked)
    for way in Flow(scope.facts).ways(FINE, move, None, caught):
        if lasting and way.how in (FALLS, RETURNS) and way.state.handled:
            hits.setdefault(way.state.call, way.state.call)
    certain = {
        failing: (call.callee[0] == "attribute" and call.callee[1] == tracked.expression) or tracked.expression in call.given
        for failing in hits
        for call in (scope.facts.calls[failing],)
    }
    shown: set[int] = set()
    # What is certain stands for what is likely in the same `try`.
    for failing, using in sorted(hits.items(), key=lambda each: (not certain[each[0]], each)):
        if using in shown:
            continue  # another call in the same `try`, with the same end
        shown.add(using)
        call, after = scope.facts.calls[failing], scope.facts.calls[using]
        if after.line < call.line and _is_bound_anew(tracked, after.line, call.line):
            continue
        again = f"at line {after.line}" if not lasting else "by the next who comes"
        message = f"`{name}` is used again {again} when this fails, without a rollback"
        steps = [Step(scope.module.path, call.line, f"`{written(call.callee, scope)}(…)` fails, and a handler goes on")]
        if (taking := _taking(scope, call.line)) is not None:
            steps.append(Step(scope.module.path, taking.line, "this handler takes the error, and does not roll back"))
        note = f"`{written(after.callee, scope)}(…)` then works with a dead transaction"
        steps.append(Step(scope.module.path, after.line, note))
        mend = Mend(f"roll `{name}` back in the handler, or write in `{name}.begin_nested()`")
        confidence = CERTAIN if certain[failing] and not is_migration(scope.module) else LIKELY
        yield Sighting(scope, call.line, call.column, call.end_line, message, tuple(steps), mend, confidence)


def _left_dead(analysis: Analysis, transactions: Transactions, tracked: Tracked) -> Iterator[Sighting]:
    """The function ends its own part of somebody else's session by a commit, swallows its error, and goes back as if nothing
    was: whoever has opened the session commits, or asks it, once more.
    """
    scope, name = tracked.scope, tracked.name
    if tracked.library not in SESSIONS or not (name.startswith("self.") or name in scope.parameters):
        return
    effects = [transactions.effects(tracked, index) for index in range(len(scope.facts.calls))]
    committing = [
        index for index, call in enumerate(scope.facts.calls) if call.callee == ("attribute", tracked.expression, "commit")
    ]
    if not committing or not _writes(scope, effects) or any(each & {ROLLS_BACK, CLOSES} for each in effects):
        return
    taken = {index: _taking(scope, scope.facts.calls[index].line) for index in committing}
    ends = transactions.never_returning(scope)

    def move(event: Happening, state: DeadTransaction) -> Iterator[tuple[str, DeadTransaction]]:
        does = effects[event.at] if event.what == "call" else frozenset()
        if event.what == "call" and UNKNOWN in does:
            state = FINE
        if event.what != "call" or event.at not in ends:
            yield FALLS, state
        if event.what == "call":
            yield RAISES, DeadTransaction(event.at, False) if event.at in taken and state == FINE else state

    def caught(handler: Block, state: DeadTransaction) -> DeadTransaction | None:
        if state == FINE:
            return FINE
        return DeadTransaction(state.call, True) if _takes_errors_of_databases(handler) else None

    ways = Flow(scope.facts).ways(FINE, move, None, caught)
    dead = {way.state.call for way in ways if way.how in (FALLS, RETURNS) and way.state.handled}
    if not dead or _is_asked_what_came_of_it(analysis, scope):
        return
    giver = next(Givers(analysis).committed_later(tracked), None)
    for index in sorted(dead) if giver is not None else ():
        call, handler = scope.facts.calls[index], taken[index]
        if handler is not None and giver is not None:
            message = f"`{name}` is left dead when this fails, and whoever opened it commits it later"
            taking = Step(scope.module.path, handler.line, "this handler takes the error, and does not roll back")
            mend = Mend(f"roll `{name}` back in the handler, or let the error out")
            yield Sighting(scope, call.line, call.column, call.end_line, message, (taking, giver), mend)


def _is_asked_what_came_of_it(analysis: Analysis, scope: FunctionSymbol) -> bool:
    """Some caller looks at what the function gives: it may roll back itself when that says that nothing came of it."""
    for caller, index in analysis.program.calls_named.get(scope.name, ()):
        call = caller.facts.calls[index]
        where = call.where[1] if call.where[0] == "await" else call.where
        if where[0] not in ("statement", "return") and not caller.module.in_tests:
            match analysis.receivers.value(call.callee, caller):
                case Routine(function=function) if function is scope:
                    return True
                case None | Callback():
                    return True
    return False


def _is_bound_anew(tracked: Tracked, first: int, last: int) -> bool:
    """The loop in which both lines stand gives the name another session with each turn."""
    facts = tracked.scope.facts
    loops = [each for each in facts.blocks if each.what == "loop" and each.line <= first and last <= each.end_line]
    given = [each.line for each in facts.assignments if each.target == tracked.expression]
    return any(loop.line <= line <= last for loop in loops for line in given)


def _of_savepoints(tracked: Tracked) -> frozenset[int]:
    """The calls that roll back to `savepoint = session.begin_nested()`."""
    calls = tracked.scope.facts.calls

    def begins(value: Expression) -> bool:
        bare = value[1] if value[0] == "await" else value
        callee = calls[bare[1]].callee if bare[0] == "call" else OTHER
        return callee[0] == "attribute" and callee[1] == tracked.expression and callee[2] in BEGINNING

    points = {each.target for each in tracked.scope.facts.assignments if begins(each.value)}
    undone = {("attribute", point, "rollback") for point in points}
    return frozenset(number for number, call in enumerate(calls) if call.callee in undone)


def _writes(scope: FunctionSymbol, effects: list[Effects]) -> bool:
    """Something is written in the session, or an attribute is set of what it may have loaded."""
    stored = any(each.target[0] == "attribute" and each.target[1] != ("name", "self") for each in scope.facts.assignments)
    return stored or any(each & {WRITES, FLUSHES, UNKNOWN} for each in effects)


def _taking(scope: FunctionSymbol, line: int) -> Block | None:
    """The handler that an error of a database on this line meets first."""
    able = [(block, each) for block, each in handlers(scope) if block.line <= line <= block.end_line]
    able = [(block, each) for block, each in able if _takes_errors_of_databases(each)]
    return max(able, key=lambda each: (each[0].line, -each[1].line))[1] if able else None


def _is_final(tracked: Tracked, line: int) -> bool:
    """The line stands in a `finally`, which an error passes on its way out as well: nobody has gone on."""
    blocks = tracked.scope.facts.blocks
    return any(each.what == "finally" and each.line <= line <= each.end_line for each in blocks)


def _outlives_calls(tracked: Tracked) -> bool:
    """It belongs to a module: whoever calls next finds it as it was left."""
    scope, name = tracked.scope, tracked.name
    # What a registry keeps is let go of behind each request.
    return tracked.library != REGISTERED and name not in scope.bound and name in scope.module.top.assigned


def _takes_its_place(tracked: Tracked, index: int) -> bool:
    """`session = SessionLocal()`: from here on the name is another session."""
    where = tracked.scope.facts.calls[index].where
    return (where[1] if where[0] == "await" else where) == ("assign", tracked.expression)


def _may_poison(does: Effects, poison: Effects) -> bool:
    of_statement = EXECUTES in poison and {WRITES, EXECUTES} <= does
    # What a function writes in a savepoint of its own, the savepoint takes back.
    return not does & {UNKNOWN, NESTS} and (bool(does & poison & {COMMITS, FLUSHES}) or of_statement)


def _ends_transaction(tracked: Tracked, event: Happening) -> bool:
    """The block of `with session.begin_nested()`, or of the session itself."""
    match event.expression:
        case ("name", _) | ("attribute", *_):
            return bool(event.expression == tracked.expression)
        case ("call", int(index)):
            callee = tracked.scope.facts.calls[index].callee
            if callee[0] == "attribute" and callee[1] == tracked.expression and callee[2] in BEGINNING:
                return True
            entered = tracked.scope.assigned.get(tracked.name, ())
            return any(each.value == event.expression and each.how.startswith("with") for each in entered)
    return False
