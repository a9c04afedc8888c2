"""Faults of those who come back to where they do not belong: to a thread of somebody else, or to a history that is no more."""

import asyncio
from typing import Any, Final

from netra.prove.answers import Lost, Refused
from netra.prove.faults import Bites, World, fault
from netra.prove.follower import Watcher
from netra.prove.targets import Ability
from netra.prove.workload import User

LISTEN_FOR: Final = 3.0
"""Seconds in which somebody who was let in would hear something."""
CAUGHT_UP_WITHIN: Final = 10.0
"""Seconds for reading again what a thread holds."""


@fault("F32", "F39", needs=(Ability.RESUME, Ability.ISOLATION))
async def other_peoples_threads(world: World, tally: Bites) -> None:
    """A user follows the threads of another: from their beginning, and from where their owner is."""
    owner, thief = world.source.sample([user for user in world.users if user.threads], 2)
    for thread in owner.threads:
        for cursor in (None, owner.follower.cursors.get(thread)):
            await _follow(world, tally, thief, thread, cursor)


async def _follow(world: World, tally: Bites, thief: User, thread: str, cursor: Any) -> None:
    """Silence is unknown: a server may refuse by it."""
    what = f"to follow somebody else's thread from {'its beginning' if cursor is None else 'where they are'}"
    operation = world.history.invoke("probe", thief.number, what=what, expected=[404])
    status = 0
    try:
        async with thief.person.read({thread: cursor}) as reader:
            until = world.history.age + LISTEN_FOR
            # All that comes, and not the first of it alone: what it says is looked through for the owner's mark.
            while (left := until - world.history.age) > 0 and await reader.next(left) is not None:
                status = 200
    except Refused as error:
        status = error.status
    except Lost as error:
        world.history.see("unknown", "probe", thief.number, operation, why=str(error))
        return
    if status:
        world.history.see("ok", "probe", thief.number, operation, status=status)
    else:
        world.history.see("unknown", "probe", thief.number, operation, why="nothing came")
    tally.bite()


@fault("F39", needs=(Ability.RESUME, Ability.EPOCHS))
async def history_replaced(world: World, tally: Bites) -> None:
    """A reader comes back with a cursor of another epoch, as after a restored backup, and has to be given everything again."""
    user = world.source.choice(list(world.users))
    until = world.history.age + CAUGHT_UP_WITHIN
    while not (known := _places(user)):
        if world.history.age > until:
            return
        await asyncio.sleep(0.1)
    thread = world.source.choice(sorted(known))
    epoch, seq = known[thread]
    returned = Watcher(user.person, world.history, world.source, "a reader with a cursor of another epoch")
    returned.cursors[thread] = epoch + 1, seq
    heard = asyncio.Event()
    returned.on_event = lambda _: heard.set()
    reading = asyncio.create_task(returned.run(), name=returned.name)
    until = world.history.age + CAUGHT_UP_WITHIN
    try:
        # Whoever is not told of a reset waits for what is new; so something new has to come.
        await user.talk(thread, steps=1)
        while world.history.age < until and not (heard.is_set() and returned.has(thread, seq)):  # noqa: ASYNC110 - it ends too
            await asyncio.sleep(0.1)
    finally:
        returned.end()
        await reading
    if heard.is_set():
        tally.bite(user.number)


def _places(user: User) -> dict[str, tuple[int, int]]:
    """Where the user's follower is in each thread of which it has seen something."""
    return {thread: cursor for thread, cursor in user.follower.cursors.items() if cursor is not None and cursor[1] > 0}
