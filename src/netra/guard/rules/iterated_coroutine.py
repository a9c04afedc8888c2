"""A105."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.faults import Sighting
from netra.guard.meaning.places import Fate
from netra.guard.mending import sighting
from netra.guard.rule import rule


@rule("A105", "iterated-coroutine")
def iterated_coroutine(analysis: Analysis) -> Iterator[Sighting]:
    """A coroutine is iterated or unpacked instead of what it would give.

    ```python
    for user in list_users():  # A105: `list_users` is an async def
        ...
    first, *rest = list_users()  # the same
    ```
    """
    for misuse in analysis.misused(Fate.ITERATED):
        yield sighting(misuse, f"`{misuse.name}(…)` is not awaited: {misuse.how}")
