"""What a user has received of runs whose events come only once: as the answer to the request that started them.

Such a stream carries no cursor and cannot be asked for again, so the inbox numbers events as they come, and a reader reads the
inbox. That nothing is missing between server and inbox is more than anybody can judge here.
"""

import asyncio
from collections.abc import Iterable, Mapping

from netra.prove.answers import Lost
from netra.prove.targets import Log, ReceivedEvent

EPOCH = 1
"""Of every thread: an inbox begins once."""


class Inbox:
    """All threads of one user."""

    def __init__(self) -> None:
        self.threads: dict[str, list[ReceivedEvent]] = {}
        self.news = asyncio.Condition()
        self.reading = asyncio.Event()
        """Cleared while nobody may read from a connection."""
        self.reading.set()

    def head(self, thread: str) -> int:
        """The number of the last event."""
        return len(self.threads.get(thread, ()))

    async def add(self, event: ReceivedEvent) -> None:
        self.threads.setdefault(event.thread, []).append(event)
        async with self.news:
            self.news.notify_all()

    def log(self, thread: str) -> Log:
        return Log(thread, EPOCH, tuple(self.threads.get(thread, ())))


class InboxReader:
    """Goes through an inbox, every thread from its cursor."""

    def __init__(self, inbox: Inbox, threads: Mapping[str, tuple[int, int] | None]) -> None:
        self._inbox = inbox
        self._cursors = {thread: cursor or (EPOCH, 0) for thread, cursor in threads.items()}
        self._dropped = False

    @property
    def cursor(self) -> dict[str, tuple[int, int]]:
        """Of each thread: its epoch, and the last event that was read."""
        return dict(self._cursors)

    async def next(self, within: float) -> ReceivedEvent | None:
        try:
            async with asyncio.timeout(within), self._inbox.news:
                while True:
                    if self._dropped:
                        raise Lost("dropped")
                    if (event := self._oldest(self._cursors.items())) is not None:
                        return event
                    await self._inbox.news.wait()
        except TimeoutError:
            return None

    def _oldest(self, cursors: Iterable[tuple[str, tuple[int, int]]]) -> ReceivedEvent | None:
        for thread, (_, seq) in cursors:
            if self._inbox.head(thread) > seq:
                self._cursors[thread] = (EPOCH, seq + 1)
                return self._inbox.threads[thread][seq]
        return None

    def drop(self) -> None:
        self._dropped = True

    def pause(self) -> None:
        self._inbox.reading.clear()

    def proceed(self) -> None:
        self._inbox.reading.set()
