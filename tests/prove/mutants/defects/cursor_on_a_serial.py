"""Positions of events come from a serial of the database, drawn before the row of the thread is locked."""

from tests.prove.mutants import Attack, Defect
from tests.prove.mutants.edit import Edit

MODULE = "netra.streams.log"
# The number of a transaction is such a serial: it is drawn when one begins to write, and others commit before it.
DRAWN = "pg_current_xact_id()::text::bigint * 1000"

DEFECT = Defect(
    edits=(
        Edit(MODULE, "t.append_base, w.run_id,", f"t.append_base, {DRAWN} AS drawn, w.run_id,", "append_batch"),
        Edit(
            MODULE,
            "head = t.head + l.n, append_id = l.append_id, append_fence = l.fence, append_base = t.head,",
            "head = greatest(t.head, l.drawn + l.n), append_id = l.append_id, append_fence = l.fence, append_base = l.drawn,",
            "append_batch",
        ),
        Edit(
            MODULE,
            "WITH moved AS (\n    UPDATE thread SET head = head + %(n)s,",
            f"WITH serial AS MATERIALIZED (SELECT {DRAWN} AS drawn), moved AS (\n"
            "    UPDATE thread SET head = greatest(head, serial.drawn + %(n)s),",
            "append",
        ),
        Edit(MODULE, "    WHERE user_id = %(user_id)s AND id", "    FROM serial WHERE user_id = %(user_id)s AND id", "append"),
        Edit(MODULE, "RETURNING head - %(n)s AS base,", "RETURNING serial.drawn AS base,", "append"),
    ),
    checkers=("order",),
    within=60,
    attack=Attack(users=4, seconds=3),
)
