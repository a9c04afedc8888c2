"""What an application has made before it serves anybody: its lifespan or start-up handler calls the getter that makes it."""

from netra.guard.analysis import Analysis
from netra.guard.entries.sorts import START
from netra.guard.facts import Expression
from netra.guard.requests.serving import Serving
from netra.guard.requests.sharing import Sharing, Write
from netra.guard.symbols import FunctionSymbol

EMPTY: Expression = ("none",)

# Calls between the start of the application and the getter.
FURTHEST = 3


def is_made_at_start(analysis: Analysis, write: Write) -> bool:
    """The start calls the function that writes, and nothing that serves empties the place again: no request finds it empty."""
    return _is_started(analysis, write.scope) and not any(
        each.slot.key == write.slot.key and each.value == EMPTY and each.scope in analysis.once(Serving)
        for each in analysis.once(Sharing).writes_of(write.slot.name)
    )


def _is_started(analysis: Analysis, scope: FunctionSymbol) -> bool:
    reach = analysis.reach
    at = {scope}
    for _ in range(FURTHEST):
        at = {caller for each in at for caller, _ in reach.callers(each)}
        if any((entry := reach.entries.get(caller)) is not None and entry.sort == START for caller in at):
            return True
    return False
