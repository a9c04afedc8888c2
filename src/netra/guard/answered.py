"""Routes that answer with the environment: whoever asks gets every secret of the server.

@app.get("/debug")
async def debug():
    return {"variables": dict(os.environ)}
"""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.sorts import ROUTE
from netra.guard.environment import Access
from netra.guard.facts import Expression, last_name
from netra.guard.handing import FURTHEST, WholeEnvironment
from netra.guard.symbols import FunctionSymbol

# What these give of it is how many there are, or their names.
COUNTING: Final = frozenset("len list sorted set frozenset tuple any all keys bool get".split())


def answered(analysis: Analysis) -> Iterator[Access]:
    """Every touch of the whole environment with which a route answers."""
    finder = WholeEnvironment(analysis)
    entries = analysis.reach.entries if finder.whole else {}
    around = [caller for each in finder.whole for caller, _ in analysis.reach.callers(each)] if entries else []
    for scope in dict.fromkeys((*finder.whole, *around)):
        if scope in entries and entries[scope].sort == ROUTE:
            found = (
                access
                for each in scope.facts.returned
                for value in _parts(each.value, scope)
                for access in finder.of(value, scope, scope.facts.line, FURTHEST)
            )
            yield from dict.fromkeys(found)


def _parts(value: Expression, scope: FunctionSymbol) -> Iterator[Expression]:
    """What is answered, and what it holds: `JSONResponse({"variables": dict(os.environ)})`."""
    yield value
    match value:
        case ("call", int(index)) if last_name(scope.facts.calls[index].callee) not in COUNTING:
            for each in scope.facts.calls[index].given:
                yield from _parts(each, scope)
        case ("dict", pairs):
            for _, each in pairs:
                yield from _parts(each, scope)
        case ("list" | "tuple", parts):
            for each in parts:
                yield from _parts(each, scope)
        case ("await", inner):
            yield from _parts(inner, scope)
