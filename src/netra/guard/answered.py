"""Routes that answer with the environment, so that whoever asks gets every secret of the server, and who logs it.

@app.get("/debug")
async def debug():
    log.info("asked of %s", os.environ)
    return {"variables": dict(os.environ)}
"""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.sorts import ROUTE
from netra.guard.environment import LOGGING, Access
from netra.guard.facts import Expression, last_name
from netra.guard.handing import FURTHEST, WholeEnvironment
from netra.guard.requests.ways import way_to
from netra.guard.symbols import FunctionSymbol

# What they are given, others can read.
SHOWING: Final = LOGGING | {"print", "pprint"}

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


def logged(analysis: Analysis) -> Iterator[Access]:
    """Every touch of the whole environment that is logged or printed while somebody is served."""
    finder = WholeEnvironment(analysis)
    for scope in finder.whole:
        shown = [each for each in scope.facts.calls if last_name(each.callee) in SHOWING]
        if shown and not scope.module.in_tests and way_to(analysis, scope):
            found = (
                access
                for each in shown
                for given in each.given
                for value in _parts(given, scope)
                for access in finder.of(value, scope, each.line, FURTHEST)
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
        case ("list" | "tuple" | "formatted", parts):
            for each in parts:
                yield from _parts(each, scope)
        case ("await", inner):
            yield from _parts(inner, scope)
