"""Faults of what users share on the server: its connections to the database, one after the other."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from netra.prove.answers import Lost, Refused
from netra.prove.faults import Bites, World, fault
from netra.prove.targets import Ability, Person

TINY: Final = {"NETRA_DATABASE_POOL_SIZE": "2", "NETRA_REQUESTS_AT_ONCE": "1"}
"""Two connections for everybody: nearly every request follows one of somebody else."""
GUESTS: Final = 8
ROUNDS: Final = 25


@fault("F35", ours=True, needs=(Ability.SESSIONS, Ability.ISOLATION))
async def pool_shared(world: World, tally: Bites) -> None:
    """Users take turns on two connections to the database, many of them broken off: none finds what another has left there."""
    assert world.servers is not None
    users = [user for user in world.users if user.threads]
    async with world.servers.another("gateway", TINY) as gateway:
        guests = [
            (await _guest(user.person, gateway.url), user.threads)
            for user in world.source.sample(users, min(GUESTS, len(users)))
        ]
        for _ in range(ROUNDS):
            turns = [asyncio.create_task(_turn(world, tally, person, threads)) for person, threads in guests for _ in range(2)]
            for turn in world.source.sample(turns, len(turns) // 4):
                await asyncio.sleep(world.source.uniform(0, 0.005))
                turn.cancel()
            await asyncio.gather(*turns, return_exceptions=True)


async def _guest(person: Person, url: str) -> Person:
    """The same user with a session of their own at that server."""
    guest = person.twin()
    await guest.do("move", url=url)
    await guest.do("sign_in")
    return guest


async def _turn(world: World, tally: Bites, person: Person, threads: Sequence[str]) -> None:
    """One request: a reading, a writing, or one that the database itself refuses."""
    thread = world.source.choice(threads)
    wanted: Sequence[tuple[str, str, dict[str, Any]]] = (
        ("GET", "/auth/me", {}),
        ("GET", "/api/threads", {}),
        ("GET", "/api/datasets", {}),
        ("GET", "/api/secrets", {}),
        ("GET", "/api/tools/permissions", {}),
        ("GET", f"/api/threads/{thread}/events", {}),
        ("GET", f"/api/threads/{thread[:-12]}{world.source.getrandbits(48):012x}/events", {}),
        ("PUT", "/api/secrets/POOL", {"json": {"value": person.mark}}),
        ("POST", "/api/threads", {"json": {"title": f"\x00{person.mark}"}}),
        ("POST", f"/api/threads/{thread}/runs", {"json": {"agent": "nobody", "input": {}}}),
    )
    method, path, more = world.source.choice(wanted)
    with suppress(Lost, Refused):
        status, _ = await person.raw(method, path, **more)
        tally.bites += status < 500
