"""A104."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.faults import Sighting
from netra.guard.meaning.places import Fate
from netra.guard.mending import sighting
from netra.guard.rule import rule


@rule("A104", "tested-coroutine")
def tested_coroutine(analysis: Analysis) -> Iterator[Sighting]:
    """A coroutine is tested or compared, and so the answer is always the same.

    A coroutine is true, equals nothing and is never None. A check of a permission that forgets `await` lets everybody in,
    and nothing raises.

    ```python
    if user_may(user, "delete"):  # A104: true for everybody
        ...
    ```
    """
    for misuse in analysis.misused(Fate.TESTED):
        yield sighting(misuse, f"`{misuse.name}(…)` is not awaited: {misuse.how}")
