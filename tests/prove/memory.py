"""A server of agents in memory, small and right, for what is to be tested of the attackers themselves."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from netra.prove.answers import Lost, Refused
from netra.prove.targets import Ability, Door, Heard, Log, OpenWire, ReceivedEvent, Work

TERMINAL = "agent_completed"


class MemoryTarget:
    """Threads with events, runs that end at once, readers that resume."""

    name = "memory"
    version = "1"
    users = "each is made up"
    abilities = frozenset({Ability.LOG, Ability.RESUME, Ability.EPOCHS, Ability.CANCEL, Ability.KEYS, Ability.ISOLATION})
    epoch = 1

    def __init__(self, heard: Heard) -> None:
        self.heard = heard
        self.threads: dict[str, list[ReceivedEvent]] = {}
        self.owners: dict[str, int] = {}
        self.keys: dict[tuple[int, str], str] = {}
        self.news = asyncio.Condition()
        self.failing = False
        self.endless = False
        """Whether runs have no end."""
        self.careless = False
        """Whether who reads is not asked whose thread it is, nor of which epoch their cursor is."""
        self.numbers = itertools.count(1)

    async def sign_up(self, number: int, mark: str) -> "MemoryPerson":
        return MemoryPerson(self, number, mark)

    async def close(self) -> None:
        pass

    async def add(self, thread: str, run: str, kind: str, words: str) -> None:
        events = self.threads[thread]
        text = json.dumps({"thread": thread, "seq": len(events) + 1, "words": words})
        events.append(
            ReceivedEvent(thread, 1, len(events) + 1, kind, run, text, details={"input": words} if "started" in kind else {})
        )
        async with self.news:
            self.news.notify_all()


class MemoryPerson:
    """A user of it."""

    email = token = url = ""

    def __init__(self, target: MemoryTarget, number: int, mark: str) -> None:
        self.number = number
        self.mark = mark
        self.user_id = f"user-{number}"
        self._target = target

    def _here(self) -> MemoryTarget:
        if self._target.failing:
            raise Lost("away")
        return self._target

    async def new_thread(self, title: str) -> str:
        target = self._here()
        thread = f"thread-{next(target.numbers)}"
        target.threads[thread], target.owners[thread] = [], self.number
        target.heard(self.number, "new_thread", title)
        return thread

    async def start_run(self, thread: str, work: Work, key: str | None) -> str:
        target = self._here()
        if target.owners.get(thread) != self.number:
            raise Refused(404)
        if key is not None and (known := target.keys.get((self.number, key))) is not None:
            return known
        run = f"run-{next(target.numbers)}"
        if key is not None:
            target.keys[self.number, key] = run
        for kind in ("run_queued", "agent_started", *["agent_thinking"] * work.steps, *([] if target.endless else [TERMINAL])):
            await target.add(thread, run, kind, work.text)
        return run

    async def cancel(self, run: str) -> None:
        raise Refused(409, f"{run} has ended")

    async def log(self, thread: str) -> Log:
        return Log(thread, 1, tuple(self._here().threads[thread]))

    @asynccontextmanager
    async def read(self, threads: Mapping[str, Any]) -> AsyncIterator["MemoryReader"]:
        target = self._here()
        cursors = {thread: cursor or (target.epoch, 0) for thread, cursor in threads.items()}
        if not target.careless:
            if any(target.owners.get(thread) != self.number for thread in threads):
                raise Refused(404)
            cursors = {thread: cursor if cursor[0] == target.epoch else (target.epoch, 0) for thread, cursor in cursors.items()}
        yield MemoryReader(target, self.number, cursors)

    async def do(self, name: str, /, **arguments: Any) -> Mapping[str, Any]:
        raise Refused(400, f"{name} {arguments}")

    def twin(self) -> "MemoryPerson":
        return MemoryPerson(self._target, self.number, self.mark)

    @asynccontextmanager
    async def apart(self) -> AsyncIterator["MemoryPerson"]:
        yield self.twin()

    def doors(self, thread: str, run: str) -> Sequence[Door]:
        return (Door("GET", f"/{thread}/{run}"),)

    def mistakes(self, thread: str) -> Sequence[Door]:
        return (Door("BREW", f"/{thread}", expected=(404,)),)

    async def raw(self, method: str, path: str, *, token: str | None = None, **more: Any) -> tuple[int, str]:
        return 404, f"{method} {path} is not here"

    async def handshake(self, headers: Mapping[str, str], *, token: str | None = None) -> OpenWire:
        raise Lost("there are no sockets here")


class MemoryReader:
    """One connection to it."""

    def __init__(self, target: MemoryTarget, user: int, cursors: Mapping[str, tuple[int, int]]) -> None:
        self._target = target
        self._user = user
        self._cursors = {thread: (target.epoch, seq) for thread, (_, seq) in cursors.items()}
        self._dropped = False
        self.reading = True

    @property
    def cursor(self) -> dict[str, tuple[int, int]]:
        return dict(self._cursors)

    async def next(self, within: float) -> ReceivedEvent | None:
        try:
            async with asyncio.timeout(within), self._target.news:
                while True:
                    if self._dropped:
                        raise Lost("dropped")
                    for thread, (epoch, seq) in self._cursors.items():
                        if self.reading and len(self._target.threads[thread]) > seq:
                            event = self._target.threads[thread][seq]
                            self._cursors[thread] = (epoch, seq + 1)
                            self._target.heard(self._user, "event", event.text)
                            return event
                    await self._target.news.wait()
        except TimeoutError:
            return None

    def drop(self) -> None:
        self._dropped = True

    def pause(self) -> None:
        self.reading = False

    def proceed(self) -> None:
        self.reading = True
