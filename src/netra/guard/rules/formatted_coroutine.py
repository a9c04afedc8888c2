"""A106."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.meaning.late_elements import answered_in_lists
from netra.guard.meaning.places import Fate
from netra.guard.mending import sighting
from netra.guard.rule import rule


@rule("A106", "formatted-coroutine")
def formatted_coroutine(analysis: Analysis) -> Iterator[Sighting]:
    """A coroutine is formatted, logged or serialised, so that `<coroutine object …>` is what somebody reads.

    In an f-string, `str()`, `print()` and a log it goes unnoticed; `json.dumps` and a response raise. A coroutine inside the
    dictionary that a route returns counts, and so does a list that it has filled with some.

    ```python
    @app.get("/me")
    async def me(user: CurrentUser):
        return {"name": user.name, "plan": plan_of(user)}  # A106: `plan_of` is an async def
    ```
    """
    for misuse in analysis.misused(Fate.FORMATTED):
        yield sighting(misuse, f"`{misuse.name}(…)` is not awaited: {misuse.how}")
    for each in answered_in_lists(analysis.reach.serving, analysis.receivers):
        message = f"`{written(each.expression, each.scope)}` holds coroutines that nothing awaits: {each.how}"
        mend = Mend("await each before it is put there, or all of them together by `asyncio.gather`")
        yield Sighting(each.scope, each.line, each.column, each.line, message, each.steps, mend)
