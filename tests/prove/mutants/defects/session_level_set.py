"""Whose rows are seen is set for the session of a pooled connection, and the next who borrows it is taken for the last.

Netra names the user in nearly every query besides, so most of it only finds too little. What relies on the database alone,
as the names of secrets do, shows somebody else's.
"""

from tests.prove.mutants import Attack, Defect
from tests.prove.mutants.edit import Edit

DEFECT = Defect(
    edits=(
        Edit("netra.db.scope", "set_config('netra.user_id', {user}, true)", "set_config('netra.user_id', {user}, false)"),
        Edit("netra.db.scope", "                await session.execute(_BEGIN_SESSION, self._begin)\n", ""),
    ),
    checkers=("foreign-marks",),
    within=90,
    # One connection a process, so that it is the user's own but for those who come between: as on a developer's machine.
    attack=Attack(users=6, seconds=15, pace=0.1, settings={"NETRA_DATABASE_POOL_SIZE": "1"}),
)
