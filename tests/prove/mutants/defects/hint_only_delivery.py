"""Readers learn of what other processes have written by hints alone; nobody looks whether one was lost."""

from tests.prove.mutants import Attack, Defect
from tests.prove.mutants.edit import Edit

DEFECT = Defect(
    edits=(Edit("netra.streams.streams", "            keys = list(self.hub.keys())\n", "            keys: list[Key] = []\n"),),
    checkers=("order",),
    within=120,
    attack=Attack(faults=("hints-lost",), users=4, seconds=8),
)
