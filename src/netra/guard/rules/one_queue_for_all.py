"""S121."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.entries.sorts import ROUTE, SOCKET
from netra.guard.facts import CallSite, Expression
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import within
from netra.guard.requests.brought import Origin
from netra.guard.requests.origins import Origins
from netra.guard.requests.queues import PUTTING, TAKING, queue_asked
from netra.guard.requests.serving import Serving
from netra.guard.requests.sharing import Sharing
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine, Step

# Functions that hand on what they have taken, one after another.
FURTHEST: Final = 3


class _Put(NamedTuple):
    """A value of a request goes into a queue of the process."""

    scope: FunctionSymbol
    call: CallSite
    origin: Origin


@rule("S121", "one-queue-for-all")
def one_queue_for_all(analysis: Analysis) -> Iterator[Sighting]:
    """What one user's request puts into a queue is sent to whoever takes it out first, and there is one queue for all.

    Each thing in a queue is taken once. With two clients connected each of them gets some of what is the other's, and misses
    some of its own.

    ```python
    events = asyncio.Queue()


    @app.post("/runs")
    async def start(question: str, user: User = Depends(current_user)):
        await events.put({"user": user.id, "text": await think(question)})


    @app.websocket("/events")
    async def follow(websocket: WebSocket):
        while True:
            await websocket.send_json(await events.get())  # S121
    ```

    Make a queue for each connection, and put what happens into those of its user. A queue that a worker empties, which answers
    nobody, is left alone, and so is one whose taker compares what it has got with who is asking.
    """
    sharing = analysis.once(Sharing)
    put = _put(analysis, sharing)
    for scope, index, call in analysis.calls_of(*TAKING) if put else ():
        slot = queue_asked(call, scope, sharing)
        if slot is None or slot.key not in put or not _goes_out(analysis, index, scope, 0):
            continue
        given = put[slot.key]
        message = f"`{slot.name}` is one queue for all: who asks first is sent what is of others (`{given.origin.name}`)"
        at = Step(given.scope.module.path, given.call.line, f"`{given.scope.facts.qualified}` puts it in")
        why = (*given.origin.steps, at, slot.step, *analysis.once(Serving).way(scope))
        yield Sighting(scope, call.line, call.column, call.end_line, message, why, Mend("make a queue for each connection"))


def _put(analysis: Analysis, sharing: Sharing) -> dict[tuple[str, str], _Put]:
    """What requests put into queues of the process, by the queue."""
    found: dict[tuple[str, str], _Put] = {}
    origins, serving = analysis.once(Origins), analysis.once(Serving)
    for scope, _, call in analysis.calls_of(*PUTTING):
        slot = queue_asked(call, scope, sharing) if call.arguments and scope in serving else None
        if slot is not None and slot.key not in found:
            origin = origins.held(call.arguments[0], scope, call.line)
            if origin is not None:
                found[slot.key] = _Put(scope, call, origin)
    return found


def _goes_out(analysis: Analysis, index: int, scope: FunctionSymbol, depth: int) -> bool:
    """What is taken here is what a client gets: it is streamed, sent over its socket, or returned by its route."""
    taken = ("call", index)
    names = {each.target for each in scope.facts.assignments if each.target[0] == "name" and taken in within(each.value, scope)}
    wanted = names | {taken}
    if _is_compared(analysis, names, scope):
        return False
    returned = [each for each in scope.facts.returned if not wanted.isdisjoint(within(each.value, scope))]
    entry = _entry(analysis, scope)
    if entry is not None:
        if any(each.how == "yield" for each in returned) or (returned and entry is scope):
            return True
        clients = {("name", each) for each in entry.parameters}
        for call in scope.facts.calls:
            told = call.callee[0] == "attribute" and call.callee[2].startswith(("send", "write")) and call.callee[1] in clients
            if told and any(not wanted.isdisjoint(within(each, scope)) for each in call.given):
                return True
    if not returned or depth == FURTHEST:
        return False
    return any(
        _goes_out(analysis, at, caller, depth + 1)
        for caller, at in analysis.program.calls_named.get(scope.name, ())
        if _calls(analysis, caller.facts.calls[at].callee, caller, scope)
    )


def _entry(analysis: Analysis, scope: FunctionSymbol) -> FunctionSymbol | None:
    """The route or the socket whose client is answered here, by itself or by a function within it."""
    entries = analysis.reach.entries
    at: FunctionSymbol | None = scope
    while at is not None:
        if (entry := entries.get(at)) is not None and entry.sort in (ROUTE, SOCKET):
            return at
        at = at.parent
    return None


def _calls(analysis: Analysis, callee: Expression, scope: FunctionSymbol, function: FunctionSymbol) -> bool:
    match analysis.receivers.value(callee, scope):
        case Routine(function=called):
            return called is function
    return False


def _is_compared(analysis: Analysis, names: set[Expression], scope: FunctionSymbol) -> bool:
    """What is taken is held against what came with the request: it may be put aside, or sent to whom it belongs."""
    origins = analysis.once(Origins)
    tests = (test for block in scope.facts.blocks if block.what == "if" for test in block.expressions)
    for part in (part for test in tests for part in within(test, scope) if part[0] == "compare"):
        sides = part[1]
        if any(not names.isdisjoint(within(each, scope)) for each in sides):
            others = (each for each in sides if names.isdisjoint(within(each, scope)))
            if any(origins.of(each, scope, 0) is not None for each in others):
                return True
    return False
