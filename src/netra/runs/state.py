"""The life of a run, as one table.

Nothing outside this table changes a state, and nothing in this file waits. `docs/reference/runs.md` carries the diagram that
`draw` makes of it.
"""

from enum import StrEnum
from typing import Final

from netra.errors import Conflict


class State(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    """Accepted, answered or handed back; some worker will take it."""
    RUNNING = "running"
    """A worker executes it, or did until it died: then another takes over when the lease has run out."""
    WAITING = "waiting"
    """It asked its user something. No worker is occupied."""
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def live(self) -> bool:
        """Whether something may still happen to it. A run that is not live has its terminal event, and nothing follows it."""
        return self in LIVE


class Change(StrEnum):
    """What can happen to a run."""

    CLAIMED = "claimed"
    """A worker took it."""
    RECLAIMED = "reclaimed"
    """A worker took it from another that had gone silent."""
    HANDED_BACK = "handed back"
    """Its worker stopped, or lost the database, and let it go."""
    PARKED = "parked"
    """It asked its user something."""
    ANSWERED = "answered"
    """The user answered."""
    CANCEL_WANTED = "cancel wanted"
    """Somebody asked for its end; its worker brings that about."""
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


LIVE: Final = frozenset({State.QUEUED, State.RUNNING, State.WAITING})

TRANSITIONS: Final = {
    (State.QUEUED, Change.CLAIMED): State.RUNNING,
    (State.QUEUED, Change.FAILED): State.FAILED,
    (State.QUEUED, Change.CANCELLED): State.CANCELLED,
    (State.RUNNING, Change.RECLAIMED): State.RUNNING,
    (State.RUNNING, Change.HANDED_BACK): State.QUEUED,
    (State.RUNNING, Change.PARKED): State.WAITING,
    (State.RUNNING, Change.CANCEL_WANTED): State.RUNNING,
    (State.RUNNING, Change.COMPLETED): State.COMPLETED,
    (State.RUNNING, Change.FAILED): State.FAILED,
    (State.RUNNING, Change.CANCELLED): State.CANCELLED,
    (State.WAITING, Change.ANSWERED): State.QUEUED,
    (State.WAITING, Change.CANCELLED): State.CANCELLED,
}


class IllegalTransition(Conflict):
    """That cannot happen to a run in this state."""

    code = "illegal_transition"

    def __init__(self, state: State, change: Change) -> None:
        super().__init__(f"a run that is {state} cannot be {change}.")
        self.state = state
        self.change = change


def advance(state: State, change: Change) -> State:
    """Return the state after `change`. Raises `IllegalTransition`."""
    if (state, change) not in TRANSITIONS:
        raise IllegalTransition(state, change)
    return TRANSITIONS[state, change]


def draw() -> str:
    """Draw the table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", "    [*] --> queued"]
    lines += [f"    {before} --> {after}: {change}" for (before, change), after in TRANSITIONS.items()]
    lines += [f"    {state} --> [*]" for state in State if not state.live]
    return "\n".join(lines)
