"""What is written is acknowledged and shown before it is safe: the commit on disk comes after the answer.

By the setting of PostgreSQL that trades exactly this for speed. Only a crash of the database shows it.
"""

from tests.prove.mutants import Attack, Defect
from tests.prove.mutants.edit import Edit

DEFECT = Defect(
    edits=(Edit("netra.db.database", "-c jit=off", "-c jit=off -c synchronous_commit=off"),),
    checkers=("order", "run-ends"),
    within=120,
    attack=Attack(faults=("database-restarted",), users=12, seconds=14, pace=0.15, settle=15),
)
