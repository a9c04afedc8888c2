"""A110."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.faults import Sighting
from netra.guard.revisions.turns import sighted, turns
from netra.guard.rule import rule


@rule("A110", "became-async")
def became_async(analysis: Analysis) -> Iterator[Sighting]:
    """A function became asynchronous since the revision that is compared with, and callers still take its result.

    It is found only with `--since REV`: one finding for the function that changed, with the callers that did not in its `why`.
    Each of them is found by the rule as well that names what happens to the coroutine there. M204 is the other direction.

    ```python
    async def plan_of(user):  # A110: was `def plan_of(user)`
        ...


    limits = plan_of(user).limits  # A103
    ```
    """
    for each in analysis.once(turns):
        if each.late:
            yield sighted(each)
