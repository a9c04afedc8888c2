"""Faults of runs: one that kills every worker it meets, and a thousand that look around for what is not theirs."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, Final

from netra.prove.answers import Lost, Refused
from netra.prove.faults import Bites, World, fault
from netra.prove.marks import new_mark
from netra.prove.targets import Ability
from netra.prove.workload import User

ATTEMPTS: Final = 3
"""Times that a run is started before it counts as failed (specification, section 5)."""
GIVEN_UP_WITHIN: Final = 120.0
"""Seconds for as many attempts. After each the lease of a dead worker has to run out, which takes ten."""
LOOKS: Final = 1000
EACH: Final = 25
"""Runs that look around, in all and of one user, at most."""
LOOKED_WITHIN: Final = 90.0
READ_METRICS: Final = 8
"""Users who read the metrics afterwards: enough that every gateway is asked by two of them."""
SHOWN: Final = "SURROUNDINGS"
"""The secret that each of them has to find, and nobody else's."""


@fault("F41", ours=True)
async def run_kills_its_worker(world: World, tally: Bites) -> None:
    """A run kills every worker that executes it, until its attempts are used up, and then ends as a failed one."""
    assert world.servers is not None
    user = world.source.choice([user for user in world.users if user.threads])
    before = world.servers.workers_killed
    operation = world.history.invoke("deadly_run", user.number, attempts=ATTEMPTS)
    async with _own_thread(user) as thread:
        seen = await _seen_to_its_end(user, await _start(user, thread, "kills-its-worker"), GIVEN_UP_WITHIN)
    tally.bites += world.servers.workers_killed - before
    known = {name: seen.get(name) for name in ("state", "attempt")}
    world.history.see("ok" if seen else "unknown", "deadly_run", user.number, operation, run=seen.get("id"), **known)


@fault("F36", ours=True, needs=(Ability.SECRETS,))
async def runs_look_around(world: World, tally: Bites) -> None:
    """A thousand runs of all users look for others' secrets at the same time: in environment, threads and processes."""
    owners: dict[str, int] = {}
    users = [user for user in world.users if user.threads]
    for user in users:
        secret = new_mark(world.source)
        user.plant(secret, user.number)
        owners[hashlib.blake2b(secret.encode(), digest_size=16).hexdigest()] = user.number
        await user.attempt("set_secret", partial(_keep, user, secret))
    each = min(EACH, -(-LOOKS // len(users)))
    tally.bites += sum(await asyncio.gather(*(_look_around(world, user, owners, each) for user in users)))
    for user in world.source.sample(users, min(READ_METRICS, len(users))):
        # Searched like all that a user receives; no metric may hold anybody's mark, and of several users one finds each.
        await user.person.raw("GET", "/metrics")


async def _keep(user: User, secret: str) -> dict[str, Any]:
    await user.person.do("set_secret", name=SHOWN, value=secret)
    return {}


async def _look_around(world: World, user: User, owners: dict[str, int], times: int) -> int:
    """Let runs look. Returns how many have found their own user's secret, as each has to in order to prove anything."""
    found = 0
    with suppress(Lost, Refused):  # something else goes wrong meanwhile: what has been found until then counts
        async with _own_thread(user) as thread:
            runs = [await _start(user, thread, "tells-its-surroundings") for _ in range(times)]
            for run in runs:
                result = (await _seen_to_its_end(user, run, LOOKED_WITHIN)).get("result") or {}
                _judge(world, user, owners, run, result)
                found += any(owners.get(digest) == user.number for digest in result.get("run", ()))
    return found


def _judge(world: World, user: User, owners: dict[str, int], run: str, result: Mapping[str, list[str]]) -> None:
    for where, digests in result.items():
        for owner in {owners[digest] for digest in digests if digest in owners} - {user.number}:
            place = f"the {where} of run {run}"
            world.history.see("foreign", "surroundings", user.number, owner=owner, where=place, excerpt="a secret")


@asynccontextmanager
async def _own_thread(user: User) -> AsyncIterator[str]:
    """A thread in which no other run stands in the way, and no run is cancelled; the user has it, too, afterwards."""
    thread = await user.person.new_thread(f"Apart {user.person.mark}")
    user.follower.follow(thread)
    try:
        yield thread
    finally:
        user.threads.append(thread)


async def _start(user: User, thread: str, agent: str) -> str:
    return str((await user.person.do("start_agent", thread=thread, agent=agent))["run"])


async def _seen_to_its_end(user: User, run: str, within: float) -> Any:
    """The run as the server shows it after its end; nothing when that is not seen in so many seconds."""
    until = user.history.age + within
    while user.history.age < until:
        if run in user.ended:
            try:
                return await user.person.do("look_at_run", run=run)
            except Lost:
                pass  # the server is away for the moment
        await asyncio.sleep(0.2)
    return {}
