"""Which secrets a line that is logged now may hold.

While a run's code executes, its scrubber is the present task's, and that of every task and thread that it starts the ordinary
way. A line without one (a bare thread, what asyncio says of a task that nobody asked for its error) may be of any run, so all
that are alive count. A scrubber is alive for as long as a run, or anything that it left behind, holds it.
"""

from collections.abc import Collection
from contextvars import ContextVar
from typing import Final
from weakref import WeakValueDictionary

from netra.vault.scrub import Scrubber

_present: ContextVar[Scrubber | None] = ContextVar("netra_scrubber", default=None)

# Of every user, and read on behalf of none: all that anybody gets from it is a line with less in it.
_alive: Final[WeakValueDictionary[int, Scrubber]] = WeakValueDictionary()


def scrub_lines(scrubber: Scrubber) -> None:
    """Mask these secrets in what the present task logs from now on."""
    _present.set(scrubber)
    if scrubber:
        _alive[id(scrubber)] = scrubber


def scrubbers(*, of_any_run: bool) -> Collection[Scrubber]:
    """What a line has to go through before it is written. `of_any_run`: whether it may be a run's although it has none."""
    if (present := _present.get()) is not None or not of_any_run:
        return () if present is None else (present,)
    # Copied in one step: other threads log, too, and runs come and go meanwhile.
    return [scrubber for reference in _alive.valuerefs() if (scrubber := reference()) is not None]
