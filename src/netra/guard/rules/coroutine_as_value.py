"""A103."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.faults import Sighting
from netra.guard.meaning.places import Fate
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
    """
    for misuse in analysis.misused(Fate.USED):
        yield sighting(misuse, f"the coroutine of `{misuse.name}(…)` is taken for its result: {misuse.how}")
