"""A cursor is a position alone: that the history it is of was replaced is not noticed."""

from tests.prove.mutants import Attack, Defect
from tests.prove.mutants.edit import Edit

DEFECT = Defect(
    edits=(
        Edit(
            "netra.streams.cursor",
            "    if cursor.epoch is not None and cursor.epoch != position.epoch:\n"
            '        return Resume(position.tail, "epoch_changed")\n',
            "",
        ),
    ),
    checkers=("order",),
    within=90,
    attack=Attack(faults=("history-replaced",), seconds=8),
)
