"""Faults of processes: what a crash, an operator or the machine does to gateways, workers and the database."""

import asyncio
from typing import Final

from netra.prove.faults import Bites, World, fault
from netra.prove.servers import Servers
from netra.prove.targets import Ability

AT_WORK: Final = 50
"""Events after which everybody is at work again."""
AT_WORK_WITHIN: Final = 10.0
"""Seconds that a fault waits for that."""
SIDE_BY_SIDE: Final = 2.0
"""Seconds that processes of two builds work beside each other before the next one is replaced."""


def _ours(world: World) -> Servers:
    assert world.servers is not None, "a fault of processes was scheduled against a URL"
    return world.servers


@fault("F1", ours=True)
async def worker_killed(world: World, tally: Bites) -> None:
    """A worker is killed in the middle of what it does."""
    await _ours(world).kill_worker()
    tally.bite()


@fault("F2", ours=True)
async def worker_paused_past_its_lease(world: World, tally: Bites) -> None:
    """A worker is stopped for longer than its lease, and goes on as if nothing had happened."""
    await _ours(world).pause_worker(14)
    tally.bite()


@fault("F3", ours=True)
async def worker_paused_briefly(world: World, tally: Bites) -> None:
    """A worker is stopped for half its lease."""
    await _ours(world).pause_worker(5)
    tally.bite()


@fault("F4", ours=True, stops=True)
async def gateway_killed(world: World, tally: Bites) -> None:
    """The gateway is killed with everybody connected, and started again."""
    await _ours(world).kill_gateway()
    tally.bite()


@fault("F5", ours=True, stops=True)
async def gateway_drained(world: World, tally: Bites) -> None:
    """The gateway is asked to go, tells its readers where they are, and is started again."""
    await _ours(world).drain_gateway()
    tally.bite()


@fault("F42", ours=True, stops=True, needs=(Ability.UPGRADE,))
async def upgraded_while_serving(world: World, tally: Bites) -> None:
    """The schema migrates under an older build that serves; then a newer one takes its place, process by process."""
    servers = _ours(world)
    await servers.migrate()
    await _work_done(world)  # of the older build, in the newer schema
    async for _ in servers.upgrade(SIDE_BY_SIDE):
        tally.bite()


@fault("F6", ours=True, stops=True)
async def database_restarted(world: World, tally: Bites) -> None:
    """PostgreSQL restarts twice: politely, and once everybody works again, as from a crash."""
    await _ours(world).restart_database("fast")
    tally.bite()
    await _work_done(world)
    await _ours(world).restart_database("immediate")
    tally.bite()


async def _work_done(world: World) -> None:
    """Wait until runs are at work again: a crash in the midst of nothing loses nothing."""
    seen, until = len(world.history), world.history.age + AT_WORK_WITHIN
    while world.history.age < until:
        events = sum(record.kind == "event" for record in world.history.records[seen:])
        if events >= AT_WORK:
            return
        await asyncio.sleep(0.05)


@fault("F8", ours=True, stops=True)
async def database_paused(world: World, tally: Bites) -> None:
    """PostgreSQL stops for ten seconds."""
    await _ours(world).pause_database(10)
    tally.bite()


@fault("F7", ours=True)
async def cut_at_commit(world: World, tally: Bites) -> None:
    """Connections break on the reply to what they have just sent: nobody knows whether it was done."""
    for _ in range(20):
        tally.bites += await _ours(world).cut_at_reply()


@fault("F10", ours=True)
async def listener_lost(world: World, tally: Bites) -> None:
    """Every connection to the database falls silent without an end, those that listen included."""
    tally.bites += await _ours(world).silence_database()


@fault("F10", ours=True)
async def hints_lost(world: World, tally: Bites) -> None:
    """The connections that listen for hints fall silent, and no others: what nobody tells has to be looked for."""
    tally.bites += await _ours(world).silence_listeners()


@fault("F13", "F14", "F15", ours=True)
async def worker_partitioned(world: World, tally: Bites) -> None:
    """Nothing passes between the workers and the database for twelve seconds, longer than a lease; then all of it does."""
    tally.bites += await _ours(world).partition_workers(12)


@fault("F11", ours=True)
async def bus_disturbed(world: World, tally: Bites) -> None:
    """For ten seconds the bus loses, repeats and reorders its messages; then its connections break, as when it restarts."""
    servers = _ours(world)
    tally.bites += await servers.disturb_bus(10)
    await servers.cut()
