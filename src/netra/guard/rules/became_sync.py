"""M204."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.faults import Sighting
from netra.guard.revisions.turns import sighted, turns
from netra.guard.rule import rule


@rule("M204", "became-sync")
def became_sync(analysis: Analysis) -> Iterator[Sighting]:
    """A function is no longer asynchronous since the revision that is compared with, and callers still await it.

    It is found only with `--since REV`: one finding for the function that changed, with the callers that did not in its `why`.
    A110 is the other direction.

    ```python
    def plan_of(user):  # M204: was `async def plan_of(user)`
        ...


    await plan_of(user)  # TypeError, once it has done its work
    ```

    What may still give something to await is left alone: a function that returns what it does not wait for.
    """
    for each in analysis.once(turns):
        if not each.late:
            yield sighted(each)
