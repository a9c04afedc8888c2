"""Faults of strangers: who names what belongs to another goes through the very doors that its owner goes through."""

from contextlib import suppress
from typing import Final

from netra.prove.answers import Lost, Refused
from netra.prove.faults import Bites, World, fault
from netra.prove.faults.access import FOR_NOW, comparable, probe
from netra.prove.targets import Work
from netra.prove.workload import User

PAIRS: Final = 4
"""Owners, each with a thief of their own."""
SOMEHOW_REFUSED: Final = (401, 403, 404, 405)


@fault("F32")
async def other_peoples_doors(world: World, tally: Bites) -> None:
    """A user names another's thread and run wherever its owner looks at them, and asks for work in that thread."""
    working = [user for user in world.users if user.runs]
    for _ in range(PAIRS):
        if len(working) >= 2:
            owner, thief = world.source.sample(working, 2)
            run = world.source.choice(sorted(owner.runs))
            await _look(world, tally, thief, owner.runs[run], run)
            with suppress(Lost, Refused):
                await thief.person.start_run(owner.runs[run], Work(f"{thief.person.mark} from elsewhere.", 2, 0), None)
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


def _changed(world: World, name: str) -> str:
    """An id like this one, of nobody."""
    return f"{name[:-12]}{world.source.getrandbits(48):012x}"
