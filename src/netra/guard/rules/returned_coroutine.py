"""A102."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.faults import Sighting
from netra.guard.meaning.places import Fate
from netra.guard.mending import sighting
from netra.guard.rule import rule


@rule("A102", "returned-coroutine")
def returned_coroutine(analysis: Analysis) -> Iterator[Sighting]:
    """A coroutine is returned to somebody who takes it for a value.

    An `async def` is awaited once. When it returns another coroutine un-awaited, its caller gets that coroutine instead of a
    result. A web framework awaits a handler once as well, and then tries to send the coroutine: the answer is a 500, or the
    text `<coroutine object …>`. Guard follows the value through helpers that are no coroutines themselves.

    ```python
    async def load(): ...


    def loaded():
        return load()  # gives a coroutine, whatever it is annotated with


    @app.get("/report")
    async def report():
        return loaded()  # A102
    ```

    Nothing is reported where an annotation promises something to await, or where a caller awaits twice.
    """
    for misuse in analysis.misused(Fate.RETURNED):
        yield sighting(misuse, f"`{misuse.scope.name}` returns the coroutine of `{misuse.name}(…)`: {misuse.how}")
