"""D105."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.database.connections import SESSIONS, is_migration
from netra.guard.database.dependent import DependentSessions
from netra.guard.database.driven import DECIDING, DrivenWrites
from netra.guard.database.givers import Givers
from netra.guard.database.loaded import LETTING_GO, changed_by
from netra.guard.database.second_edition import is_of_second_edition
from netra.guard.database.transactions import (
    BEGINNING,
    COMMITS,
    FLUSHES,
    HERE,
    NO_EFFECT,
    ROLLS_BACK,
    UNKNOWN,
    WRITES,
    Effects,
    Tracked,
    Transactions,
)
from netra.guard.facts import TOP, Expression
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.meaning.flow import FALLS, RAISES, RETURNS, Flow, Happening, Stretch, WayOut
from netra.guard.requests.request_values import RequestValues
from netra.guard.rule import rule
from netra.guard.settings import top_of
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Instance, Step

# With this, each statement commits itself.
AUTOCOMMIT = ("isolation_level", ("string", "AUTOCOMMIT"))

CLEAN = -1
# States from here downwards stand for assignments, by their index.
STORED = -2


@rule("D105", "uncommitted-write")
def uncommitted_write(analysis: Analysis) -> Iterator[Sighting]:
    """Something is written in a session that this function opened, and a way out of the function does not commit it.

    Closing a session rolls back. The caller gets its answer, and the row is not there.

    ```python
    def rename(number: int, name: str) -> bool:
        with SessionLocal() as session:
            session.execute(update(Person).where(Person.id == number).values(name=name))  # D105
            if number in PINNED:
                return True
            session.commit()
            return True
    ```

    An asynchronous connection that begins no transaction of its own has to be committed in the same way, so has any connection
    of an engine of SQLAlchemy 2, and the bare connection of a driver, whose transaction begins with the first statement that
    writes.

    A value that is set on a row, and not looked at again, was meant for the database, and is lost where nothing ever commits.

    Who returns None or False where others commit says that nothing was done, and is left alone. A session that comes from a
    caller, from `factory.begin()` or from a dependency that commits is somebody else's to commit. Of a method that commits
    itself on some way it is told where everybody, or a route, that calls it leaves it at that.
    """
    transactions, callers, routes = analysis.once(Transactions), Givers(analysis), analysis.once(DependentSessions)
    values = analysis.once(RequestValues)
    yield from _unfinished(analysis, transactions)
    committing = analysis.once(_committing)
    writing = SESSIONS | {"sqlalchemy.ext.asyncio.AsyncConnection"}
    for tracked in dict.fromkeys((*transactions.tracked(WRITING_METHODS), *transactions.brought())):
        if is_migration(tracked.scope.module) or top_of(tracked.scope.module) in committing:
            continue
        if tracked.library not in writing and not _needs_commit(analysis, tracked):
            continue
        owner = transactions.owner(tracked)
        if _ends_in_its_own_way(analysis, tracked) or any(AUTOCOMMIT in each.keywords for each in tracked.scope.facts.calls):
            continue
        if owner == HERE:
            yield from _lost(values, transactions, tracked)
        elif owner is None and _commits_itself(tracked):
            # That another caller commits for itself helps no request.
            lost = callers.owners(tracked) == {HERE} or routes.is_lost_by_a_route(tracked)
            yield from _lost(values, transactions, tracked, LIKELY) if lost else ()
    for tracked, given in routes.lost_in_objects():
        if tracked.library in writing and top_of(tracked.scope.module) not in committing:
            yield from _lost(values, transactions, tracked, given=given)
    yield from _lost_by_a_driver(analysis)


def _needs_commit(analysis: Analysis, tracked: Tracked) -> bool:
    """A connection of SQLAlchemy 2, which commits no statement by itself, as earlier ones did."""
    return tracked.library == "sqlalchemy.engine.Connection" and is_of_second_edition(analysis, tracked.scope)


def _lost_by_a_driver(analysis: Analysis) -> Iterator[Sighting]:
    """What is written over a bare connection."""
    for each in analysis.once(DrivenWrites).lost():
        scope, call = each.tracked.scope, each.call
        if is_migration(scope.module):
            continue
        how = (
            f"when `{scope.name}` is left at line {each.line}" if each.committed else "and the connection is closed at the end"
        )
        message = f"what `{written(call.callee, scope)}(…)` writes is not committed {how}"
        steps = [Step(scope.module.path, call.line, f"`{each.tracked.name}` begins a transaction here")]
        if each.committed:
            steps.append(Step(scope.module.path, each.committed, "only the way through here commits it"))
        steps.append(Step(scope.module.path, each.line, f"`{scope.name}` is left, and nothing has committed"))
        mend = Mend("commit on this way as well")
        yield Sighting(scope, call.line, call.column, call.end_line, message, tuple(steps), mend)


def _committing(analysis: Analysis) -> frozenset[str]:
    """Programs with an engine of which each statement commits itself: `isolation_level="AUTOCOMMIT"`."""
    made = analysis.calls_of("create_engine", "create_async_engine")
    made += [each for each in analysis.calls_of("execution_options") if each[0].facts.sort == TOP]
    return frozenset(top_of(scope.module) for scope, _, call in made if AUTOCOMMIT in call.keywords)


def _unfinished(analysis: Analysis, transactions: Transactions) -> Iterator[Sighting]:
    """`work = connection.transaction()`, `await work.start()`, and a way out on which nobody ends what was begun."""
    for scope, index, call in analysis.calls_of("start"):
        if scope.module.in_tests or call.callee[0] != "attribute" or call.callee[1][0] != "name" or call.where[0] != "await":
            continue
        name = call.callee[1][1]
        assigned = scope.assigned.get(name, ())
        if len(assigned) != 1 or assigned[0].value[0] != "call" or name in scope.parameters:
            continue
        callee = scope.facts.calls[assigned[0].value[1]].callee
        if callee[0] != "attribute" or callee[2] != "transaction" or callee[1][0] != "name":
            continue
        library = transactions.connections.held(callee[1], scope)
        kept = any(use.where[0] != "attribute" for use in scope.facts.uses if use.name == name)
        if library == "asyncpg.Connection" and not kept:
            yield from _lost_with(transactions, Tracked(scope, callee[1][1], library), name, index)


def _lost_with(transactions: Transactions, tracked: Tracked, name: str, start: int) -> Iterator[Sighting]:
    scope, calls = tracked.scope, tracked.scope.facts.calls
    effects = [transactions.effects(tracked, index) for index in range(len(calls))]
    ending = {index for index, call in enumerate(calls) if call.callee in (
        ("attribute", ("name", name), "commit"), ("attribute", ("name", name), "rollback"))}  # fmt: skip
    begun, waiting = -1, -2

    def move(event: Happening, state: int) -> Iterator[tuple[str, int]]:
        after = state
        if event.what == "call" and event.at == start:
            after = begun
        elif event.what == "call" and (event.at in ending or effects[event.at] & {UNKNOWN}):
            after = waiting
        elif event.what == "call" and state == begun and WRITES in effects[event.at]:
            after = event.at
        yield FALLS, after
        if event.what == "call":
            yield RAISES, state

    if not ending:
        return
    ways = [way for way in Flow(scope.facts).ways(waiting, move) if way.how in (FALLS, RETURNS) and way.state >= 0]
    for way in ways[:1]:
        call, line = calls[way.state], min(way.line, scope.facts.end_line)
        message = f"what `{written(call.callee, scope)}(…)` writes is not committed when `{scope.name}` is left at line {line}"
        steps = (
            Step(scope.module.path, calls[start].line, f"`{name}` begins a transaction here"),
            Step(scope.module.path, line, f"`{scope.name}` is left, and nothing has ended it"),
        )
        mend = Mend("commit on this way as well, or begin in `async with connection.transaction()`")
        yield Sighting(scope, call.line, call.column, call.end_line, message, steps, mend)


WRITING_METHODS = frozenset("add add_all delete merge execute exec bulk_save_objects commit".split())
# What a text says of itself.
OF_TEXT = frozenset("startswith endswith isdigit isalpha isupper islower".split())


def _ends_in_its_own_way(analysis: Analysis, tracked: Tracked) -> bool:
    """The session is of a class of the program that says itself what leaving it does."""
    match analysis.receivers.value(tracked.expression, tracked.scope):
        case Instance(kind=kind):
            order, _ = analysis.program.order(kind)
            return any(each.methods.keys() & {"__exit__", "__aexit__"} for each in order if not each.module.library)
    return False


def _commits_itself(tracked: Tracked) -> bool:
    """Whoever opened the session, this function means to end the unit of work, and leaves nobody a choice."""
    facts = tracked.scope.facts
    if "commit" not in tracked.scope.called:
        return False
    if any(word in each.name.lower() for each in facts.parameters for word in DECIDING):
        return False
    return ("attribute", tracked.expression, "commit") in [call.callee for call in facts.calls]


def _lost(
    values: RequestValues,
    transactions: Transactions,
    tracked: Tracked,
    confidence: str = CERTAIN,
    *,
    given: tuple[Step, ...] = (),
) -> Iterator[Sighting]:
    """What is lost of a session; `given`: who has opened it for the function."""
    scope, name = tracked.scope, tracked.name
    connections = transactions.connections
    calls = scope.facts.calls
    begun_on = [call.callee[1] for call in calls if call.callee[0] == "attribute" and call.callee[2] in BEGINNING]
    if tracked.expression in begun_on:
        return
    holder = name if name.startswith("self.") else name.partition(".")[0]
    if confidence == CERTAIN and name not in scope.parameters and connections.is_kept(scope, holder):
        return
    session = tracked.expression
    asked = [call for call in calls if session in (*call.callee[1:2], *call.given)]
    if asked and all(call.callee[-1] == "flush" for call in asked):
        return  # there is nothing in it that could be lost
    effects = [transactions.effects(tracked, index) for index in range(len(calls))]
    if name in scope.parameters:
        # Before the function opens one for itself, the name stands for the session of its caller.
        own = min((each.line for each in scope.assigned.get(name, ())), default=0)
        effects = [each if call.line >= own else NO_EFFECT for each, call in zip(effects, calls, strict=True)]
    ties = {("attribute", tracked.expression, each) for each in LETTING_GO}
    if confidence != CERTAIN:
        # What others do with a session of somebody else may be no more than a lock.
        effects = [each - {WRITES} if call.callee[0] != "attribute" or call.callee[1] != tracked.expression else each
                   for each, call in zip(effects, calls, strict=True)]  # fmt: skip
    ever = any(COMMITS in each for each in effects)

    # Nobody flushes what has not changed; in a session of somebody else it may be his to commit.
    writing = {WRITES, FLUSHES} if confidence == CERTAIN else {WRITES}
    changed = changed_by(transactions, tracked)
    if not ever:
        # Who reads what he has set may never have meant to write it.
        changed = frozenset(each for each in changed if confidence == CERTAIN and _is_set_and_left(scope, each))
    if not changed and writing.isdisjoint(frozenset[str]().union(*effects)):
        return  # it only reads, and there is no need to walk every way through it

    def move(event: Happening, state: int) -> Iterator[tuple[str, int]]:
        does = effects[event.at] if event.what == "call" else frozenset()
        after = state
        if event.what == "store" and event.at in changed and state == CLEAN:
            after = STORED - event.at
        if does & {COMMITS, ROLLS_BACK, UNKNOWN} or (event.what == "call" and calls[event.at].callee in ties):
            after = CLEAN
        elif does & writing and state == CLEAN:
            after = event.at
        yield FALLS, after
        if event.what == "call":
            yield RAISES, state

    def skipped(stretch: Stretch, state: int) -> int:
        # `if changed: session.commit()`: whoever asks first knows, unless it is asked for something else.
        inside = frozenset[str]().union(*(effects[each.at] for each in stretch.events() if each.what == "call"))
        if state != CLEAN and _asks_for_something_else(values, scope, stretch, _line_of(scope, state), inside):
            return state
        commits = COMMITS in inside
        return CLEAN if commits else state

    def caught(*_: object) -> None:
        return None  # what a handler makes of an error is not asked here

    # Who answers None or False says that it did nothing, and means to lose what it had begun.
    nothing = (("none",), ("constant", "bool", False))
    giving_up = {each.line for each in scope.facts.returned if each.value in nothing}
    if any(each.value not in nothing for each in scope.facts.returned):
        giving_up |= {line for how, line in scope.facts.jumps if how == "return"}
    found: dict[int, WayOut[int]] = {}
    for way in Flow(scope.facts).ways(CLEAN, move, skipped, caught):
        loses = way.how in (FALLS, RETURNS) and way.state != CLEAN
        if loses and (not ever or way.line not in giving_up):
            found.setdefault(way.state, way)
    for index, way in found.items():
        line = min(way.line, scope.facts.end_line)
        how = f"when `{scope.name}` is left at line {line}" if ever else "and the session is closed at the end"
        begun = _line_of(scope, index)
        if index <= STORED:
            store = scope.facts.assignments[STORED - index]
            what, column, end_line = written(store.target, scope), store.column, store.line
            message = f"what `{what}` is set to is not committed {how}"
        else:
            call = calls[index]
            what, column, end_line = f"{written(call.callee, scope)}(…)", call.column, call.end_line
            message = f"what `{what}` writes is not committed {how}"
        has = "opened" if confidence == CERTAIN else "committed"
        steps = list(given) or [Step(scope.module.path, begun, f"`{name}` is {has} by `{scope.name}`")]
        committing = [calls[number].line for number, each in enumerate(effects) if COMMITS in each]
        beside = {each for each in committing if each < begun and _is_beside(scope, each, begun)}
        if (passed := min((each for each in committing if begun < each < line or each in beside), default=0)) > 0:
            steps.append(Step(scope.module.path, passed, "only the way through here commits it"))
        steps.append(Step(scope.module.path, line, f"`{scope.name}` is left, and nothing has committed"))
        mend = Mend(f"commit on this way as well, or open the session in `with factory.begin() as {name}`")
        yield Sighting(scope, begun, column, end_line, message, tuple(steps), mend, confidence)


def _line_of(scope: FunctionSymbol, state: int) -> int:
    return scope.facts.assignments[STORED - state].line if state <= STORED else scope.facts.calls[state].line


def _is_beside(scope: FunctionSymbol, line: int, other: int) -> bool:
    """A line stands under an `if`, and another one under its `else`."""
    tests = {each.expressions for each in scope.facts.blocks if each.what == "if" and each.line <= line <= each.end_line}
    return any(
        each.what == "else" and each.expressions in tests and each.line <= other <= each.end_line for each in scope.facts.blocks
    )


def _is_set_and_left(scope: FunctionSymbol, index: int) -> bool:
    """What an assignment sets an attribute of is not looked at any more: it was meant for the database alone."""
    store = scope.facts.assignments[index]
    if store.how not in ("=", "augmented") or any(each.what == "loop" for each in scope.facts.blocks):
        return False
    return not any(each.name == store.target[1][1] and each.line > store.line for each in scope.facts.uses)


def _asks_for_something_else(
    values: RequestValues, scope: FunctionSymbol, stretch: Stretch, line: int, inside: Effects
) -> bool:
    """The test is only of what the function was called with, or what its request says, it was made after the write, and callers
    do not commit by it. `inside`: what the block does that it leads to. A flag for a block that writes as well, and commits
    that, was not made for the commit.
    """
    test = stretch.block.expressions[0] if stretch.block.expressions else ("other",)
    asked = _asked(test, scope)
    said = test[1] if test[0] == "not" else test
    root = None if asked else values.root(said, scope)
    if not asked and (root is None or not root.request):
        return False
    parameters = [scope.facts.parameters[scope.parameters[name]] for name in asked]
    says = any(
        ("bool" in str((each.annotation, each.default)) and WRITES not in inside)
        or any(word in each.name.lower() for word in DECIDING)
        for each in parameters
    )
    within = any(
        each.what == "if" and each.expressions == stretch.block.expressions and each.line <= line <= each.end_line
        for each in scope.facts.blocks
    )
    told = str((test, scope.facts.calls[said[1]].arguments if said[0] == "call" else ())).lower()
    return not says and not within and not any(f"('string', '{word}" in told for word in DECIDING)


def _asked(test: Expression, scope: FunctionSymbol) -> frozenset[str]:
    """The parameters of which a test speaks, where it speaks of nothing else: `kind`, `amount > 100`."""
    match test:
        case ("not", inner):
            return _asked(inner, scope)
        case ("name", str(name)) if name in scope.parameters and not scope.assigned.get(name):
            return frozenset({name})
        case ("compare", (one, ("constant" | "string", *_)), _):
            return _asked(one, scope)
        case ("call", int(index)):
            call = scope.facts.calls[index]
            told = all(each[0] in ("string", "constant") for each in call.arguments) and not call.keywords
            if told and call.callee[0] == "attribute" and call.callee[1][0] == "name" and call.callee[2] in OF_TEXT:
                return _asked(call.callee[1], scope)
    return frozenset()
