"""D103."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.database.connections import (
    CLOSING,
    LOOKING,
    SESSIONS,
    Connections,
    Opening,
    runs_for_itself,
    works_on_given,
)
from netra.guard.database.given_out import given_out
from netra.guard.database.lasting_proxies import lasting_proxies
from netra.guard.database.replaced import replaced
from netra.guard.database.transactions import (
    CLOSES,
    COMMITS,
    EXECUTES,
    FLUSHES,
    NO_EFFECT,
    ROLLS_BACK,
    UNKNOWN,
    Effects,
    Tracked,
    Transactions,
)
from netra.guard.environment import is_edge
from netra.guard.facts import NOTHING, CallSite, Expression, last_name
from netra.guard.faults import LIKELY, Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.meaning.flow import FALLS, RAISES, RETURNS, Flow, Happening, Stretch, WayOut
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.trying import handlers
from netra.guard.values import Step, TypeOf

BEFORE, OPEN, BUSY, CLOSED = "before", "open", "busy", "closed"
NEVER_FAILING = (
    LOOKING
    | CLOSING
    | frozenset("cursor set_session set_autocommit append timeout timeout_at unsubscribe punsubscribe".split())
)
GIVEN: Effects = frozenset({EXECUTES})
WORKING = frozenset("execute exec query get scalar scalars fetch fetchrow fetchval add commit cursor".split())


# Sessions hold a connection from their first statement to the end of the transaction, and only then.
HELD_IN_TRANSACTION = SESSIONS | {"sqlalchemy.ext.asyncio.AsyncConnection"}
# A pool waits for each of its connections until it is given back, whoever has lost it.
FROM_POOLS = frozenset(
    """asyncpg.Connection psycopg.AsyncConnection psycopg.Connection psycopg2.connection aiomysql.MysqlConnection""".split()
)
# What nobody gives back or ends when the last reference goes.
OUTLIVING = frozenset(
    """asyncpg.Connection psycopg.AsyncConnection aiosqlite.Connection aiomysql.MysqlConnection redis.asyncio.PubSub""".split()
)
# What `with` enters to commit or roll back, and leaves open.
ENDING_ONLY = frozenset({"sqlite3.Connection", "psycopg2.connection"})


@rule("D103", "unclosed-connection", hesitant=True)
def unclosed_connection(analysis: Analysis) -> Iterator[Sighting]:
    """A session or connection is opened, and on some way through the function nobody closes it.

    It goes back to its pool when the garbage collector finds it, which for asynchronous drivers is never. Until then others
    wait for it, and what it had locked stays locked.

    Guard is certain of sessions that are left in the middle of a transaction, which hold their connection until a collection
    of cycles, of asynchronous connections, where no error has to happen for it, of sessions of a request or asynchronous ones
    that nobody ever closes, whose commit may fail, and of those of a request or a pool that a failing statement leaves open. It
    is not where another error has to happen first, where the transaction has ended, and of plain connections, which CPython
    closes with their last reference: those of `with sqlite3.connect(…)` as well, which ends the transaction and closes nothing.

    ```python
    def find(number: int) -> str | None:
        session = SessionLocal()
        person = session.get(Person, number)
        if person is None:
            return None  # D103: still open
        session.close()
        return person.name
    ```

    Open it in `with`, or close it in `finally`. What is returned, stored or handed to somebody who may close it is left alone,
    and so are commands, whose process ends. A dependency that returns a session, and does not yield it, is told of where
    nobody closes it who is given it: the framework has nothing to come back to. So is a method that opens a session in the
    place of the last one each time it is called (`self.session = self.factory()`), and a `scoped_session` with which a server
    works and that nothing ever removes: its thread keeps it, in the middle of a transaction.
    """
    connections, transactions = analysis.once(Connections), analysis.once(Transactions)
    for opening in connections.openings:
        served = opening.library in SESSIONS | OUTLIVING and bool(analysis.reach.path_to(opening.scope))
        found = _left_open(connections, transactions, opening, served=served)
        if found is not None and not runs_for_itself(analysis, opening.scope):
            call = opening.call
            name = written(call.callee, opening.scope)
            how, line, certain = found
            certain = certain and not is_edge(opening.scope.module) and not _has_no_connection(analysis, opening)
            message = f"what `{name}(…)` opens is not closed {how}"
            what = f"`{name}(…)` opens a `{opening.library}`"
            steps = [Step(opening.scope.module.path, call.line, what)]
            if line:
                steps.append(Step(opening.scope.module.path, line, f"`{opening.scope.name}` can be left here, and it is open"))
                if (closed := _closed_at(opening)) > 0:
                    steps.append(Step(opening.scope.module.path, closed, "only who comes this far closes it"))
            if not _closed_at(opening) and (taken := _swallowed_at(transactions, opening)) > 0:
                note = "this takes the error of what fails in its transaction, and ends that no more than anything else does"
                steps.append(Step(opening.scope.module.path, taken, note))
            mend = Mend("open it in `with`, or close it in `finally`")
            yield Sighting(
                opening.scope,
                call.line,
                call.column,
                call.end_line,
                message,
                tuple(steps),
                mend,
                *(() if certain else (LIKELY,)),
            )
    for given in given_out(analysis):
        if given.library in HELD_IN_TRANSACTION | OUTLIVING:
            call = given.call
            message = f"what `{given.by}` opens for whoever depends on it is not closed by anybody"
            opened = Step(given.scope.module.path, call.line, f"each request gets a `{given.library}` of its own")
            mend = Mend("have a dependency yield it: `with … as session: yield session`, and not return it")
            yield Sighting(given.scope, call.line, call.column, call.end_line, message, (opened, given.step), mend)
    for opening, attribute in replaced(analysis):
        call, path = opening.call, opening.scope.module.path
        message = f"each call of `{opening.scope.name}` opens a session in the place of the last one, which nobody closes"
        note = f"`self.{attribute}` is a `{opening.library}`, and no method of the class ends it"
        mend = Mend("open it in `with` for the call, and hand it on")
        yield Sighting(opening.scope, call.line, call.column, call.end_line, message, (Step(path, call.line, note),), mend)
    for lasting in lasting_proxies(analysis):
        call = lasting.call
        message = f"`{lasting.name}` is used while others are served, and nothing ever calls `{lasting.name}.remove()`"
        mend = Mend("remove it when the request is answered, in a `finally`")
        yield Sighting(lasting.scope, call.line, call.column, call.end_line, message, (lasting.made,), mend)


def _has_no_connection(analysis: Analysis, opening: Opening) -> bool:
    """`Session()`, the class itself without an engine, only keeps objects together; one on another's connection opens none."""
    made = analysis.receivers.value(opening.call.callee, opening.scope)
    nothing = isinstance(made, TypeOf) and not opening.call.arguments and not opening.call.keywords
    return nothing or works_on_given(opening.call, opening.scope)


def _left_open(
    connections: Connections, transactions: Transactions, opening: Opening, *, served: bool
) -> tuple[str, int, bool] | None:
    """On which way out it is open: in words, at which line, and whether it certainly holds something then."""
    holds = opening.library in HELD_IN_TRANSACTION | OUTLIVING
    match opening.where:
        case ("attribute", "__enter__" | "__aenter__"):
            # Somebody who enters by hand may leave by hand as well.
            leaves = any(last_name(call.callee) in ("__exit__", "__aexit__") for call in opening.scope.facts.calls)
            return None if leaves or opening.scope.owner is not None else ("by anybody: it is entered and never left", 0, holds)
        case ("attribute", str(name)) if name in WORKING and not opening.library.startswith(("sqlite3", "redis")):
            return "by anybody: nothing holds it", 0, holds and name not in ("add", "commit", "cursor")
        case ("with",) if opening.library in ENDING_ONLY and not _closed_within(opening):
            return "by anybody: `with` ends its transaction, and nothing more", 0, False
        case ("assign", ("name", str(name))):
            return _left_open_in_name(connections, transactions, opening, name, served=served)
    return None


def _closed_within(opening: Opening) -> bool:
    """The name that `with … as` gives it is closed by hand, or handed to somebody who may."""
    scope, line = opening.scope, opening.call.line
    names = [each.target for each in scope.facts.assignments if each.how == "with" and each.line == line]
    return not names or any(
        (call.callee[0] == "attribute" and call.callee[1] in names and call.callee[2] == "close")
        or any(given in names for given in call.given)
        for call in scope.facts.calls
    )


def _left_open_in_name(
    connections: Connections, transactions: Transactions, opening: Opening, name: str, *, served: bool
) -> tuple[str, int, bool] | None:
    scope = opening.scope
    if name in scope.parameters or name in scope.facts.globals or connections.is_kept(scope, name):
        return None
    for each in scope.assigned[name]:
        value = each.value[1] if each.value[0] == "await" else each.value
        if value != ("none",) and not (value[0] == "call" and connections.opened(value[1], scope)):
            return None
    calls = scope.facts.calls
    enters_to_close = not opening.library.startswith(("sqlite3", "psycopg2"))
    closing = {index for index, call in enumerate(calls) if _closes(connections, opening, index, call, name)}

    tracked = Tracked(scope, name, opening.library)
    effects = [transactions.effects(tracked, index) for index in range(len(calls))]
    opened = BUSY if opening.library in OUTLIVING else OPEN

    def move(event: Happening, state: str) -> Iterator[tuple[str, str]]:
        match event.what:
            case "call" if event.at == opening.index:
                yield FALLS, opened
                yield RAISES, state
            case "call" if event.at in closing:
                yield FALLS, CLOSED
            case "exit" if enters_to_close and event.expression == ("name", name):
                yield FALLS, CLOSED
            case "call" if last_name(calls[event.at].callee) in NEVER_FAILING:
                yield FALLS, state
            case "call" | "yield":
                does = effects[event.at] if event.what == "call" else given_to(event.at)
                yield FALLS, _after(state, does)
                # Whoever takes the error of a commit, and goes back, has a transaction that nobody has ended.
                yield RAISES, BUSY if COMMITS in does and state == OPEN else state
            case _:
                yield FALLS, state

    def given_to(index: int) -> Effects:
        # Whoever it is given to works with it, and how far he gets is his.
        return GIVEN if scope.facts.returned[index].value == ("name", name) else NO_EFFECT

    def skipped(stretch: Stretch, state: str) -> str:
        # `if session is not None: session.close()`: whoever asks first knows.
        closes = any(each.what == "call" and each.at in closing for each in stretch.events())
        return CLOSED if closes and state in (OPEN, BUSY) else state

    missing = [
        (block.line, block.end_line)
        for block in scope.facts.blocks
        if block.what == "if" and any(_says_missing(test, name) for test in block.expressions)
    ]
    ways = [
        way
        for way in Flow(scope.facts).ways(BEFORE, move, skipped)
        if way.state in (OPEN, BUSY) and not any(first <= way.line <= last for first, last in missing)
    ]
    given_out = {each.line for each in scope.facts.returned if each.how == "yield"}
    working = {call.line for call, does in zip(calls, effects, strict=True) if EXECUTES in does}
    working |= {call.line for call in calls if _is_of_cursor(call, name, scope)}
    lost = opening.library in FROM_POOLS and connections.is_pooled(opening.index, scope)
    return _worst(
        ways,
        given_out,
        scope.facts.end_line,
        holds=opening.library in HELD_IN_TRANSACTION | OUTLIVING,
        ever=bool(closing),
        lost=lost,
        outlives=opening.library in OUTLIVING,
        failing=opening.library.startswith("sqlalchemy.ext.asyncio.") or served,
        raised=frozenset(scope.facts.raises),
        working=working if lost or served else set(),
    )


def _is_of_cursor(call: CallSite, name: str, scope: FunctionSymbol) -> bool:
    """`cursor.execute(…)` of a name that is only ever given `connection.cursor()`."""
    match call.callee:
        case ("attribute", ("name", str(cursor)), "execute" | "executemany" | "copy_expert" | "callproc"):
            made = [each.value for each in scope.assigned.get(cursor, ())]
            plain = [each[1] if each[0] == "await" else each for each in made]
            return bool(plain) and all(
                each[0] == "call" and scope.facts.calls[each[1]].callee == ("attribute", ("name", name), "cursor")
                for each in plain
            )
    return False


def _closed_at(opening: Opening) -> int:
    """The first line that closes it, or gives it back; 0 where none does."""
    name = opening.where[1] if opening.where[0] == "assign" else ("other",)
    return next(
        (
            call.line
            for call in opening.scope.facts.calls
            if (call.callee[0] == "attribute" and call.callee[1] == name and call.callee[2] in CLOSING)
            or (last_name(call.callee) in ("release", "putconn") and name in call.arguments)
        ),
        0,
    )


def _swallowed_at(transactions: Transactions, opening: Opening) -> int:
    """The first line of a handler that goes on after a failed flush or commit, and does not roll back; 0 where none does."""
    match opening.where:
        case ("assign", ("name", str(name))):
            tracked, scope = Tracked(opening.scope, name, opening.library), opening.scope
        case _:
            return 0
    for tried, handler in handlers(scope):
        if any(handler.line <= line <= handler.end_line for line in scope.facts.raises):
            continue
        failing: set[str] = set()
        ending: set[str] = set()
        for index, call in enumerate(scope.facts.calls):
            for block, found in ((tried, failing), (handler, ending)):
                if block.line <= call.line <= block.end_line:
                    found |= transactions.effects(tracked, index)
        if failing & {COMMITS, FLUSHES} and not ending & {ROLLS_BACK, CLOSES, UNKNOWN}:
            return handler.line
    return 0


def _after(state: str, does: Effects) -> str:
    """Whether it holds anything after a call. A transaction ends with a commit, and begins with the next statement."""
    if state in (OPEN, BUSY):
        if does & {COMMITS, ROLLS_BACK, CLOSES, UNKNOWN}:
            return OPEN
        if does & {EXECUTES, FLUSHES}:
            return BUSY
    return state


def _says_missing(test: Expression, name: str) -> bool:
    """`if session is None`, `if not session`: there is nothing to close."""
    return test in (("compare", (("name", name), NOTHING), ("Is",)), ("not", ("name", name)))


def _worst(
    ways: list[WayOut[str]],
    given_out: set[int],
    last: int,
    *,
    holds: bool,
    ever: bool,
    lost: bool,
    outlives: bool,
    failing: bool,
    working: set[int],
    raised: frozenset[int],
) -> tuple[str, int, bool] | None:
    plain = [way for way in ways if way.how in (FALLS, RETURNS)]
    if plain:
        # A pool waits for it whatever it has done; others give it up when nothing goes on in it.
        holding = [way for way in plain if lost or (holds and way.state == BUSY)]
        line = min(min(way.line, last) for way in holding or plain)
        if ever:
            return f"when the function ends at line {line}", line, bool(holding)
        # Nobody means to close it: a commit that fails leaves it with its connection, until a collection of cycles.
        lost_at = [way.line for way in ways if way.how == RAISES and way.state == BUSY] if failing else []
        return "on any way", 0 if holding or not lost_at else min(lost_at), bool(holding or lost_at)
    if ways:
        lines = {way.line for way in ways}
        if outlives and not ever:
            # Nothing but an error, or being cancelled, ends it: a loop that sends until the client has gone.
            return "by anybody when an error ends its loop", max(lines), True
        if used := lines & given_out:
            return f"when whoever it is given to at line {min(used)} fails", min(used), holds
        meant = {way.line for way in ways if way.line in raised and holds and way.state == BUSY}
        if meant:
            return f"when line {min(meant)} raises", min(meant), True
        if broken := lines & working:
            return f"when line {min(broken)} fails", min(broken), True
        return f"when line {min(lines)} fails", min(lines), False
    return None


def _closes(connections: Connections, opening: Opening, index: int, call: CallSite, name: str) -> bool:
    match call.callee:
        case ("attribute", ("name", receiver), method) if receiver == name and method in CLOSING:
            return True
    given = call.placed
    return any(
        value == ("name", name) and connections.taken(opening.scope, index, position) == "closed" for position, value in given
    )
