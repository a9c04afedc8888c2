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
from netra.guard.facts import ASYNC, PLAIN, TOP, Expression, last_name
from netra.guard.requests.brought import Origin
from netra.guard.requests.interleaving import Interleaving
from netra.guard.requests.origins import Origins
from netra.guard.requests.serving import Serving
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol, VariableSymbol
from netra.guard.values import Routine, Step

LOCALS: Final = frozenset({"threading.local", "_thread._local"})
AROUND: Final = re.compile(r"every request")

# Plain functions between a coroutine and what it lets them keep.
FURTHEST: Final = 3

GETATTR: Final = ("name", "getattr")
SETATTR: Final = ("name", "setattr")

Place = tuple[FunctionSymbol, str, str]
"""The scope and the name of a thread-local, and the attribute of it."""


class KeptForThread(NamedTuple):
    """A coroutine keeps something of a request for its thread, and others run before it is read."""

    scope: FunctionSymbol
    name: str
    origin: Origin
    line: int
    column: int
    steps: tuple[Step, ...]


class ThreadLocalUse(NamedTuple):
    """An attribute of a thread-local is read or written; `value` is what is written."""

    scope: FunctionSymbol
    place: Place
    value: Expression | None
    line: int
    column: int


def kept_for_thread(analysis: Analysis) -> Iterator[KeptForThread]:
    """Each write of something of a request that a coroutine leads to, where it waits before what reads it."""
    accesses = tuple(_accesses(analysis))
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


def _accesses(analysis: Analysis) -> Iterator[ThreadLocalUse]:
    names = {name for _, name in _locals(analysis)}
    known = frozenset(_locals(analysis)) if names else frozenset()
    for scope in analysis.scopes if names else ():
        if scope.facts.sort not in (PLAIN, ASYNC):
            continue
        for inner, name, kept, line, column in _of_attributes(scope, names):
            match analysis.program.evaluate(inner, scope):
                case VariableSymbol(scope=at, name=of) if (at, of) in known:
                    yield ThreadLocalUse(scope, (at, of, name), kept, line, column)


def _of_attributes(scope: FunctionSymbol, names: set[str]) -> Iterator[tuple[Expression, str, Expression | None, int, int]]:
    """Reads and writes of attributes of what has one of these names: that, attribute, value if one is set, line, column."""
    for each in scope.facts.assignments:
        target = each.target
        if target[0] == "attribute" and each.how in ("=", "annotated") and last_name(target[1]) in names:
            yield target[1], target[2], each.value, each.line, each.column
    for read in scope.facts.reads:
        expression = read.expression
        while expression[0] == "attribute":
            if last_name(expression[1]) in names:
                yield expression[1], expression[2], None, read.line, 0
            expression = expression[1]
    for call in scope.facts.calls:
        callee = call.callee
        if callee[0] == "attribute":
            if callee[1][0] == "attribute" and last_name(callee[1][1]) in names:
                yield callee[1][1], callee[1][2], None, call.line, 0
        elif callee in (GETATTR, SETATTR):
            match call.arguments:
                case (inner, ("string", str(name)), *rest) if last_name(inner) in names:
                    kept = rest[0] if rest and callee == SETATTR else None
                    yield inner, name, kept, call.line, call.column if callee == SETATTR else 0


def _locals(analysis: Analysis) -> Iterator[tuple[FunctionSymbol, str]]:
    """The names at the top of modules that stand for a thread-local: of `threading`, or of a class below it."""
    kinds = {each.name for each in _below(analysis)}
    for scope, _, call in analysis.calls_of("local", *kinds):
        if scope.facts.sort == TOP and call.where[0] == "assign" and call.where[1][0] == "name" and not scope.module.in_tests:
            match analysis.program.evaluate(call.callee, scope):
                case External(dotted=dotted) if dotted in LOCALS:
                    yield scope, call.where[1][1]
                case ClassSymbol(name=name) if name in kinds:
                    yield scope, call.where[1][1]


def _below(analysis: Analysis) -> Iterator[ClassSymbol]:
    for module in analysis.modules:
        for kind in module.classes:
            for base in kind.facts.bases:
                if last_name(base) == "local":
                    match analysis.program.evaluate(base, module.function(kind.facts.scope)):
                        case External(dotted=dotted) if dotted in LOCALS:
                            yield kind
