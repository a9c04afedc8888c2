"""What is kept for a thread, by code that runs on an event loop: all requests of the loop are on that one thread.

local = threading.local()

async def weather(request):
    local.units = request.query_params["units"]
    sky = await forecast()  # others run here, and put theirs there
    return {"sky": sky, "units": local.units}
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, PLAIN
from netra.guard.requests.brought import Origin
from netra.guard.requests.interleaving import Interleaving
from netra.guard.requests.local_uses import thread_local_uses
from netra.guard.requests.origins import Origins
from netra.guard.requests.serving import Serving
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine, Step

AROUND: Final = re.compile(r"every request")

# Plain functions between a coroutine and what it lets them keep.
FURTHEST: Final = 3


class KeptForThread(NamedTuple):
    """A coroutine keeps something of a request for its thread, and others run before it is read."""

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
            pause = interleaving.between(coroutine, line, coroutine.facts.end_line)
            if pause is None or pause.end_line == line:
                continue
            entry = analysis.reach.entries.get(coroutine)
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
