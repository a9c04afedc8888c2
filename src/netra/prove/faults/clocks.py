"""Faults of clocks: those of some processes are set to another hour while they work."""

import asyncio
from typing import Final

from netra.prove.faults import Bites, World, fault
from netra.prove.faults.access import REFUSED, probe
from netra.prove.targets import Ability, Person
from netra.prove.workload import User

MEANWHILE: Final = 6.0
"""Seconds that everybody works on with each of the wrong clocks: longer than a worker's two signs of life are apart."""
RUNS: Final = 20


@fault("F22", ours=True, needs=(Ability.SESSIONS,))
async def clock_jumps(world: World, tally: Bites) -> None:
    """The clocks of a gateway and a worker jump an hour on, then two back, while both work beside others that are right."""
    servers = world.servers
    assert servers is not None
    user = world.source.choice([user for user in world.users if user.threads])
    async with servers.another("gateway", {}) as gateway, servers.another("worker", {}) as worker:
        url = gateway.url
        guest = await _signed_in(user, url)
        await _asked(world, tally, user, "the token of a moment ago, as the clock is right", (200,), guest.token, url)
        for process in (gateway, worker):
            process.set_clock(ahead=True)
            tally.bite()
        await _asked(world, tally, user, "the token of an hour ago, as the clock is an hour on", REFUSED, guest.token, url)
        await _work(user)
        for process in (gateway, worker):
            process.set_clock(ahead=False)
            tally.bite()
        early = await _signed_in(user, url)
        await _work(user)
        what = "a token that has run out, of a server whose clock is an hour back"
        await _asked(world, tally, user, what, REFUSED, early.token, user.person.url)


async def _signed_in(user: User, url: str) -> Person:
    guest = user.person.twin()
    await guest.do("move", url=url)
    await guest.do("sign_in")
    return guest


async def _asked(world: World, tally: Bites, user: User, what: str, expected: tuple[int, ...], token: str, url: str) -> None:
    asker = user.person.twin()
    await asker.do("move", url=url)
    await probe(world, tally, user, what, expected, ("GET", "/auth/me"), token=token, by=asker)


async def _work(user: User) -> None:
    """More runs than usual, so that the worker whose clock is wrong has its share of them."""
    for _ in range(RUNS):
        await user.start_run()
        await asyncio.sleep(MEANWHILE / RUNS)
