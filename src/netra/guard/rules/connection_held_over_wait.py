"""D107."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.database.connections import DRIVERS, runs_for_itself
from netra.guard.database.givers import Givers
from netra.guard.database.transactions import (
    BEGINNING,
    CLOSES,
    COMMITS,
    EXECUTES,
    ROLLS_BACK,
    RUNNING,
    UNKNOWN,
    Tracked,
    Transactions,
)
from netra.guard.facts import last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.contexts import written
from netra.guard.meaning.flow import FALLS, Flow, Happening
from netra.guard.program import FunctionSymbol
from netra.guard.requests.waiting import THE_CLIENT, Waits
from netra.guard.rule import rule
from netra.guard.values import GeneratorOf, Routine, Step

IDLE = -1
STREAMING = frozenset({"StreamingResponse", "EventSourceResponse"})


@rule("D107", "connection-held-over-wait", default=False)
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

    Commit or close before the wait, and open another session after it.
    """
    transactions, waits = analysis.once(Transactions), analysis.once(Waits)
    givers, streamed = Givers(analysis), _streamed(analysis)
    for tracked in dict.fromkeys((*transactions.tracked(RUNNING), *transactions.brought())):
        scope = tracked.scope
        outside = scope in streamed and scope.facts.yields
        if not outside and not any(last_name(call.callee) in waits.names for call in scope.facts.calls):
            continue
        if tracked.library.startswith("sqlite3") or runs_for_itself(analysis, scope):
            continue
        given = givers.given(tracked)
        found = None if given is None else _held(transactions, waits, tracked, outside)
        if found is not None and given is not None:
            line, column, end_line, whom, steps = found
            message = f"`{tracked.name}` keeps its connection while `{scope.name}` waits for {whom}"
            mend = Mend("commit or close before the wait, and open another one after it")
            yield Sighting(scope, line, column, end_line, message, (*given, *steps), mend)


def _streamed(analysis: Analysis) -> frozenset[FunctionSymbol]:
    """Generators whose items go to a client as fast as it takes them."""
    found = []
    for name in sorted(STREAMING):
        for scope, index in analysis.program.calls_named.get(name, ()):
            call = scope.facts.calls[index]
            waiting = [*call.arguments[:1], *(value for key, value in call.keywords if key == "content")]
            while waiting:
                each = waiting.pop()
                match analysis.receivers.value(each, scope):
                    case GeneratorOf(function=FunctionSymbol() as function) | Routine(function=function):
                        found.append(function)
                if each[0] == "call":  # `frames(answers(session))`: one generator goes through another
                    waiting += [given for given in scope.facts.calls[each[1]].arguments if given[0] == "call"]
    return frozenset(found)


def _held(
    transactions: Transactions, waits: Waits, tracked: Tracked, outside: bool
) -> tuple[int, int, int, str, tuple[Step, ...]] | None:
    scope, name = tracked.scope, tracked.name
    effects = [transactions.effects(tracked, index) for index in range(len(scope.facts.calls))]
    opened = {each.value[1][1] if each.value[0] == "await" else each.value[1] for each in scope.assigned.get(name, ())
              if each.value[0] in ("call", "await") and each.how != "for"}  # fmt: skip
    at_once = tracked.library in DRIVERS
    if at_once and opened:
        return None  # opened by the driver itself, for this function: it is taken from no pool
    hits: list[tuple[int, int, int, str, tuple[Step, ...]]] = []

    def move(event: Happening, state: int) -> Iterator[tuple[str, int]]:
        if event.what == "call":
            does = effects[event.at]
            call = scope.facts.calls[event.at]
            if state != IDLE and not does and (found := waits.waits(scope, event.at)) is not None:
                taken = scope.facts.calls[state]
                step = Step(scope.module.path, taken.line, f"`{written(taken.callee, scope)}(…)` takes a connection")
                hits.append((call.line, call.column, call.end_line, found[0], (step, *found[1])))
            if does & {COMMITS, ROLLS_BACK, CLOSES, UNKNOWN}:
                state = IDLE
            elif state == IDLE and (EXECUTES in does or (at_once and event.at in opened)):
                state = event.at
        elif event.what == "exit" and _leaves(tracked, event):
            state = IDLE
        elif event.what == "yield" and outside and state != IDLE:
            taken = scope.facts.calls[state]
            step = Step(scope.module.path, taken.line, f"`{written(taken.callee, scope)}(…)` takes a connection")
            given = Step(scope.module.path, event.line, "the client takes what is yielded here when it likes")
            column = scope.facts.returned[event.at].column
            hits.append((event.line, column, event.line, THE_CLIENT, (step, given)))
        yield FALLS, state

    Flow(scope.facts).ways(IDLE, move)
    return min(hits, key=lambda each: each[:2]) if hits else None


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
