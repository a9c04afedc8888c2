"""What waits for a slow reader has no bound, neither in bytes nor in time."""

from tests.prove.mutants import Attack, Defect
from tests.prove.mutants.edit import Edit

DEFECT = Defect(
    edits=(
        Edit(
            "netra.gateway.outbox",
            "        full = len(self._queue) > 0 and self._bytes + len(frame) > self._limit\n",
            "        full = False\n",
        ),
        Edit("netra.gateway.outbox", "            while self._bytes > self._limit // 4:\n", "            while False:\n"),
        Edit("netra.gateway.outbox", "async with asyncio.timeout(self._deadline)", "async with asyncio.timeout(None)"),
        Edit(
            "netra.gateway.outbox",
            "                    self._patience.reschedule(at + self._deadline)\n",
            "                    pass\n",
        ),
    ),
    checkers=("leaks",),
    within=180,
    # Neither a ping nor the end of a token is to let go of the deaf before enough was said to them, however slow the machine.
    attack=Attack(
        faults=("talk-to-the-deaf",),
        seconds=16,
        pace=2,
        settings={"NETRA_PING_INTERVAL": "300", "NETRA_ACCESS_TOKEN_LIFETIME": "900"},
    ),
)
