"""S111."""

import re
from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.facts import NOTHING, Assignment, Expression, last_name
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.meaning.expressions import within, written
from netra.guard.requests.living import living
from netra.guard.requests.origins import Origins
from netra.guard.requests.serving import Serving
from netra.guard.requests.sharing import Sharing, Write
from netra.guard.requests.transports import is_for_one_client
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol

# What there is a new one of for each request, run or connection.
PASSING = re.compile(
    r"(?:^|_)(?:session|thread|run|task|request|req|conversation|chat|connection|conn|job|stream|message|msg|call|trace|span"
    r"|correlation|execution|invocation|upload|socket|websocket)_?(?:id|uuid)$|^sid$|^websocket$"
)
# A conversation is taken up again, and there are only so many: what is kept for one counts where it is somebody's.
COMING_BACK = re.compile(r"(?:thread|conversation|chat)_?(?:id|uuid)$")
# What takes no more room than the key: most keep them for good on purpose.
SMALL = frozenset(
    "Lock RLock Event Semaphore BoundedSemaphore Condition time monotonic perf_counter now utcnow int float bool".split()
)
TOKENS = frozenset("token access_token auth_token session_token bearer_token id_token jwt".split())
CLOCKS = frozenset("time monotonic utcnow time_ns".split())
MADE = frozenset("uuid1 uuid4 token_hex token_urlsafe id hex".split())


@rule("S111", "never-forgotten", hesitant=True)
def never_forgotten(analysis: Analysis) -> Iterator[Sighting]:
    """Something is kept under the id of a run, a session or a connection, and nothing ever takes it out again.

    Such ids never come back, so each stays with what it leads to for as long as the process lives: memory grows with every
    request, and what belonged to somebody who left long ago is still there to be found.

    ```python
    queues = {}


    @app.post("/runs/{run_id}")
    async def start(run_id: str):
        queues[run_id] = asyncio.Queue()  # S111: nothing takes it out
    ```

    What is kept under a token that a client sends, and is looked up there, lets in whoever has it, after it has run out or was
    taken back, too. A key with the time in it never comes back either.

    Take it out in a `finally` where the run or the connection ends, or keep it in something that forgets: an LRU or TTL cache.
    """
    sharing = analysis.once(Sharing)
    seen: set[tuple[str, str]] = set()
    for write in sharing.writes:
        if write.how != "item" or write.key is None or write.slot.key in seen:
            continue
        timed = _is_timed(write.key, write.scope)
        passing = "turn of the clock" if timed else _passing(write.key, write.scope, write.line)
        token = _token(analysis, write) if passing is None else None
        passing = passing or token
        if (
            passing is None
            or (_is_small(write) and not timed)
            or not sharing.is_plain(write.slot)
            or sharing.is_emptied(write.slot)
        ):
            continue
        if COMING_BACK.search(passing):
            origin = analysis.once(Origins).of(write.value, write.scope, write.line)
            if origin is None or not origin.personal:
                continue
        seen.add(write.slot.key)
        message = f"`{write.slot.name}` keeps something for every `{passing}`, and nothing ever takes it out"
        why = (write.slot.step, *analysis.once(Serving).way(write.scope))
        mend = Mend("take it out in a `finally` where it ends, or keep it in a cache with a limit")
        # What is kept under the place of an object in memory may be one of few that stay.
        few = (passing.startswith("id(") and not _is_of_one_call(analysis, write)) or is_for_one_client(analysis, write.scope)
        confidence = LIKELY if few else CERTAIN
        yield Sighting(write.scope, write.line, write.column, write.end_line, message, why, mend, confidence)


def _asked_by(part: Expression, scope: FunctionSymbol) -> Iterator[Expression]:
    """What something is looked up by."""
    match part:
        case ("call", int(index)) if scope.facts.calls[index].callee[-1] == "get":
            for each in scope.facts.calls[index].arguments:
                yield from within(each, scope)
        case ("subscript", _, key):
            yield from within(key, scope)


def _is_of_one_call(analysis: Analysis, write: Write) -> bool:
    """The object under whose place something is kept is made for one connection: `id(presence)`."""
    parts = (part for part in within(write.key or NOTHING, write.scope) if part[0] == "name")
    return any(living(analysis, each, write.scope) for each in parts)


def _token(analysis: Analysis, write: Write) -> str | None:
    """The key is what somebody signs in with, sent by a client, and whom it lets in is looked up under it."""
    key, value = write.key or NOTHING, write.value
    name = last_name(key)
    if name not in TOKENS or analysis.once(Origins).of(key, write.scope, write.line) is None:
        return None
    inner = value[1] if value[0] == "await" else value
    asked = [test for block in write.scope.facts.blocks for test in block.expressions]
    looked = any(part[0] == "compare" and key in part[1] for test in asked for part in within(test, write.scope))
    looked = looked or any(call.callee[-1] == "get" and call.arguments[:1] == (key,) for call in write.scope.facts.calls)
    return name if looked and inner[0] in ("call", "name") else None


def _is_timed(key: Expression, scope: FunctionSymbol, depth: int = 0) -> bool:
    """The time is part of the key: `(user_id, int(time.time() // 60))`; what an object has beside a time is none."""
    parts = list(within(key, scope))
    having = {part[1] for part in parts if part[0] == "attribute"}
    for part in parts:
        if part[0] == "call" and last_name(scope.facts.calls[part[1]].callee) in CLOCKS:
            return True
        if part[0] == "name" and depth < 2 and part not in having:
            given = scope.assigned.get(part[1], ())
            if len(given) == 1 and given[0].how == "=" and _is_timed(given[0].value, scope, depth + 1):
                return True
    return False


def _is_small(write: Write) -> bool:
    """A lock, an event, a time or a constant."""
    scope, value = write.scope, write.value
    above = [each for each in scope.assigned.get(value[1], ()) if each.line <= write.line] if value[0] == "name" else []
    match above[-1].value if above else value:
        case ("call", int(index)):
            return last_name(scope.facts.calls[index].callee) in SMALL
        case ("constant" | "none" | "compare" | "not" | "operator", *_):
            return True
    return False


def _passing(key: Expression, scope: FunctionSymbol, line: int, depth: int = 0) -> str | None:
    """The part of a key of which there is a new one for each request, run or connection."""
    parts = list(within(key, scope))
    found_by = {part for each in parts for part in _asked_by(each, scope)}
    # `address_of(websocket)`: what is made of a connection need not be another for each.
    handed = {part for each in parts if each[0] == "call" for part in scope.facts.calls[each[1]].given}
    having = {part[1] for part in parts if part[0] == "attribute"}
    for part in parts:
        if part in found_by:
            continue  # `teams.get(chat_id)`: the team of a chat is no new one
        match part:
            case ("call", int(index)):
                if last_name(scope.facts.calls[index].callee) in MADE:
                    return written(part, scope)
            case ("name" | "attribute", *_) if PASSING.search(last_name(part) or ""):
                if part not in handed or last_name(part) != "websocket":
                    return last_name(part)
            case ("attribute", ("name", str(name)), "id") if depth < 2:
                made = _above(name, scope, line)
                if made is not None and _is_making(made.value, scope) and _passing(made.value, scope, made.line, depth + 1):
                    return written(part, scope)
            case ("name", str(name)) if depth < 2 and part not in having:
                made = _above(name, scope, line)
                if made is not None and (found := _passing(made.value, scope, made.line, depth + 1)) is not None:
                    return found
    return None


def _above(name: str, scope: FunctionSymbol, line: int) -> Assignment | None:
    above = [each for each in scope.assigned.get(name, ()) if each.line < line and each.how == "="]
    return above[-1] if above else None


def _is_making(value: Expression, scope: FunctionSymbol) -> bool:
    """An object is made here: `Answer(…)`, `Answer.of(request)`."""
    if value[0] != "call":
        return False
    callee = scope.facts.calls[value[1]].callee
    names = [last_name(callee), last_name(callee[1]) if callee[0] == "attribute" else None]
    return any(name is not None and name[:1].isupper() for name in names)
