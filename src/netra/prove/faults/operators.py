"""What operators and plans do to users at work: plans that change, allowances that run out, runs that kill their worker."""

import asyncio
from typing import Final

from netra.prove.faults import Bites, World, fault
from netra.prove.history import operations
from netra.prove.targets import Ability
from netra.prove.workload import User

ALLOWANCE: Final = ("list_agents", 100)
"""A tool, and how often a new user may use it a day (specification, section 6)."""
TRIED: Final = 130
CHANGES: Final = 8
"""Each is a command of its own, and takes a second of a processor."""


@fault(ours=True, alone=True, needs=(Ability.PLANS,))
async def plan_changed(world: World, tally: Bites) -> None:
    """An operator gives users another plan while they are at work; every open connection hears of it."""
    assert world.servers is not None
    for user in (await world.readers(0.1))[:CHANGES]:
        operation = world.history.invoke("change_plan", user.number)
        readers = [user.follower.name] if user.follower.reader is not None else []
        await world.servers.set_plan(user.person.email, "pro")
        world.history.see("ok", "change_plan", user.number, operation, plan="pro", readers=readers)
        tally.bite()


@fault(needs=(Ability.TOOLS, Ability.PLANS))
async def allowance_used_up(world: World, tally: Bites) -> None:
    """A user uses a tool more often than their plan allows, all at once and over every server."""
    changed = {each.user for each in operations(world.history) if each.name == "change_plan"}
    user = world.source.choice([user for user in world.users if user.number not in changed])
    tool, allowance = ALLOWANCE
    await asyncio.gather(*(_use(user, tool, allowance) for _ in range(TRIED)))
    tally.bites += TRIED


async def _use(user: User, tool: str, allowance: int) -> None:
    async def work() -> dict[str, object]:
        await user.person.do("use_tool", tool=tool, arguments={})
        return {}

    await user.attempt("use_tool", work, tool=tool, allowance=allowance)
