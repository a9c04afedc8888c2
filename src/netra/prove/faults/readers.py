"""Faults of those who read: connections that break, readers that do not read, storms of returns."""

import asyncio
import json
from typing import Final

from netra.prove.answers import Lost
from netra.prove.faults import Bites, World, fault
from netra.prove.proxy import Proxy
from netra.prove.targets import Ability
from netra.prove.wire import RawWire, frame
from netra.prove.workload import User

VANISHING: Final = 3
PING: Final = 25.0
PONG: Final = 8.0
"""Seconds until a silent client is pinged and then closed, where the server says nothing else (specification, section 4)."""
FOR_THE_WAY: Final = 5.0
"""Seconds more that it may take on a busy machine."""


@fault("F38", needs=(Ability.RESUME,))
async def readers_cut(world: World, tally: Bites) -> None:
    """A third of all readers break off without a word, five times, wherever they are; each returns with its last cursor."""
    for _ in range(5):
        for user in await world.readers(1 / 3):
            if user.follower.reader is not None:
                user.follower.reader.drop()
                tally.bite()
        await asyncio.sleep(world.source.uniform(0.2, 1.0))


@fault("F4", "F43", needs=(Ability.RESUME,))
async def all_return_at_once(world: World, tally: Bites) -> None:
    """Every reader breaks off in the same moment, and they all come back."""
    for user in await world.readers(1.0):
        if user.follower.reader is not None:
            user.follower.reader.drop()
            tally.bite()


@fault("F17", alone=True)
async def readers_paused(world: World, tally: Bites) -> None:
    """A tenth of the readers stop to read for four seconds, and go on."""
    chosen = await world.readers(0.1)
    paused = [(user, user.follower.reader) for user in chosen if user.follower.reader is not None]
    for user, reader in paused:
        reader.pause()
        tally.bite(user.number)
    try:
        await asyncio.sleep(4)
    finally:
        for _, reader in paused:
            reader.proceed()


@fault("F16", needs=(Ability.RESUME, Ability.SOCKETS, Ability.ISOLATION))
async def clients_vanish(world: World, tally: Bites) -> None:
    """Clients are gone without a word, as behind a cable that was pulled: each is let go of within a ping and a pong."""
    users = world.source.sample([user for user in world.users if user.threads], min(VANISHING, len(world.users)))
    await asyncio.gather(*(_vanish(world, tally, user) for user in users if user.person.url.startswith("http://")))


async def _vanish(world: World, tally: Bites, user: User) -> None:
    """Follow a thread by way of a proxy that falls silent towards both, and see when the server closes its end."""
    person = user.person
    status, told = await person.raw("GET", "/ws/config")
    known = json.loads(told) if status == 200 else {}
    limit = known.get("heartbeat_interval", PING) + known.get("pong_timeout", PONG) + FOR_THE_WAY
    async with Proxy.open(person.url) as proxy:
        try:
            headers = {"Authorization": f"Bearer {person.token}", "Origin": person.url}
            wire = await RawWire.connect(proxy.url, "/ws", headers)
        except Lost:
            return  # it cannot be connected to at the moment: nobody vanishes
        wire.send(frame(json.dumps({"type": "subscribe", "thread_id": user.threads[0], "after": 0}).encode()))
        await asyncio.sleep(1)  # until it is one that has heard of its thread
        proxy.silence()
        operation = world.history.invoke("vanish", user.number, limit=limit)
        closed = await wire.closed(limit + FOR_THE_WAY)
        world.history.see("ok", "vanish", user.number, operation, closed=closed is not None)
        tally.bites += proxy.bitten
        wire.end()
