"""Where a reader stands, and what it is owed from there. No I/O.

A cursor is `(epoch, seq)`: the reader has everything of that epoch up to and including `seq`. The epoch changes only when
history was deliberately cut, so a cursor of another epoch names events that may no longer exist.
"""

from dataclasses import dataclass
from typing import NamedTuple, Self

from netra.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Cursor:
    """What a reader says it has. `epoch` None: the reader never learned one and means the present."""

    seq: int = 0
    epoch: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `EPOCH/SEQ`, the id of a server-sent event. Raises `InvalidInput`."""
        epoch, slash, seq = text.partition("/")
        if not (slash and epoch.isascii() and epoch.isdigit() and seq.isascii() and seq.isdigit() and len(text) <= 40):
            raise InvalidInput("a cursor is EPOCH/SEQ, two whole numbers, for example 1/42", field="Last-Event-ID")
        return cls(int(seq), int(epoch))

    def __str__(self) -> str:
        return f"{self.epoch}/{self.seq}"


class Position(NamedTuple):
    """Where a thread's log stands: events `tail + 1` to `head` exist."""

    epoch: int
    tail: int
    head: int


@dataclass(frozen=True, slots=True)
class Resume:
    """What a reader is owed: the events after `after`, preceded by a reset when `reset` gives a reason."""

    after: int
    reset: str | None = None


def resume(position: Position, cursor: Cursor) -> Resume:
    """Decide what a reader with this cursor gets: the exact missing suffix, or an explicit reset. Never a silent gap.

    After a reset the reader forgets what it had of this thread and takes what follows: everything there still is.
    """
    if cursor.epoch is not None and cursor.epoch != position.epoch:
        return Resume(position.tail, "epoch_changed")
    if cursor.seq > position.head:
        return Resume(position.tail, "cursor_ahead")
    if cursor.seq < position.tail:
        return Resume(position.tail, "history_trimmed")
    return Resume(cursor.seq)
