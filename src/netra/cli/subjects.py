"""What only the servers of `netra prove --self` serve, for what no user can provoke from outside.

One agent kills the process that executes it, as a library with a fault in it does. The other tells what a run can see of
its surroundings, so that an attacker may look for what is somebody else's. And their clock jumps when it is told to.
"""

import asyncio
import hashlib
import os
import re
import signal
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, Self

import netra
from netra.clock import SystemClock
from netra.env import for_subprocess, get_env

MARK: Final = re.compile(r"mark-[0-9a-f]{32}")
"""A mark as `netra prove` plants it."""
JUMP: Final = timedelta(hours=1)
"""More than any token lives."""


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


class JumpingClock(SystemClock):
    """The machine's clock, and from SIGUSR1 on one that is an hour ahead of it, from SIGUSR2 on one that is an hour behind.

    As one that somebody has set: the seconds that pass are not touched, only what they are called. Signals of one kind that
    come at once are one, so each says what the clock is to be and not by how much it is to move.
    """

    def __init__(self) -> None:
        self._off = timedelta()

    def now(self) -> datetime:
        return super().now() + self._off

    def listen(self) -> Self:
        """Hear the signals, from now on."""
        signal.signal(signal.SIGUSR1, lambda _number, _frame: self.be_off_by(JUMP))
        signal.signal(signal.SIGUSR2, lambda _number, _frame: self.be_off_by(-JUMP))
        return self

    def be_off_by(self, off: timedelta) -> None:
        self._off = off


def digests(texts: Iterable[str]) -> list[str]:
    """What the marks in these texts are known by, without naming them."""
    found = {mark for text in texts for mark in MARK.findall(text)}
    return sorted(hashlib.blake2b(mark.encode(), digest_size=16).hexdigest() for mark in found)


app = netra.Netra(agents=[kills_its_worker, tells_its_surroundings], clock=JumpingClock().listen())
