"""One proof, from the first sign-up to the last reading: users at work, faults among them, and a history of it all."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from netra.prove.answers import Lost, Refused
from netra.prove.faults import InjectedFault, Injection, World
from netra.prove.follower import Watcher
from netra.prove.history import History
from netra.prove.marks import Marks, new_mark
from netra.prove.rows import MarkedRow, marked_rows, standings
from netra.prove.schedule import Moment, schedule
from netra.prove.servers import Servers
from netra.prove.targets import Ability, Person, Target
from netra.prove.telltales import Telltales
from netra.prove.workload import User

AT_ONCE: Final = 8
"""Sign-ups at once: a password is meant to be slow to hash."""
SETTLE: Final = 45.0
"""Seconds that runs get to come to their end, once nothing new begins."""
CALM_DOWN: Final = 3.0
"""Seconds after everybody has gone, before it is measured what is left of them."""
COME_UP: Final = 10.0
"""Seconds that a reader gets to come up to the end of a thread."""
UNHURRIED: Final = 16
"""Users who each do one thing a second, clients and database on the same two cores, and are still answered at once. Where
everybody stands in a queue, how long somebody waited says nothing about who was in the way: two hundred who did forty things a
second kept two cores busy without a pause, and one flood lasted for minutes, of half a minute at sixteen."""


def unhurried(users: int) -> float:
    """Seconds between two things that one of so many users does, so that all of them stay within `UNHURRIED` a second."""
    return max(1.0, users / UNHURRIED)


@dataclass(frozen=True, slots=True)
class ProofPlan:
    """What a proof is to be."""

    users: int
    seconds: float
    seed: int
    faults: tuple[InjectedFault, ...] = ()
    pace: float = 1.0
    """Seconds between two things that a user does, on average."""
    settle: float = SETTLE
    """Seconds that runs get to come to their end, once nothing new begins, and at most that a reader gets to come up to the
    end of a thread."""
    moments: tuple[Moment, ...] | None = None
    """When which fault begins; None: drawn from the seed."""


@dataclass
class ProofRun:
    """A proof under way."""

    plan: ProofPlan
    history: History
    marks: Marks = field(default_factory=Marks)
    telltales: Telltales = field(default_factory=Telltales)
    phase: str = "signing up"
    users: list[User] = field(default_factory=list)
    injections: list[Injection] = field(default_factory=list)
    on_phase: Callable[[str], None] = lambda _: None
    began: float | None = None
    """When the attack did, in seconds of the history."""

    @property
    def attacked(self) -> float:
        """Seconds since the attack began."""
        return 0.0 if self.began is None else self.history.age - self.began

    def heard(self, user: int, where: str, text: str) -> None:
        """Something arrived: look for what must not be in it."""
        for found in self.marks.foreign(text, (user,)):
            self.history.see("foreign", where, user, owner=found.owner, excerpt=found.excerpt, where=where)
        for what, excerpt in self.telltales.found(text):
            self.history.see("leaked", where, user, what=what, excerpt=excerpt)

    def read_logs(self, logs: Sequence[Path]) -> None:
        """Look through what the servers have said: a user's mark may stand only in a line that names that user. Blocking."""
        names = {user.person.user_id: user.number for user in self.users}
        for log in logs:
            with log.open(encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    whose = [number for user_id, number in names.items() if user_id in line] if "mark-" in line else []
                    for found in self.marks.foreign(line, whose):
                        self.history.see("foreign", log.name, owner=found.owner, excerpt=found.excerpt, where=log.name)
                    for what, excerpt in self.telltales.found(line, in_log=True):
                        self.history.see("leaked", log.name, what=what, excerpt=excerpt)

    def read_rows(self, rows: Iterable[MarkedRow]) -> None:
        """Look through what the database holds: a user's mark may stand only in rows of that user. Blocking."""
        names = {user.person.user_id: user.number for user in self.users}
        for row in rows:
            for found in self.marks.foreign(row.text, [names[row.owner]] if row.owner in names else ()):
                where = f"a row of user {names.get(row.owner, 'nobody')} in the table {row.table}"
                self.history.see("foreign", row.table, owner=found.owner, excerpt=found.excerpt, where=where)

    async def attack(self, target: Target, servers: Servers | None = None) -> None:
        """All of it. Raises `Refused` or `Lost` when nobody can even sign up."""
        plan = self.plan
        can = sorted(ability.value for ability in all_abilities(target, servers))
        self.history.see("said", "target", target=target.name, version=target.version, users=target.users, abilities=can)
        self._enter("signing up")
        await self._sign_up(target)
        async with self._following():
            await asyncio.gather(*(user.begin() for user in self.users))
            world = World(target, self.users, self.history, _source(f"{plan.seed} faults"), servers)
            self.began = began = self.history.age
            until = began + plan.seconds
            moments = plan.moments if plan.moments is not None else schedule(plan.faults, plan.seconds, plan.seed)
            await self._measure(servers, "before")
            self.history.see("said", "schedule", moments=[(moment.at, moment.fault) for moment in moments])
            self._enter("attacking")
            async with asyncio.TaskGroup() as group:
                injecting = group.create_task(self._inject(world, moments, began))

                def goes_on() -> bool:
                    return self.history.age < until or not injecting.done()

                for user in self.users:
                    group.create_task(user.live_on(goes_on, target.abilities))
            self._enter("settling")
            await asyncio.gather(*(user.settle(self.history.age + plan.settle) for user in self.users))
            if servers is not None and any(user.live for user in self.users):
                url = servers.database.url("postgres")
                self.history.see("said", "standings", runs=await asyncio.to_thread(standings, url))
            self._enter("reading back")
            gate = asyncio.Semaphore(AT_ONCE)

            async def conclude(user: User) -> None:
                async with gate:
                    await user.conclude(min(COME_UP, plan.settle))

            await asyncio.gather(*(conclude(user) for user in self.users))
        if servers is not None:
            await asyncio.sleep(CALM_DOWN)
            await self._measure(servers, "after")
            await asyncio.to_thread(lambda: self.read_rows(marked_rows(servers.database.url("postgres"))))

    async def _measure(self, servers: Servers | None, when: str) -> None:
        for quantity, whose, value, room in await asyncio.to_thread(servers.usage) if servers is not None else ():
            self.history.see("measured", quantity, when=when, process=whose, value=value, room=room)

    async def _sign_up(self, target: Target) -> None:
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(number: int) -> User:
            source = _source(f"{self.plan.seed} user {number}")
            mark = new_mark(source)
            self.marks.plant(mark, number)
            async with gate:
                person = await _patiently(lambda: target.sign_up(number, mark))
            self.history.see("user", "user", number, mark=mark, user_id=person.user_id)
            follower = Watcher(person, self.history, _source(f"{self.plan.seed} follower {number}"))
            user = User(person, self.history, source, follower, pace=self.plan.pace, plant=self.marks.plant)
            self.users.append(user)
            return user

        await asyncio.gather(*(one(number) for number in range(self.plan.users)))
        self.users.sort(key=lambda user: user.number)

    @asynccontextmanager
    async def _following(self) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(user.follower.run(), name=f"follower {user.number}") for user in self.users]
        try:
            yield
        finally:
            for user in self.users:
                user.follower.end()
            await asyncio.wait(tasks, timeout=5)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _inject(self, world: World, moments: Sequence[Moment], began: float) -> None:
        faults = {fault.name: fault for fault in self.plan.faults}
        running: dict[asyncio.Task[None], InjectedFault] = {}
        async with asyncio.TaskGroup() as group:
            for moment in moments:
                fault = faults[moment.fault]
                await asyncio.sleep(max(0.0, began + moment.at - self.history.age))
                while ahead := [task for task, other in running.items() if not task.done() and excludes(fault, other)]:
                    await asyncio.wait(ahead, return_when=asyncio.FIRST_COMPLETED)
                injection = Injection(fault, world)
                self.injections.append(injection)
                running[group.create_task(injection.run())] = fault

    def _enter(self, phase: str) -> None:
        self.phase = phase
        self.history.see("said", phase)
        self.on_phase(phase)


def all_abilities(target: Target, servers: Servers | None) -> frozenset[Ability]:
    """What can be done to a server: what it can do itself, and what having its processes in hand allows."""
    ours = {Ability.PROCESSES} if servers is not None else set()
    upgrade = {Ability.UPGRADE} if servers is not None and servers.newer is not None else set()
    return target.abilities | ours | upgrade


def excludes(fault: InjectedFault, other: InjectedFault) -> bool:
    """Whether one waits for the other's end: what is to be seen alone, and what is done to the same servers."""
    return fault.alone or other.alone or (fault.ours and other.ours)


async def _patiently(work: Callable[[], Awaitable[Person]]) -> Person:
    """Sign up, again while the server is too busy. Raises the last refusal."""
    for pause in (0.2, 0.5, 1.0, 2.0, 4.0, 8.0):
        try:
            return await work()
        except Lost:
            await asyncio.sleep(pause)
        except Refused as error:
            if not error.limited:
                raise
            await asyncio.sleep(pause)
    return await work()


def _source(seed: str) -> random.Random:
    return random.Random(seed)  # noqa: S311 - a seed is to give the same again
