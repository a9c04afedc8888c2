"""The fence of a run is ignored: a worker that was silent for longer than its lease goes on writing when it wakes."""

from tests.prove.mutants import Attack, Defect
from tests.prove.mutants.edit import Edit

DEFECT = Defect(
    edits=(
        Edit(
            "netra.streams.log",
            "OR t.fence = w.fence AND (\n"
            "              t.append_id = w.previous_id\n"
            "              OR w.previous_id = '00000000-0000-0000-0000-000000000000' "
            "AND t.append_fence IS DISTINCT FROM w.fence\n"
            "          )",
            "OR true",
            "append_batch",
        ),
        Edit("netra.streams.log", " AND (%(fence)s::bigint IS NULL OR fence = %(fence)s)", "", "append"),
        Edit(
            "netra.runs.worker",
            "            if fence != execution.claim.fence or state != State.RUNNING:\n",
            "            if state is None:\n",
        ),
    ),
    checkers=("run-ends",),
    within=120,
    attack=Attack(faults=("worker-paused-past-its-lease",), users=12, seconds=24, pace=0.2),
)
