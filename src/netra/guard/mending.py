"""A misused coroutine as a rule reports it, with the `await` that mends it where that is all it takes."""

from netra.guard.facts import ASYNC
from netra.guard.faults import CERTAIN, LIKELY, Edit, Mend, Sighting
from netra.guard.meaning.places import Fate, Misuse
from netra.guard.values import CoroutineOf


def sighting(misuse: Misuse, message: str) -> Sighting:
    """A misuse as a rule yields it, to be mended by `await` where that is all it takes."""
    return Sighting(
        misuse.scope,
        misuse.line,
        misuse.column,
        misuse.call.end_line,
        message,
        misuse.steps,
        awaited(misuse),
        CERTAIN if misuse.certain else LIKELY,
    )


def awaited(misuse: Misuse) -> Mend | None:
    """`await` before the call, with parentheses around both where the place needs them."""
    call = misuse.call
    if not isinstance(misuse.value, CoroutineOf) or call.where[0] == "await" or misuse.fate is Fate.MISMATCHED:
        return None
    if misuse.sometimes:
        return Mend("let the function be an `async def`, and await what it gives")
    if misuse.scope.facts.sort != ASYNC:
        return Mend(f"make `{misuse.scope.name}` an `async def` and await `{misuse.name}(…)`, or run it in a task that is kept")
    before = Edit(call.line, call.column, call.line, call.column, "await ")
    if call.where[0] in ("attribute", "subscript", "called", "operator", "compare"):
        opened = before._replace(text="(await ")
        return Mend("await it", (opened, Edit(call.end_line, call.end_column, call.end_line, call.end_column, ")")))
    return Mend("await it", (before,))
