"""One cause that shows in many places is one finding, which names the others."""

from collections.abc import Callable, Sequence
from typing import Final

from netra.guard.faults import Sighting
from netra.guard.values import Step

MOST_OTHERS: Final = 20


def together(sightings: Sequence[Sighting], said: str, note: Callable[[Sighting], str]) -> Sighting:
    """The first of several sightings of one cause. `said` is added to its message, and what `note` says of each other one to
    its proof, up to twenty of them.
    """
    first, *others = sorted(sightings, key=lambda each: (each.scope.module.path, each.line, each.column))
    more = tuple(Step(each.scope.module.path, each.line, note(each)) for each in others[:MOST_OTHERS])
    return first._replace(message=f"{first.message}{said}", why=(*first.why, *more))
