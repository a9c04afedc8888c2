"""S127."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.entries.reach import EntryPoint
from netra.guard.entries.sorts import ROUTE, SOCKET
from netra.guard.facts import ASYNC, BODY, NAMED, TOP, CallSite, Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import within
from netra.guard.requests.ambient import Ambient
from netra.guard.requests.origins import Origins
from netra.guard.requests.serving import MAKING, RUNNERS, Serving
from netra.guard.requests.sharing import Sharing
from netra.guard.requests.slots import Slot
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine, Step

# Who waits for a coroutine that is given to one of these goes on when it is done.
WAITING_FOR: Final = frozenset({"wait_for", "shield", "gather"})
# How the call of something asynchronous stands where its caller goes on with it.
DIRECTLY: Final = frozenset({"await", "return", "yield"})
LATER: Final = RUNNERS | frozenset("create_task ensure_future start run_until_complete apply_async delay".split())

# A model calls them, while a request is answered by an agent.
OF_AGENTS: Final = "agent tool"

# Functions between a request and the line that waits or sets.
FURTHEST: Final = 4


class _OwnWork(NamedTuple):
    """A line of a request's own work: by the calls that lead there, the last first, from the entry point."""

    entry: EntryPoint
    calls: tuple[tuple[FunctionSymbol, int], ...]


@rule("S127", "woken-for-another")
def woken_for_another(analysis: Analysis) -> Iterator[Sighting]:
    """A request waits for an event that all requests share, and goes on when another one sets it, for whomever that was meant.

    With two runs that wait, the consent that is given to one lets the other go on as well, or instead.

    ```python
    approved = asyncio.Event()


    @app.post("/runs")
    async def run(body: Task, user: User = Depends(current_user)):
        await approved.wait()  # S127
        approved.clear()
        return await carry_out(body.task, user)


    @app.post("/approve")
    async def approve(user: User = Depends(current_user)):
        approved.set()
    ```

    Make an event for each run, keep it under the id of the run, and set the one that the request names. An event that tells of
    the process (it is ready, it stops, there is work for a worker) is left alone: only one that is cleared by who has waited
    is told of, where requests alone set it.
    """
    sharing = analysis.once(Sharing)
    for scope, _, call in analysis.calls_of("wait"):
        slot = _event(call, scope, sharing) if _goes_on(scope, call) else None
        if slot is None or not _is_cleared(slot, scope, sharing) or _is_in_loop(call, scope):
            continue
        waiting = _ways(analysis, scope, call.line, tools=True)
        setting = _set(analysis, slot, sharing)
        if waiting is None or not setting or {each.entry for each in waiting} & {way.entry for _, _, way in setting}:
            continue
        if not any(_acts_for_itself(analysis, way, sharing) for way in waiting):
            continue
        at, line, way = setting[0]
        message = f"`{slot.name}` is one event for all: {way.entry.label} lets on whoever waits here, whomever it was meant for"
        told = Step(at.module.path, line, f"`{at.facts.qualified}` sets it")
        why = (told, slot.step, *analysis.once(Serving).way(scope))
        mend = Mend("keep an event for each run under its id, and set the one that the request names")
        yield Sighting(scope, call.line, call.column, call.end_line, message, why, mend)


def _event(call: CallSite, scope: FunctionSymbol, sharing: Sharing) -> Slot | None:
    """The event, one for the whole process, that is waited for or set."""
    if call.callee[0] != "attribute" or scope.facts.sort in (TOP, BODY) or scope.module.in_tests:
        return None
    slot = sharing.slot(call.callee[1], scope)
    if slot is None:
        return None
    made = [value[0] == "call" and last_name(around.facts.calls[value[1]].callee) for value, around in sharing.made_for(slot)]
    return slot if made and all(each == "Event" for each in made) else None


def _goes_on(scope: FunctionSymbol, call: CallSite) -> bool:
    """Whoever calls this goes on when it is done, and not before."""
    if scope.facts.sort != ASYNC or call.where[0] in DIRECTLY:
        return True
    match call.where:
        case ("argument", int(index), *_):
            around = scope.facts.calls[index]
            return last_name(around.callee) in WAITING_FOR and around.where[0] in DIRECTLY
    return False


def _is_cleared(slot: Slot, scope: FunctionSymbol, sharing: Sharing) -> bool:
    """Who waits clears it, before or behind, or makes it anew: it says something of each turn, and not of the process."""
    for call in scope.facts.calls:
        if call.callee[0] == "attribute" and call.callee[2] == "clear" and _is(slot, call.callee[1], scope, sharing):
            return True
    if scope.name in MAKING:
        return False
    return any(each.value[0] == "call" and _is(slot, each.target, scope, sharing) for each in scope.facts.assignments)


def _is(slot: Slot, place: Expression, scope: FunctionSymbol, sharing: Sharing) -> bool:
    found = sharing.slot(place, scope) if place[0] in NAMED and place[-1] == slot.name else None
    return found is not None and found.key == slot.key


def _is_in_loop(call: CallSite, scope: FunctionSymbol) -> bool:
    """It looks again when it is woken, or serves everybody, one after another."""
    return any(each.what == "loop" and each.line <= call.line <= each.end_line for each in scope.facts.blocks)


def _set(analysis: Analysis, slot: Slot, sharing: Sharing) -> list[tuple[FunctionSymbol, int, _OwnWork]]:
    """Where requests set an event; nothing where anybody else does, or may do."""
    found: list[tuple[FunctionSymbol, int, _OwnWork]] = []
    for scope, _, call in analysis.calls_of("set"):
        if call.given or call.callee[0] != "attribute" or last_name(call.callee[1]) != slot.name or scope.module.in_tests:
            continue
        if not _is(slot, call.callee[1], scope, sharing):
            if sharing.slot(call.callee[1], scope) is None:
                return []  # of something of the same name that is not known
            continue
        ways = _ways(analysis, scope, call.line)
        if ways is None:
            return []
        found += [(scope, call.line, each) for each in ways]
    return found


def _is_of_request(analysis: Analysis, entry: EntryPoint) -> bool:
    return entry.sort in (ROUTE, SOCKET) or analysis.once(Ambient).is_asked(entry)


def _ways(analysis: Analysis, scope: FunctionSymbol, line: int, *, tools: bool = False) -> list[_OwnWork] | None:
    """How requests get to a line; None where something else gets there as well, or may do."""
    found: list[_OwnWork] = []
    waiting: list[tuple[FunctionSymbol, tuple[tuple[FunctionSymbol, int], ...]]] = [(scope, ((scope, line),))]
    while waiting:
        at, calls = waiting.pop()
        entry = analysis.reach.entries.get(at)
        if entry is not None:
            if not (_is_of_request(analysis, entry) or (tools and entry.label.startswith(OF_AGENTS))):
                return None
            found.append(_OwnWork(entry, calls))
            continue
        callers = [each for each in analysis.reach.callers(at) if not each[0].module.in_tests]
        if not callers or len(calls) > FURTHEST:
            return None
        for caller, where in callers:
            is_part = at.parent is caller and at.facts.yields  # `StreamingResponse(lines())`
            if not is_part and not _calls_directly(analysis, caller, where, at):
                return None
            if caller not in {each for each, _ in calls}:
                waiting.append((caller, (*calls, (caller, where))))
    return found or None


def _calls_directly(analysis: Analysis, caller: FunctionSymbol, line: int, function: FunctionSymbol) -> bool:
    """The caller goes on when the function is done, which is not handed to a task or a thread."""
    calls = [each for each in caller.calls_on.get(line, ()) if last_name(each.callee) == function.name]
    if not calls:
        around = caller.parent
        dependency = analysis.once(Serving).dependency
        return around is not None and any(dependency(each, around) is function for each in caller.facts.parameters)
    for call in calls:
        match analysis.receivers.value(call.callee, caller):
            case Routine(function=called) if called.name == function.name:
                pass
            case _:
                return False
        if function.facts.sort == ASYNC and not _goes_on(caller, call):
            return False
    return not any(last_name(each.callee) in LATER for each in caller.calls_on.get(line, ()))


def _acts_for_itself(analysis: Analysis, way: _OwnWork, sharing: Sharing) -> bool:
    """Behind the line that waits something is done with what the request has brought, and nobody asks whose turn it is."""
    origins = analysis.once(Origins)
    acts = False
    for scope, line in way.calls:
        for block in scope.facts.blocks:
            for test in block.expressions if block.what == "if" and block.line > line else ():
                if any(each[0] == "compare" and _tells_whose(analysis, each, scope, sharing) for each in within(test, scope)):
                    return False
        later: list[tuple[tuple[Expression, ...], int]] = [
            ((each.value,), each.line) for each in scope.facts.returned if each.line > line
        ]
        later += [(each.given, each.line) for each in scope.facts.calls if each.line > line]
        if any(origins.of(key, scope, at) is not None for key, at in _keys(scope, line)):
            return False  # `answers.pop(run_id)`: it takes what is its own
        for values, at in later:
            own = any(origins.of(each, scope, at) is not None for each in values)
            if way.entry.function is scope and way.entry.label.startswith(OF_AGENTS):
                own = own or any(each[0] == "name" and each[1] in scope.parameters for each in values)
            # `changes(board, body.since)`: what is new for all, in the words of one.
            parts = (part for each in values for part in within(each, scope) if part[0] in NAMED)
            acts = acts or (own and not any(sharing.slot(each, scope) is not None for each in parts))
    return acts


def _keys(scope: FunctionSymbol, line: int) -> Iterator[tuple[Expression, int]]:
    """Under what something is looked up behind a line."""
    values = [(each.value, each.line) for each in scope.facts.returned]
    values += [(each.value, each.line) for each in scope.facts.assignments]
    values += [(given, each.line) for each in scope.facts.calls for given in each.given]
    for value, at in values:
        yield from ((part[2], at) for part in within(value, scope) if at > line and part[0] == "subscript")
    yield from ((each.arguments[0], each.line) for each in scope.facts.calls if each.line > line and _asks(each))


def _asks(call: CallSite) -> bool:
    return call.callee[0] == "attribute" and call.callee[2] in ("get", "pop") and bool(call.arguments)


def _tells_whose(analysis: Analysis, comparison: Expression, scope: FunctionSymbol, sharing: Sharing) -> bool:
    """What the request has brought is held against what all share: `if decided.run_id != run_id:`."""
    origins = analysis.once(Origins)
    shared = [any(sharing.slot(part, scope) is not None for part in within(each, scope)) for each in comparison[1]]
    own = [origins.of(each, scope, 0) is not None for each in comparison[1]]
    return any(shared) and any(own)
