"""Fan-out inside one process: who follows which thread, and the hand-over of what was committed.

Publishing never waits for a reader. A reader that cannot keep up is the business of its own outbox, which closes it with the
cursor to resume from; its neighbours notice nothing.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Protocol

from netra.events.codec import Event
from netra.ids import ThreadId, UserId
from netra.streams.cursor import Position

Key = tuple[UserId, ThreadId]

logger = logging.getLogger(__name__)


class Follower(Protocol):
    """What the hub needs of a reader of one thread. Neither method waits."""

    def offer(self, epoch: int, events: Sequence[Event]) -> None:
        """Take committed events of this thread, in order, adjacent."""

    def nudge(self, position: Position | None) -> None:
        """Learn that the log stands here (None: the thread is gone), from a hint or a poll."""


class Hub:
    """The followers of one process, keyed by user first: no key reaches over users."""

    def __init__(self) -> None:
        self._followers: dict[Key, list[Follower]] = {}

    def add(self, key: Key, follower: Follower) -> None:
        self._followers.setdefault(key, []).append(follower)

    def remove(self, key: Key, follower: Follower) -> None:
        """Forget a follower; one that was never added is no error, so that cleaning up needs no bookkeeping."""
        followers = self._followers.get(key, [])
        if follower in followers:
            followers.remove(follower)
        if not followers:
            self._followers.pop(key, None)

    def publish(self, epoch: int, events: Iterable[Event]) -> None:
        """Hand committed events to their readers; events of one thread must be adjacent and in order."""
        for key, group in groupby(events, key=_key):
            followers = self._followers.get(key)
            if followers:
                run = tuple(group)
                for follower in tuple(followers):
                    self._tell(follower.offer, epoch, run)

    def nudge(self, key: Key, position: Position | None) -> None:
        for follower in tuple(self._followers.get(key, ())):
            self._tell(follower.nudge, position)

    def _tell(self, hear: Callable[..., None], *what: object) -> None:
        try:
            hear(*what)
        except Exception:
            # A reader that fails must not reach its neighbours, nor the writer, whose commit has long happened.
            logger.exception("a reader failed")

    def keys(self) -> Iterator[Key]:
        """The threads somebody follows here."""
        return iter(tuple(self._followers))

    def __contains__(self, key: Key) -> bool:
        return key in self._followers

    def __len__(self) -> int:
        """How many followers there are."""
        return sum(map(len, self._followers.values()))


def _key(event: Event) -> Key:
    return event.user_id, event.thread_id
