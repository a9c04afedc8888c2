"""D107."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.database.atomic import AtomicBlocks
from netra.guard.database.carriers import Carriers
from netra.guard.database.connections import DRIVERS, runs_for_itself
from netra.guard.database.dependent import DependentSessions
from netra.guard.database.givers import Givers
from netra.guard.database.lent import LentSessions
from netra.guard.database.lent_tools import LentToTools
from netra.guard.database.statements import Statements
from netra.guard.database.transactions import (
    BEGINNING,
    CLOSES,
    COMMITS,
    EXECUTES,
    ROLLS_BACK,
    RUNNING,
    UNKNOWN,
    Effects,
    Tracked,
    Transactions,
)
from netra.guard.facts import Block, CallSite, last_name
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.meaning.flow import FALLS, Flow, Happening
from netra.guard.requests.streamed import Streamed
from netra.guard.requests.waiting import COMING_NAMES, THE_CLIENT, THE_CLOCK, Waits, is_socket
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step

IDLE = -1
BEFORE = -2
"""It had a connection when the function was called."""

# Drivers that begin a transaction with the first statement, and what locks rows in it.
BEGINNING_BY_THEMSELVES = frozenset("psycopg.AsyncConnection psycopg.Connection psycopg2.connection pymysql.Connection".split())
LOCKING = re.compile(
    r"^\s*(?:update|insert|delete|merge|lock)\b|\bfor\s+(?:no\s+key\s+)?update\b|\bfor\s+(?:key\s+)?share\b", re.IGNORECASE
)

SLEEPING = tuple(("attribute", ("name", each), "sleep") for each in ("asyncio", "time", "anyio"))


class Wait(NamedTuple):
    """A call, or a `yield`, that waits for somebody outside while a connection is held."""

    line: int
    column: int
    end_line: int
    whom: str
    steps: tuple[Step, ...]
    what: str = "its connection"


@rule("D107", "connection-held-over-wait", hesitant=True)
def connection_held_over_wait(analysis: Analysis) -> Iterator[Sighting]:
    """A connection of the pool is held while the function waits for a model, an HTTP server, the client or the clock.

    A session takes a connection with its first statement and keeps it until it is committed, rolled back or closed. A pool has
    a few of them; when as many requests wait for a slow model, nobody else gets to the database.

    ```python
    @app.post("/ask")
    async def ask(question: str, session: AsyncSession = Depends(get_session)):
        person = await session.get(Person, 1)
        return await client.chat.completions.create(model=MODEL, messages=[prompt(person, question)])  # D107
    ```

    So does a loop that waits for a queue, a stream that a client reads, and an agent of a library whose tools work with the
    session that they are lent as its `deps`, or that they find around them: between two tools the model is asked.

    A connection that the driver opens for the function alone is taken from no pool. It is told of where it has locked rows
    before, for which others wait as long. So is a block of `transaction.atomic()` of Django, which has a connection for each
    thread, and one of a mapper such as Tortoise, which takes one of its pool for the block.

    Commit or close before the wait, and open another session after it.
    """
    transactions, waits = analysis.once(Transactions), analysis.once(Waits)
    givers, streams = Givers(analysis), Streamed(analysis)
    streamed = streams.generators()
    driven: dict[FunctionSymbol, list[Sighting]] = {}
    seen: set[tuple[FunctionSymbol, int]] = set()
    for tracked in _every(transactions, analysis.once(Carriers)):
        scope = tracked.scope
        outside = scope in streamed and scope.facts.yields
        waiting = outside or waits.may_wait(scope)
        if not waiting and not any(_may_go_on(each, scope) for each in scope.facts.blocks):
            continue
        if tracked.library.startswith(("sqlite3", "aiosqlite")):
            continue
        given = givers.given(tracked)
        if given == () and not outside:
            given = _had(tracked)
        if given is not None and outside:
            given = (*given, *streamed[scope], *_opened(tracked))
        found = None if given is None else _held(analysis, tracked, outside)
        if found is not None and given is not None and (outside or not runs_for_itself(analysis, scope)):
            seen.add((scope, found.line))
            if outside and scope in streams.outer:
                driven.setdefault(scope, []).append(_sighting(tracked, found, given))
            else:
                yield _sighting(tracked, found, given)
    for scope, sightings in driven.items():
        if streams.outer[scope] not in {each for each, _ in seen}:  # or it is told where its items are handed on
            yield from sightings
    for tracked, given in analysis.once(DependentSessions).left_open():
        scope = tracked.scope
        if waits.may_wait(scope):
            found = _held(analysis, tracked, False, given[-1])
            if found is not None and (scope, found.line) not in seen:
                seen.add((scope, found.line))
                yield _sighting(tracked, found, given[:-1])
    for lent in (*analysis.once(LentSessions).lent(), *LentToTools(analysis).lent()):
        if (lent.scope, lent.call.line) not in seen and not runs_for_itself(analysis, lent.scope):
            message = f"`{lent.shown}` keeps its connection while the agent that `{lent.scope.name}` runs asks its model"
            place = (lent.scope, lent.call.line, lent.call.column, lent.call.end_line)
            yield Sighting(*place, message, lent.steps, Mend("let each tool open, and close, a session of its own"))
    for held in analysis.once(AtomicBlocks).held():
        if (held.scope, held.call.line) not in seen and not runs_for_itself(analysis, held.scope):
            message = f"the transaction of `{held.scope.name}` keeps {held.what} while it waits for {held.whom}"
            place = (held.scope, held.call.line, held.call.column, held.call.end_line)
            mend = Mend("wait before the block, or behind it, and write what came of it in one of its own")
            sure = CERTAIN if analysis.reach.path_to(held.scope) else LIKELY
            yield Sighting(*place, message, held.steps, mend, sure)


def _sighting(tracked: Tracked, found: Wait, given: tuple[Step, ...]) -> Sighting:
    message = f"`{tracked.name}` keeps {found.what} while `{tracked.scope.name}` waits for {found.whom}"
    mend = Mend("commit or close before the wait, and open another one after it")
    return Sighting(tracked.scope, found.line, found.column, found.end_line, message, (*given, *found.steps), mend)


def _had(tracked: Tracked) -> tuple[Step, ...]:
    """Where a framework gives a function the session, for as long as it runs."""
    scope, name = tracked.scope, tracked.name
    if name not in scope.parameters:
        return ()
    line = scope.facts.parameters[scope.parameters[name]].line
    return (Step(scope.module.path, line, f"`{name}` is open for as long as `{scope.name}` runs"),)


def _opened(tracked: Tracked) -> tuple[Step, ...]:
    """Where a generator opens what it has for as long as the client takes its items."""
    opened = [each for each in tracked.scope.assigned.get(tracked.name, ()) if each.how in ("with", "with async")]
    if not opened:
        return ()
    return (Step(tracked.scope.module.path, opened[0].line, f"`{tracked.name}` is open for as long as the client takes"),)


def _every(transactions: Transactions, carriers: Carriers) -> tuple[Tracked, ...]:
    """The sessions of all functions, also in the functions inside that use them."""
    found = dict.fromkeys((*transactions.tracked(RUNNING), *transactions.brought()))
    for tracked in tuple(found):
        named = [tracked.name, *_made_of(carriers, tracked)] if tracked.scope.children else []
        for child in tracked.scope.children:
            for name in named:
                holder = name.partition(".")[0]
                if holder in child.facts.loads and holder not in child.bound:
                    found.setdefault(Tracked(child, name, tracked.library))
    return tuple(found)


def _made_of(carriers: Carriers, tracked: Tracked) -> Iterator[str]:
    """What a function makes of a session, for the functions inside it as well: `people = People(session)`."""
    for name, assigned in tracked.scope.assigned.items():
        if len(assigned) == 1 and assigned[0].how == "=" and assigned[0].value[0] == "call":
            attribute = carriers.kept_as(assigned[0].value[1], tracked.expression, tracked.scope)
            if attribute is not None:
                yield f"{name}.{attribute}"


def _held(analysis: Analysis, tracked: Tracked, outside: bool, before: Step | None = None) -> Wait | None:
    """The first wait during which it has a connection. `before`: what has given it one before the function is called."""
    scope, name = tracked.scope, tracked.name
    transactions, waits = analysis.once(Transactions), analysis.once(Waits)
    # What it waits for is asked first: most functions wait for nobody, and need not be walked through.
    waited = {
        index: found
        for index, call in enumerate(scope.facts.calls)
        if last_name(call.callee) in waits.names and (found := waits.waits(scope, index)) is not None
    }
    if not (waited or outside or any(_may_go_on(block, scope) for block in scope.facts.blocks)):
        return None
    opened = {each.value[1][1] if each.value[0] == "await" else each.value[1] for each in scope.assigned.get(name, ())
              if each.value[0] in ("call", "await") and each.how != "for"}  # fmt: skip
    at_once = tracked.library in DRIVERS
    effects = [transactions.effects(tracked, index) for index in range(len(scope.facts.calls))]
    own = at_once and any(not transactions.connections.is_pooled(index, scope) for index in opened)
    if own:
        # Opened by the driver itself, for this function, it is taken from no pool. For what it has locked, others wait as well.
        if tracked.library not in BEGINNING_BY_THEMSELVES or any(_commits_each(scope.facts.calls[index]) for index in opened):
            return None
        effects = [each if EXECUTES not in each or _locks(analysis, scope, index) else each - {EXECUTES}
                   for index, each in enumerate(effects)]  # fmt: skip
        at_once = False
    if before is None and not (at_once and opened) and not any(EXECUTES in each for each in effects):
        return None
    pauses = _pauses(waits, tracked, effects)
    if not (waited or pauses or outside):
        return None
    hits: list[Wait] = []

    def taken(state: int) -> Step:
        if state == BEFORE and before is not None:
            return before
        call = scope.facts.calls[state]
        does = "locks rows until the transaction ends" if own else "takes a connection"
        return Step(scope.module.path, call.line, f"`{written(call.callee, scope)}(…)` {does}")

    def move(event: Happening, state: int) -> Iterator[tuple[str, int]]:
        if event.what == "call":
            does = effects[event.at]
            call = scope.facts.calls[event.at]
            if state != IDLE and not does and (found := waited.get(event.at)) is not None:
                hits.append(Wait(call.line, call.column, call.end_line, found[0], (taken(state), *found[1])))
            if state != IDLE and event.at in pauses and not hits:
                step = Step(
                    scope.module.path, call.line, "nothing in the loop lets go of the connection, and its next turn has to wait"
                )
                hits.append(Wait(call.line, call.column, call.end_line, pauses[event.at], (taken(state), step)))
            if does & {COMMITS, ROLLS_BACK, CLOSES, UNKNOWN}:
                state = IDLE
            elif state == IDLE and (EXECUTES in does or (at_once and event.at in opened)):
                state = event.at
        elif event.what == "exit" and _leaves(tracked, event):
            state = IDLE
        elif event.what == "yield" and outside and state != IDLE:
            given = Step(scope.module.path, event.line, "the client takes what is yielded here when it likes")
            column = scope.facts.returned[event.at].column
            hits.append(Wait(event.line, column, event.line, THE_CLIENT, (taken(state), given)))
        yield FALLS, state

    Flow(scope.facts).ways(IDLE if before is None else BEFORE, move)
    first = min(hits, key=lambda each: each[:2]) if hits else None
    return first._replace(what="what it has locked") if first is not None and own else first


def _locks(analysis: Analysis, scope: FunctionSymbol, index: int) -> bool:
    """The statement of a call locks rows, or a table."""
    given = scope.facts.calls[index].arguments
    return bool(given) and LOCKING.search(analysis.once(Statements).written(given[0], scope)) is not None


def _commits_each(call: CallSite) -> bool:
    """`connect(dsn, autocommit=True)`: nothing stays locked behind a statement."""
    return any(key == "autocommit" for key, _ in call.keywords)


def _pauses(waits: Waits, tracked: Tracked, effects: list[Effects]) -> dict[int, str]:
    """The calls in loops that go on for as long as the process or a socket, and for whom each turn waits, with one session that
    nothing in the loop commits, closes or opens anew.
    """
    facts = tracked.scope.facts
    found: dict[int, str] = {}
    for loop in facts.blocks:
        endless = loop.expressions == (("constant", "bool", True),)
        whom = THE_CLIENT if _goes_over_a_socket(loop) else _goes_over_what_comes(waits, tracked.scope, loop)
        if loop.what != "loop" or not (endless or whom) or (endless and _can_be_left(tracked.scope, loop)):
            continue
        inside = [number for number, call in enumerate(facts.calls) if loop.line <= call.line <= loop.end_line]
        lets_go = any(effects[number] & {COMMITS, ROLLS_BACK, CLOSES, UNKNOWN} for number in inside)
        anew = any(each.target == tracked.expression and loop.line <= each.line <= loop.end_line for each in facts.assignments)
        if not lets_go and not anew:
            if whom:
                found.update(dict.fromkeys(inside, whom))
                continue
            for number in inside:
                if facts.calls[number].callee in SLEEPING:
                    found[number] = THE_CLOCK
                elif (comes := waits.what_comes(tracked.scope, facts.calls[number])) is not None:
                    found[number] = comes
    return found


def _may_go_on(loop: Block, scope: FunctionSymbol) -> bool:
    """It has no end of its own."""
    endless = loop.expressions == (("constant", "bool", True),)
    return loop.what == "loop" and (endless or _goes_over_a_socket(loop) or _walked(loop, scope) is not None)


def _walked(loop: Block, scope: FunctionSymbol) -> CallSite | None:
    """The call whose messages a loop goes over, by its name."""
    match loop.expressions:
        case (("call", int(index)),) if last_name(scope.facts.calls[index].callee) in COMING_NAMES:
            return scope.facts.calls[index]
    return None


def _goes_over_what_comes(waits: Waits, scope: FunctionSymbol, loop: Block) -> str | None:
    """`async for message in pubsub.listen()`."""
    call = _walked(loop, scope)
    return None if call is None else waits.what_comes(scope, call)


def _goes_over_a_socket(loop: Block) -> bool:
    """`async for message in websocket`."""
    over = loop.expressions[0] if loop.what == "loop" and len(loop.expressions) == 1 else ("other",)
    return over[0] in ("name", "attribute") and is_socket(over)


def _can_be_left(scope: FunctionSymbol, loop: Block) -> bool:
    """Something in a loop ends it: it waits for that, and holds what it needs until then."""
    facts = scope.facts
    lines = [line for how, line in facts.jumps if how in ("break", "return")]
    lines += [*facts.raises, *(each.line for each in facts.returned if each.how == "return")]
    return any(loop.line <= line <= loop.end_line for line in lines)


def _leaves(tracked: Tracked, event: Happening) -> bool:
    """The block of the session ends, or of a transaction on it."""
    match event.expression:
        case ("name", _) | ("attribute", *_):
            return bool(event.expression == tracked.expression)
        case ("call", int(index)):
            callee = tracked.scope.facts.calls[index].callee
            if callee[0] == "attribute" and callee[1] == tracked.expression:
                return callee[2] in BEGINNING and callee[2] != "begin_nested"
    entered = tracked.scope.assigned.get(tracked.name, ())
    return any(each.value == event.expression and each.how.startswith("with") for each in entered)
