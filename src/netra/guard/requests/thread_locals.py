"""What is kept for a thread, and meets the request of another there.

On an event loop all requests are on one thread:

local = threading.local()

async def weather(request):
    local.units = request.query_params["units"]
    sky = await forecast()  # others run here, and put theirs there
    return {"sky": sky, "units": local.units}

And a server with threads has each of them answer one request after another:

@app.before_request
def begin():
    if "units" in session:
        local.units = session["units"]  # who has none gets those of whoever was on this thread before
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.entries.sorts import ROUTE
from netra.guard.facts import ASYNC, PLAIN, last_name
from netra.guard.meaning.expressions import within
from netra.guard.requests.brought import Origin
from netra.guard.requests.interleaving import Interleaving
from netra.guard.requests.loading import Loading
from netra.guard.requests.local_uses import GETATTR, SETATTR, Place, ThreadLocalUse, thread_local_uses
from netra.guard.requests.origins import Origins
from netra.guard.requests.serving import Serving
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine, Step

AROUND: Final = re.compile(r"every request")

# What is done when what answers the request begins.
BEFORE: Final = re.compile(r"every request|dependency ")

HASATTR: Final = ("name", "hasattr")

# Plain functions between a coroutine and what it lets them keep.
FURTHEST: Final = 3


class KeptForThread(NamedTuple):
    """Something of a request is kept for a thread: by a coroutine, and others run before it is read; or only where there is
    something, and nothing takes it out again.
    """

    scope: FunctionSymbol
    name: str
    origin: Origin
    line: int
    column: int
    steps: tuple[Step, ...]


def kept_for_thread(analysis: Analysis) -> Iterator[KeptForThread]:
    """Each write of something of a request that a coroutine leads to, where it waits before what reads it."""
    accesses = analysis.once(thread_local_uses)
    origins, serving = analysis.once(Origins), analysis.once(Serving)
    interleaving = analysis.once(Interleaving)
    for write in accesses:
        if write.value is None or write.scope not in serving:
            continue
        origin = origins.of(write.value, write.scope, write.line)
        if origin is None:
            continue
        readers = [each for each in accesses if each.value is None and each.place == write.place and each.scope in serving]
        for coroutine, line in _coroutines(analysis, write.scope, write.line, FURTHEST):
            entry = analysis.reach.entries.get(coroutine)
            pause = interleaving.between(coroutine, line, coroutine.facts.end_line)
            if pause is None or pause.end_line == line:
                before = entry is not None and BEFORE.match(entry.label) is not None
                behind = next(_read_behind(analysis, coroutine, readers), None) if before else None
                if behind is None:
                    continue
                yield KeptForThread(write.scope, write.place[2], origin, write.line, write.column, (*origin.steps, *behind))
                break
            around = entry is not None and AROUND.search(entry.label) is not None
            for reader in readers:
                at = [where for of, where in _coroutines(analysis, reader.scope, reader.line, FURTHEST) if of is coroutine]
                if around or any(where > pause.line for where in at):
                    waits = Step(
                        coroutine.module.path, pause.line, f"`{coroutine.name}` waits here, and others put theirs there"
                    )
                    reads = Step(
                        reader.scope.module.path, reader.line, f"`{reader.scope.facts.qualified}` reads it on that thread"
                    )
                    yield KeptForThread(
                        write.scope, write.place[2], origin, write.line, write.column, (*origin.steps, waits, reads)
                    )
                    break
            else:
                continue
            break


def _read_behind(analysis: Analysis, before: FunctionSymbol, readers: list[ThreadLocalUse]) -> Iterator[tuple[Step, Step]]:
    """What answers the request waits, behind what was run before it, and then reads what that has put there."""
    interleaving, entries = analysis.once(Interleaving), analysis.reach.entries
    for reader in readers:
        for route, line in _coroutines(analysis, reader.scope, reader.line, FURTHEST):
            if route is before or route not in entries or entries[route].sort != ROUTE:
                continue
            pause = next((each for each in interleaving.pauses(route) if each.end_line < line), None)
            if pause is not None:
                note = f"`{route.name}` waits here, and others put theirs there"
                read = f"`{reader.scope.facts.qualified}` reads it on that thread"
                yield Step(route.module.path, pause.line, note), Step(reader.scope.module.path, reader.line, read)


def left_in_thread(analysis: Analysis) -> Iterator[KeptForThread]:
    """Each write of something of a request that not every request gets to, where others read it and think it may be missing."""
    accesses = [each for each in analysis.once(thread_local_uses) if not each.scope.module.in_tests]
    serving, origins, loading = analysis.once(Serving), analysis.once(Origins), analysis.once(Loading)
    seen: set[Place] = set()
    for write in accesses:
        if write.value is None or write.place in seen or write.scope not in serving or write.scope.facts.sort != PLAIN:
            continue
        if (origin := origins.of(write.value, write.scope, write.line)) is None:
            continue
        same = [each for each in accesses if each.place == write.place]
        if _is_taken_out(analysis, write.place) or any(each.value is not None and each is not write for each in same):
            continue
        met = (each for each in same if each.value is None and (each.scope in serving or loading.holds(each.scope.module)))
        readers = (each for each in met if _may_miss(each))
        if (reader := next(readers, None)) is None or (steps := _only_sometimes(analysis, write, FURTHEST)) is None:
            continue
        seen.add(write.place)
        note = f"`{reader.scope.facts.qualified}` reads it, and finds what an earlier request has left on the thread"
        reads = Step(reader.scope.module.path, reader.line, note)
        yield KeptForThread(write.scope, write.place[2], origin, write.line, write.column, (*origin.steps, *steps, reads))


def _may_miss(read: ThreadLocalUse) -> bool:
    """`getattr(local, "units", "C")`: it says what is so where nothing was put there."""
    asked = ("string", read.place[2])
    return any(
        call.callee == GETATTR and call.line == read.line and len(call.arguments) == 3 and call.arguments[1] == asked
        for call in read.scope.facts.calls
    )


def _is_taken_out(analysis: Analysis, place: Place) -> bool:
    """`del local.units`, `delattr(local, "units")`, `local.__dict__.clear()`, or the whole of it is handed on."""
    at, name, attribute = place
    for scope in analysis.scopes:
        if name not in scope.facts.loads and at.module.name.rpartition(".")[2] not in scope.facts.loads:
            continue
        for each in scope.facts.assignments:
            if each.how == "delete" and each.target[0] == "attribute" and each.target[2] == attribute:
                return True
        for call in scope.facts.calls:
            whole = ("name", name) in call.given and call.callee not in (GETATTR, SETATTR, HASATTR)
            if whole or (call.callee[0] == "attribute" and last_name(call.callee[1]) == "__dict__"):
                return True
    return False


def _only_sometimes(analysis: Analysis, write: ThreadLocalUse, depth: int) -> tuple[Step, ...] | None:
    """The tests that stand before it, on every way from an entry point: None where some way gets there whatever is so."""
    return _tested(analysis, write.scope, write.line, write.place[1], depth)


def _tested(analysis: Analysis, scope: FunctionSymbol, line: int, name: str, depth: int) -> tuple[Step, ...] | None:
    around = [each for each in scope.facts.blocks if each.what in ("if", "else") and each.line <= line <= each.end_line]
    if around:
        # `if not hasattr(local, "units")` makes it once for the thread, on purpose.
        speaks = any(("name", name) in within(test, scope) for block in around for test in block.expressions)
        note = "it is put there only where this holds"
        return None if speaks else (Step(scope.module.path, around[0].head, note),)
    if scope in analysis.reach.entries or depth == 0:
        return None
    serving = analysis.once(Serving)
    found: list[Step] = []
    for caller, index in analysis.program.calls_named.get(scope.name, ()):
        call = caller.facts.calls[index]
        if caller not in serving or caller.module.in_tests:
            continue
        match analysis.receivers.value(call.callee, caller):
            case Routine(function=function) if function is scope:
                steps = _tested(analysis, caller, call.line, name, depth - 1)
                if steps is None or caller.facts.sort != PLAIN:
                    return None
                found += steps
    return tuple(found) or None


def _coroutines(analysis: Analysis, scope: FunctionSymbol, line: int, depth: int) -> Iterator[tuple[FunctionSymbol, int]]:
    """The coroutines in which a line runs, on the thread of their loop, with the line of theirs that leads there."""
    if scope.facts.sort == ASYNC:
        yield scope, line
    if scope.facts.sort != PLAIN or depth == 0:
        return
    for caller, index in analysis.program.calls_named.get(scope.name, ()):
        call = caller.facts.calls[index]
        match analysis.receivers.value(call.callee, caller):
            case Routine(function=function) if function is scope and not caller.module.in_tests:
                yield from _coroutines(analysis, caller, call.line, depth - 1)
