"""A106."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.faults import Sighting
from netra.guard.meaning.places import Fate
from netra.guard.mending import sighting
from netra.guard.rule import rule


@rule("A106", "formatted-coroutine")
def formatted_coroutine(analysis: Analysis) -> Iterator[Sighting]:
    """A coroutine is formatted, logged or serialised, so that `<coroutine object …>` is what somebody reads.

    In an f-string, `str()`, `print()` and a log it goes unnoticed; `json.dumps` and a response raise. A coroutine inside the
    dictionary that a route returns counts.

    ```python
    @app.get("/me")
    async def me(user: CurrentUser):
        return {"name": user.name, "plan": plan_of(user)}  # A106: `plan_of` is an async def
    ```
    """
    for misuse in analysis.misused(Fate.FORMATTED):
        yield sighting(misuse, f"`{misuse.name}(…)` is not awaited: {misuse.how}")
