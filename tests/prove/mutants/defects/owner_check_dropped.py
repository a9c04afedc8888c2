"""Who resumes a thread is not asked whose it is: its id is enough to read it."""

from tests.prove.mutants import Attack, Defect
from tests.prove.mutants.edit import Edit

DEFECT = Defect(
    edits=(
        Edit(
            "netra.gateway.connection",
            "        subscription = self._streams.subscription(self.identity.user_id, thread_id, self)\n",
            "        owner = self.identity.user_id\n"
            "        if cursor is not None:\n"
            "            async with self._streams.database.system().transaction() as connection:\n"
            "                query = 'SELECT user_id FROM thread WHERE id = %s'\n"
            "                (owner,) = await (await connection.execute(query, [thread_id])).fetchone() or (owner,)\n"
            "        subscription = self._streams.subscription(owner, thread_id, self)\n",
        ),
    ),
    checkers=("foreign-marks",),
    within=60,
    attack=Attack(faults=("other-peoples-threads",)),
)
