"""Faults of the disk that the database writes to."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from typing import Final, TypeVar

from netra.prove.answers import NotSupported
from netra.prove.disk import SmallDisk
from netra.prove.faults import Bites, World, fault
from netra.prove.faults.access import probe
from netra.prove.follower import Watcher
from netra.prove.servers import DatabaseServer
from netra.prove.strace import acknowledgements
from netra.prove.targets.netra import NetraTarget
from netra.prove.workload import User

T = TypeVar("T")

BEFORE: Final = 8
"""Runs that are accepted before the disk is full, and have to be there afterwards."""
REFUSED_RUNS: Final = 10
TRIED: Final = 400
"""Runs that are asked for while it is, until so many are refused: pages that are not full take some more."""
AGAIN_WITHIN: Final = 30.0
"""Seconds that are waited for the server to serve again."""
TRACED_FOR: Final = 6.0
"""Seconds: a traced database is several times slower."""
KEEP: Final = ("PUT", "/api/secrets/FULL")
SETTLE: Final = 30.0
COME_UP: Final = 10.0


@fault("F19", ours=True)
async def disk_full(world: World, tally: Bites) -> None:
    """A disk fills up: what cannot be kept is refused, what was accepted stays, and with room the server serves again."""
    async with AsyncExitStack() as stack:
        disk = await _blocking(stack, SmallDisk.mounted())
        assert world.servers is not None
        if world.servers.spare is None:
            raise NotSupported("there is no other database to be had")
        database = await _blocking(stack, world.servers.spare(disk.folder / "database"))
        given = ("--database-url", database.url("netra_app"), "--data-dir", str(disk.folder / "database"))
        gateway = await stack.enter_async_context(world.servers.another("gateway", {}, *given))
        await stack.enter_async_context(world.servers.another("worker", {}, *given))
        user = await stack.enter_async_context(_settler(world, gateway.url))
        for _ in range(BEFORE):
            await user.start_run()
        await asyncio.to_thread(disk.fill)
        for _ in range(TRIED):
            if tally.bites >= REFUSED_RUNS:
                break
            tally.bites += not await _accepted(user)
            # A refusal for now is one that whoever asked may repeat; anything else but a yes is a fault of the server.
            await probe(world, Bites(), user, "keeping a secret on a full disk", (204,), KEEP, json={"value": user.person.mark})
        await asyncio.to_thread(disk.free)
        await _serves_again(user, database)
        await user.settle(user.history.age + SETTLE)
        await user.conclude(COME_UP)


@fault("F21", ours=True)
async def power_lost(world: World, tally: Bites) -> None:
    """Every acknowledgement could be the last before the power goes: system calls tell whether each was on disk by then."""
    assert world.servers is not None
    for each in acknowledgements(await world.servers.trace_database(TRACED_FOR)):
        world.history.see("measured", "acknowledgement", process=each.pid, line=each.line, synced=each.synced)
        tally.bite()


async def _blocking(stack: AsyncExitStack, block: AbstractContextManager[T]) -> T:
    """Enter what blocks, outside the event loop, and leave it so."""
    entered = await asyncio.to_thread(block.__enter__)
    stack.push_async_callback(asyncio.to_thread, block.__exit__, None, None, None)
    return entered


@asynccontextmanager
async def _settler(world: World, url: str) -> AsyncIterator[User]:
    """One of the users, with an account on that server, too, and under the same number."""
    known = world.source.choice(list(world.users))
    source = random.Random(f"{known.person.mark} disk")  # noqa: S311 - a seed is to give the same again
    assert isinstance(world.target, NetraTarget)
    target = await NetraTarget.open([url], world.target.heard, source)
    try:
        person = await target.sign_up(known.number, known.person.mark)
        follower = Watcher(person, world.history, source, "reader on a small disk")
        user = User(person, world.history, source, follower, pace=known.pace, plant=known.plant)
        await user.begin()
        following = asyncio.create_task(follower.run(), name="follower on a small disk")
        try:
            yield user
        finally:
            follower.end()
            await asyncio.wait([following], timeout=5)
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
    finally:
        await target.close()


async def _accepted(user: User) -> bool:
    """Ask for a run. Returns whether the server said yes."""
    known = len(user.runs)
    await user.start_run()
    return len(user.runs) > known


async def _serves_again(user: User, database: DatabaseServer) -> None:
    """Ask until the server says yes. A database that has ended is started again, as its operator would."""
    operation = user.history.invoke("recover", user.number, what="a disk that was full")
    until = user.history.age + AGAIN_WITHIN
    while user.history.age < until:
        if not await asyncio.to_thread(database.processes):
            await asyncio.to_thread(database.restart, "fast")
        if await _accepted(user):
            user.history.see("ok", "recover", user.number, operation)
            return
        await asyncio.sleep(0.2)
    user.history.see("fail", "recover", user.number, operation)
