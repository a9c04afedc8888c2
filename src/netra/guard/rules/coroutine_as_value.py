"""A103."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.meaning.late_elements import late_elements, late_properties
from netra.guard.meaning.places import CoroutinePlaces, Fate
from netra.guard.mending import sighting
from netra.guard.rule import rule


@rule("A103", "coroutine-as-value")
def coroutine_as_value(analysis: Analysis) -> Iterator[Sighting]:
    """A coroutine is used as if it were already its result.

    Its attribute is read, it is subscripted, called, or computed with, at once or after it was kept in a name or in an
    attribute of `self`. Each of them raises, at the first user who gets there.

    ```python
    async def total(session: AsyncSession) -> int:
        rows = session.execute(QUERY)
        return rows.scalar_one()  # A103: `rows` is a coroutine
    ```

    So it is with what `for` takes out of a list of coroutines, with what `asyncio.as_completed` gives, each of which has to be
    awaited, and with a property that is declared `async def`: `(await user.name).title()`.
    """
    for misuse in analysis.misused(Fate.USED):
        yield sighting(misuse, f"the coroutine of `{misuse.name}(…)` is taken for its result: {misuse.how}")
    places = CoroutinePlaces(analysis.program, analysis.receivers, analysis.reach.serving)
    for found in (late_properties, late_elements):
        for each in found(analysis.program, analysis.receivers, places):
            shown = written(each.expression, each.scope)
            message = f"`{shown}` is a coroutine, and taken for its result: {each.how}"
            yield Sighting(each.scope, each.line, each.column, each.line, message, each.steps, Mend("await it"))
