"""A107."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.consistency import tells_kinds_apart
from netra.guard.meaning.expressions import written
from netra.guard.meaning.handed_to_run import waited_for_as_coroutines
from netra.guard.meaning.narrowing import is_caught
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

    `asyncio.wait` takes tasks. Of coroutines it made some by itself up to Python 3.10, and raises a TypeError since.
    """
    for misuse in analysis.misused(Fate.PASSED):
        yield sighting(misuse, f"`{misuse.name}(…)` is not awaited: {misuse.how}")
    for scope, call, value in waited_for_as_coroutines(analysis.program, analysis.receivers):
        if scope.module.in_tests or is_caught(call.line, scope, "TypeError") or tells_kinds_apart(scope):
            continue
        message = f"`{written(call.callee, scope)}` is given coroutines, and takes tasks only: a TypeError since Python 3.11"
        mend = Mend("make tasks of them by `asyncio.create_task`, or use `asyncio.gather`")
        yield Sighting(scope, call.line, call.column, call.end_line, message, value.chain, mend)
