"""Agents that only the servers of `netra prove --self` have, for what no user can provoke from outside.

One kills the process that executes it, as a library with a fault in it does. The other tells what a run can see of its
surroundings, so that an attacker may look for what is somebody else's.
"""

import asyncio
import hashlib
import os
import re
import signal
from collections.abc import Iterable
from typing import Final

import netra
from netra.env import for_subprocess, get_env

MARK: Final = re.compile(r"mark-[0-9a-f]{32}")
"""A mark as `netra prove` plants it."""


@netra.agent("kills-its-worker", description="Ends the process that executes it, without a word, every time.")
async def kills_its_worker(ctx: netra.Context) -> None:
    """The kernel does the same to a process that takes too much memory."""
    await ctx.think("This is the last that anybody hears of this attempt.")
    os.kill(os.getpid(), signal.SIGKILL)


@netra.agent("tells-its-surroundings", description="Tells which marks a run finds around it, each as a digest.")
async def tells_its_surroundings(ctx: netra.Context) -> dict[str, list[str]]:
    """What the run itself, a thread of it and a process of it find in their environment.

    Digests, because a user's secrets are masked wherever a run shows them: the attacker could not tell whose they are.
    """
    before = digests(ctx.env.values())
    in_thread = await asyncio.to_thread(lambda: [*get_env().values()])
    # Every second run's process is given an environment, the others' inherit one: processes are what costs here.
    given = for_subprocess() if ctx.run_id.int % 2 else None
    in_process = await _environment_of_child(given)
    return {
        "run": before,
        "run later": digests(ctx.env.values()),
        "thread": digests(in_thread),
        "process": digests(in_process),
    }


async def _environment_of_child(given: dict[str, str] | None) -> list[str]:
    """What a process finds that is started with this environment; None: with whatever it gets."""
    child = await asyncio.create_subprocess_exec("env", "-0", env=given, stdout=asyncio.subprocess.PIPE)
    output, _ = await child.communicate()
    return output.decode("utf-8", "replace").split("\0")


def digests(texts: Iterable[str]) -> list[str]:
    """What the marks in these texts are known by, without naming them."""
    found = {mark for text in texts for mark in MARK.findall(text)}
    return sorted(hashlib.blake2b(mark.encode(), digest_size=16).hexdigest() for mark in found)


app = netra.Netra(agents=[kills_its_worker, tells_its_surroundings])
