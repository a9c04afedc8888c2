"""One handler serves all sockets of a process, and what happens goes to whoever connected last."""

from tests.prove.mutants import Attack, Defect
from tests.prove.mutants.edit import Edit

MODULE = "netra.gateway.connection"

DEFECT = Defect(
    edits=(
        Edit(
            MODULE,
            "        self._presence.enter(self, over_socket=self._carrier.over_socket)\n",
            "        self._presence.enter(self, over_socket=self._carrier.over_socket)\n        HANDLER['present'] = self\n",
        ),
        Edit(
            MODULE,
            "        self._outbox.put(self._carrier.event(event), event)\n",
            "        HANDLER['present']._outbox.put(self._carrier.event(event), event)\n",
        ),
        Edit(MODULE, "\n\nclass Connection:\n", "\n\nHANDLER = {}\n\n\nclass Connection:\n"),
    ),
    checkers=("foreign-marks",),
    within=60,
    attack=Attack(users=4, seconds=3),
)
