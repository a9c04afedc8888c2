"""Faults of those who read: connections that break, readers that do not read, storms of returns."""

import asyncio

from netra.prove.faults import Bites, World, fault
from netra.prove.targets import Ability


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
