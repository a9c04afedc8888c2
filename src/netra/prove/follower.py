"""A user who watches: keeps what arrived, comes back after every break with the cursor of the last event, and drops nothing."""

import asyncio
import random
from collections.abc import Callable
from typing import Any, Final

from netra.prove.answers import Lost, Refused
from netra.prove.history import History
from netra.prove.targets import Person, Reader, ReceivedEvent

LOOK_EVERY: Final = 0.25
"""Seconds after which a quiet reader looks whether it is to end."""
COME_BACK: Final = (0.05, 1.0)
"""Seconds of pause before a new connection, the least and the most: a storm of readers spreads itself."""
LONGEST_REASON: Final = 200
"""Characters that are kept of why a connection ended."""


class Watcher:
    """One user's view of their threads, over any number of connections. `run` it as a task; `threads` may grow."""

    def __init__(self, person: Person, history: History, source: random.Random, name: str = "reader") -> None:
        self.person = person
        self.name = name
        self.cursors: dict[str, Any] = {}
        self.reader: Reader | None = None
        self.breaks = 0
        """Connections that broke, or were broken."""
        self.on_event: Callable[[ReceivedEvent], None] | None = None
        self._history = history
        self._source = source
        self._ending = False
        self._began: dict[tuple[str, Any], int] = {}

    @property
    def connected(self) -> bool:
        return self.reader is not None

    def follow(self, thread: str) -> None:
        """Follow a thread from its beginning, from the next connection on."""
        self.cursors.setdefault(thread, None)

    async def run(self) -> None:
        """Read until `end`."""
        while not self._ending:
            why = "a new thread to follow"
            try:
                await self._connect()
            except (Lost, Refused) as error:
                why = str(error)[:LONGEST_REASON]
            self.reader = None
            if not self._ending:
                self.breaks += 1
                self._history.see("measured", "disconnected", self.person.number, reader=self.name, why=why)
                await asyncio.sleep(self._source.uniform(*COME_BACK))

    async def _connect(self) -> None:
        followed = frozenset(self.cursors)
        async with self.person.read(self.cursors) as reader:
            self.reader = reader
            while not self._ending:
                event = await reader.next(LOOK_EVERY)
                self.cursors.update(reader.cursor)
                if event is not None:
                    self._keep(event)
                elif followed != frozenset(self.cursors):
                    return  # there is a new thread: come back and follow it, too

    def _keep(self, event: ReceivedEvent) -> None:
        after = self._began.setdefault((event.thread, event.epoch), 0)
        self._history.see(
            "event",
            event.type,
            self.person.number,
            reader=self.name,
            thread=event.thread,
            epoch=event.epoch,
            seq=event.seq,
            run=event.run,
            digest=event.digest,
            after=after,
            **{key: value for key, value in event.details.items() if key in ("plan", "late", "loose")},
        )
        if self.on_event is not None:
            self.on_event(event)

    def has(self, thread: str, seq: int) -> bool:
        """Whether everything up to this event has arrived."""
        cursor = self.cursors.get(thread)
        return cursor is not None and cursor[1] >= seq

    def end(self) -> None:
        self._ending = True
