"""What was said to be committed is on disk before anybody is told: a machine that loses its power takes nothing back."""

from collections.abc import Iterator, Sequence
from typing import Final

from netra.prove.checkers import Breach
from netra.prove.history import Seen
from netra.prove.targets import Ability

NEEDS: Final = frozenset({Ability.PROCESSES})


def check(records: Sequence[Seen]) -> Iterator[Breach]:
    """Judges `measured` records `acknowledgement`, each a transaction of which system calls tell whether it was `synced`."""
    for record in records:
        if record.kind == "measured" and record.name == "acknowledgement" and not record.data["synced"]:
            who = f"process {record.data['process']} of the database"
            witness = f"at {record.at:.1f} s {who} had said that a transaction is committed before it was on disk"
            yield Breach("durability", f"{witness} (line {record.data['line']} of the record)", (record,))
