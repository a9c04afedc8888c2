"""Faults of readers to whom much is said, and who hear nothing of it."""

import asyncio
import json
from typing import Final

from netra.prove.answers import Lost
from netra.prove.faults import Bites, World, fault
from netra.prove.targets import Ability
from netra.prove.wire import frame
from netra.prove.workload import User

SOCKETS: Final = 3
STEPS: Final = 1000
"""Of each run that talks, the most that the demo takes."""
SAID: Final = 1_100_000
"""Bytes that are said meanwhile, at least, or nothing is proved."""
KEPT: Final = 950_000
"""Bytes that may have been kept for a socket: half a MiB by a server of our own, the rest by two kernels and by us."""
TALK_FOR: Final = 120.0
"""Seconds that the talk may take. A machine that has little else to do needs a few."""
DEAF_FOR: Final = 14.0
"""Seconds more in which nothing is read. Before ten a server may wait, and give who reads again the rest from its log."""
SLOW: Final = (4408, 1001, 1006, 1011)
"""Closed as too slow, or because the server went meanwhile."""
CLOSED_WITHIN: Final = 5.0


@fault("F17", "F18", ours=True, alone=True, needs=(Ability.RESUME, Ability.ISOLATION))
async def talk_to_the_deaf(world: World, tally: Bites) -> None:
    """Sockets follow threads that talk by the megabyte, and never read: they are closed, and little was kept for them."""
    user = world.source.choice([user for user in world.users if user.threads])
    wires = []
    for _ in range(SOCKETS):
        try:
            wire = await user.person.handshake({"Origin": user.person.url})
        except Lost:
            continue
        for thread in user.threads:
            wire.send(frame(json.dumps({"type": "subscribe", "thread_id": thread}).encode()))
        wires.append(wire)
    said = await _talk(world, user)
    await asyncio.sleep(DEAF_FOR)
    for wire in wires:
        operation = world.history.invoke("probe", user.number, what="a socket that reads nothing", expected=[*SLOW])
        code = await wire.closed(CLOSED_WITHIN)
        wire.end()
        if said < SAID:
            world.history.see("unknown", "probe", user.number, operation, why=f"only {said} bytes were said")
            continue
        world.history.see("ok", "probe", user.number, operation, status=code)
        kept = {"when": "kept", "value": wire.received, "room": KEPT}
        world.history.see("measured", "bytes for a socket that reads nothing", user.number, **kept)
        tally.bite(user.number)


async def _talk(world: World, user: User) -> int:
    """Let the user's threads talk. Returns the bytes of what was said, as far as somebody who reads was told."""
    said, until = 0, world.history.age + TALK_FOR
    talks = asyncio.gather(*(user.talk(thread, STEPS) for thread in user.threads))
    async with user.person.read(user.follower.cursors) as reader:
        while said < SAID and world.history.age < until:
            event = await reader.next(1.0)
            said += len(event.text) if event is not None else 0
    await talks
    return said
