"""A107."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.faults import Sighting
from netra.guard.meaning.places import Fate
from netra.guard.mending import sighting
from netra.guard.rule import rule


@rule("A107", "passed-coroutine")
def passed_coroutine(analysis: Analysis) -> Iterator[Sighting]:
    """A coroutine is passed to a function that needs a value.

    Guard looks into the function: only when every use of the parameter needs a value, or when it is declared as a `str`, an
    `int` or the like and never awaited, is the argument a fault. A function that may await it is left alone.

    ```python
    def render(user) -> str:
        return user.name.title()


    async def page() -> str:
        return render(fetch_user())  # A107
    ```
    """
    for misuse in analysis.misused(Fate.PASSED):
        yield sighting(misuse, f"`{misuse.name}(…)` is not awaited: {misuse.how}")
