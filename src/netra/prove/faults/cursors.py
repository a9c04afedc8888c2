"""Faults of cursors: readers that go on where nobody can have been, before and after a restart and a cut of the history."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from netra.prove.answers import Lost, NotSupported, Refused
from netra.prove.faults import Bites, World, fault
from netra.prove.targets import Ability, Work
from netra.prove.workload import User

STEPS: Final = 12
"""Of the run that fills the thread: about forty events."""
SEVENS: Final = 5
"""Positions from one to the next at which it is also read in short pages."""
FILLED_WITHIN: Final = 60.0
WAYS: Final = ("pages", "stream", "socket")
AHEAD: Final = 1_000_000
GARBAGE: Final[Sequence[tuple[str, Mapping[str, Any]]]] = (
    ("pages", {"after": -1}),
    ("pages", {"after": "many"}),
    ("pages", {"after": "1e3"}),
    ("pages", {"after": 2**63}),
    ("pages", {"after": 0, "epoch": -1}),
    ("pages", {"after": 0, "epoch": "now"}),
    ("pages", {"after": 0, "limit": 0}),
    ("pages", {"after": 0, "limit": 10**9}),
    ("stream", {"after": "%00"}),
    ("stream", {"id": "7"}),
    ("stream", {"id": "1/-1"}),
    ("stream", {"id": "1/2/3"}),
    ("stream", {"id": "1/" + "9" * 60}),
    ("socket", {"after": -1}),
    ("socket", {"after": "1"}),
    ("socket", {"after": 0.5}),
    ("socket", {"after": 2**63}),
    ("socket", {"after": 0, "epoch": "1"}),
    ("socket", {"after": 0, "filter": "agent_started"}),
)
"""What is no cursor, or asks for a filter that there is not."""


@fault("F39", needs=(Ability.RESUME, Ability.CURSORS))
async def strange_cursors(world: World, tally: Bites) -> None:
    """Readers go on at every position, in the future, in another epoch and at garbage, before and after a restart and a cut."""
    owner, other = world.source.sample([user for user in world.users if user.threads], 2)
    thread = await owner.person.new_thread(f"Cursors of {owner.person.mark}")
    await _fill(owner, thread)
    reading = CursorReading(world, tally, owner, thread)
    await reading.begin()
    await reading.positions(WAYS)
    await reading.nowhere()
    for way in WAYS:
        await reading.resume(way, "with the thread of somebody else", "refuse", {"after": 0}, by=other)
    if world.servers is None:
        return
    await world.servers.kill_gateway()
    await reading.positions(WAYS)
    cut = reading.head // 2
    await world.servers.age_events(thread, cut)
    await world.servers.kill_gateway()  # what is past its time is cut when a server starts
    before = reading.epoch
    await reading.begin()
    if reading.epoch == before:
        return  # no gateway has come to it: nothing was cut, and nothing can be said
    for way in WAYS:
        for after in (0, cut - 1, cut, reading.head - 1):
            await reading.resume(way, f"at {after} of before the cut", "reset", {"after": after, "epoch": before})
    await reading.positions(WAYS)


async def _fill(owner: User, thread: str) -> None:
    """Let a run of its own write into the thread, to its end: then nothing new is due while others read."""
    run = await owner.person.start_run(thread, Work(f"{owner.person.mark} cursors.", STEPS, 0), None)
    until = owner.history.age + FILLED_WITHIN
    while owner.history.age < until:
        events = (await owner.person.log(thread)).events
        if any(event.run == run and event.type.startswith("agent_c") for event in events):
            return
        await asyncio.sleep(0.3)
    raise Lost("the run that fills the thread did not come to its end")


class CursorReading:
    """One thread, read whole once and then from everywhere."""

    def __init__(self, world: World, tally: Bites, owner: User, thread: str) -> None:
        self._world = world
        self._tally = tally
        self._owner = owner
        self._thread = thread
        self._whole = 0
        self._tail = 0
        self.epoch = 0
        self.head = 0

    async def begin(self) -> None:
        """Read it whole and without interruption. Raises `Lost` or `Refused`."""
        history, user = self._world.history, self._owner
        self._whole = history.invoke("read_whole", user.number, thread=self._thread)
        whole = await user.person.do("resume", way="pages", thread=self._thread, cursor={"after": 0, "limit": 1000})
        history.see("ok", "read_whole", user.number, self._whole, **whole)
        seqs = [seq for seq, _ in whole["events"]]
        self.epoch, self._tail, self.head = whole["epoch"], seqs[0] - 1, seqs[-1]

    async def positions(self, ways: Sequence[str]) -> None:
        """Go on at every position, over the ways in turn, and, at some of them, in pages of seven."""
        for after in range(self._tail, self.head):
            cursor = {"after": after, "epoch": self.epoch}
            await self.resume(ways[after % len(ways)], f"at {after}", "suffix", cursor)
            if after % SEVENS == 0:
                await self.resume("pages", f"at {after} by sevens", "suffix", {**cursor, "limit": 7})
        await self.resume("pages", "at the end", "suffix", {"after": self.head, "epoch": self.epoch})
        await self.resume("pages", "one by one", "suffix", {"after": self._tail, "limit": 1})

    async def nowhere(self) -> None:
        """Go on in the future, in another epoch, and at what is no position."""
        for way in WAYS:
            for epoch in (None, self.epoch):
                await self.resume(way, "in the future", "reset", {"after": self.head + AHEAD, "epoch": epoch})
            await self.resume(way, "in an epoch to come", "reset", {"after": 1, "epoch": self.epoch + 7})
            await self.resume(way, "in an epoch before the first", "reset", {"after": 1, "epoch": 0})
        for way, cursor in GARBAGE:
            await self.resume(way, f"at {str(cursor)[:60]}", "refuse", cursor)

    async def resume(self, way: str, what: str, must: str, cursor: Mapping[str, Any], by: User | None = None) -> None:
        history, user = self._world.history, by or self._owner
        given = {"of": self._whole, "way": way, "what": what, "must": must, "after": cursor.get("after", 0)}
        operation = history.invoke("resume", user.number, **given)
        try:
            answer = await user.person.do("resume", way=way, thread=self._thread, cursor=cursor)
        except Refused as error:
            history.see("fail", "resume", user.number, operation, status=error.status, limited=error.limited)
        except (Lost, NotSupported) as error:
            history.see("unknown", "resume", user.number, operation, why=str(error)[:200])
            return
        else:
            history.see("ok", "resume", user.number, operation, **answer)
        self._tally.bite()
