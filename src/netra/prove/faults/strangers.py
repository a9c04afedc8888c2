"""Faults of strangers: who names what belongs to another goes through the very doors that its owner goes through."""

import asyncio
from typing import Final

from netra.prove.answers import Lost, Refused
from netra.prove.faults import Bites, World, fault
from netra.prove.faults.access import FOR_NOW, comparable, probe
from netra.prove.targets import Ability, Work
from netra.prove.workload import User

PAIRS: Final = 4
"""Owners, each with a thief of their own."""
WORK_WITHIN: Final = 20.0
"""Seconds that it waits for a first run to steal."""
SOMEHOW_REFUSED: Final = (401, 403, 404, 405)


@fault("F32")
async def other_peoples_doors(world: World, tally: Bites) -> None:
    """A user names another's thread and run wherever its owner looks at them, and asks for work in that thread."""
    until = world.history.age + WORK_WITHIN
    while not any(user.runs for user in world.users) and world.history.age < until:  # noqa: ASYNC110 - it ends by itself too
        await asyncio.sleep(0.1)
    for _ in range(PAIRS):
        owners = [user for user in world.users if user.runs]
        if owners and len(world.users) > 1:
            owner = world.source.choice(owners)
            thief = world.source.choice([user for user in world.users if user is not owner])
            run = world.source.choice(sorted(owner.runs))
            await _look(world, tally, thief, owner.runs[run], run)
            await _work(world, thief, owner.runs[run])
            tally.bite()


async def _look(world: World, tally: Bites, thief: User, thread: str, run: str) -> None:
    """What is somebody else's has to be answered as what is nobody's, whatever a server says to that."""
    nobodys = _changed(world, thread), _changed(world, run)
    for unknown, theirs in zip(thief.person.doors(*nobodys), thief.person.doors(thread, run), strict=True):
        try:
            status, body = await thief.person.raw(unknown.method, unknown.path, **unknown.more)
        except Lost:
            continue
        if status not in FOR_NOW:
            what = f"{theirs.method} {theirs.path.replace(thread, 'ID').replace(run, 'ID')} of somebody else"
            said = comparable(body, nobodys)
            request = (theirs.method, theirs.path)
            expected = (*SOMEHOW_REFUSED, status)
            await probe(world, tally, thief, what, expected, request, same_as=said, hide=(thread, run), **theirs.more)


async def _work(world: World, thief: User, thread: str) -> None:
    """Where the server keeps threads, it has to refuse this; elsewhere only what comes of it is judged."""
    expected = [*SOMEHOW_REFUSED, 409] if Ability.LOG in world.target.abilities else None
    operation = world.history.invoke("probe", thief.number, what="a run in a thread of somebody else", expected=expected)
    try:
        await thief.person.start_run(thread, Work(f"{thief.person.mark} from elsewhere.", 2, 0), None)
    except Refused as error:
        world.history.see("unknown" if error.limited else "ok", "probe", thief.number, operation, status=error.status)
    except Lost as error:
        world.history.see("unknown", "probe", thief.number, operation, why=str(error)[:200])
    else:
        world.history.see("ok", "probe", thief.number, operation, status=200)


def _changed(world: World, name: str) -> str:
    """An id like this one, of nobody."""
    return f"{name[:-12]}{world.source.getrandbits(48):012x}"
