"""Faults of those who want too much: floods, queues, storms of cancellations, connections without end."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Final

from netra.prove.answers import Lost, Refused
from netra.prove.faults import Bites, World, fault
from netra.prove.targets import Ability, Person

FLOOD: Final = 400
"""Requests of one user at once."""
QUEUED: Final = 200
"""Runs of one user at once."""
MOST_REQUESTS: Final = 1_000_000
"""More than a user sends in a proof."""
CYCLES: Final = 200


@fault("F25", alone=True, needs=(Ability.LOG,))
async def one_floods(world: World, tally: Bites) -> None:
    """One user asks four hundred times at once, three times over."""
    user = world.source.choice(list(world.users))
    tally.bite(user.number)
    async with user.person.apart() as flooder:
        for _ in range(3):
            await asyncio.gather(*(_quietly(flooder, user.threads[0]) for _ in range(FLOOD)))


async def _quietly(person: Person, thread: str) -> None:
    with suppress(Lost, Refused):  # being refused is what a flood is for
        await person.log(thread)


@fault("F26", alone=True)
async def one_queues(world: World, tally: Bites) -> None:
    """One user starts two hundred runs at once; everybody else's runs begin as ever."""
    user = world.source.choice([user for user in world.users if user.threads])
    tally.bite(user.number)
    async with user.person.apart() as flooder:
        # Its requests have numbers of their own: each is asked for once.
        busy = replace(user, person=flooder, requests=user.requests + MOST_REQUESTS)
        await asyncio.gather(*(busy.start_run() for _ in range(QUEUED)))


@fault("F27", needs=(Ability.LOG,))
async def cancel_storm(world: World, tally: Bites) -> None:
    """Two users' requests are broken off by the hundred, each at a moment of its own, while everybody works on."""
    users = world.source.sample([user for user in world.users if user.threads], 2)
    for _ in range(5):
        tasks = [asyncio.create_task(_quietly(user.person, user.threads[0])) for user in users for _ in range(20)]
        for task in world.source.sample(tasks, len(tasks)):
            await asyncio.sleep(world.source.uniform(0, 0.005))
            task.cancel()
            tally.bite()
        await asyncio.gather(*tasks, return_exceptions=True)


@fault("F43", needs=(Ability.RESUME,))
async def connection_cycles(world: World, tally: Bites) -> None:
    """Two hundred connections are opened, follow a thread, and are gone."""
    for _ in range(CYCLES):
        user = world.source.choice([user for user in world.users if user.threads])
        try:
            async with user.person.read({user.threads[0]: None}) as reader:
                await reader.next(0.05)
                reader.drop()
                tally.bite()
        except (Lost, Refused):
            await asyncio.sleep(0.05)
