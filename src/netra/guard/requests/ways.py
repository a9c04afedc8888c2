"""By which calls somebody who is served gets to a function, also by way of `with` and of the setter of a property.

Callers are asked first. The walk down from all entry points, which knows the rest, is made only for what such a way leads to.
"""

from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.requests.serving import ENTERING, Serving
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step

# No call names these, or none that leads to them.
UNCALLED: Final = frozenset({*ENTERING, "__call__"})

# Functions looked at on the way up.
MOST_CALLERS: Final = 30


def way_to(analysis: Analysis, function: FunctionSymbol) -> tuple[Step, ...]:
    """The calls that lead from an entry point down to a function; nothing where none does."""
    if way := analysis.reach.path_to(function):
        return way
    seen = {function}
    waiting = [function]
    while waiting and len(seen) < MOST_CALLERS:
        at = waiting.pop()
        if at.name in UNCALLED or "setter" in at.decorator_names:
            return analysis.once(Serving).path(function)
        above = [caller for caller, _ in analysis.reach.callers(at) if caller not in seen]
        seen.update(above)
        waiting += above
    return ()
