"""How much guard finds, by default, of what was planted in small programs: of those that were read, and of those held back.

python -m tests.guard.excerpts
"""

import sys
import tempfile
from pathlib import Path

from tests.guard.excerpts import excerpts


def main() -> int:
    sys.stdout.write("| excerpts | read by those who mend | held back | decoys told |\n|---|---|---|---|\n")
    for name in excerpts.names():
        cells, decoys = [], 0
        for held_back in (False, True):
            with tempfile.TemporaryDirectory() as folder:
                found = list(excerpts.scores(name, Path(folder), held_back=held_back))
            number = sum(len(each.found) for each in found)
            cells.append(f"{number} of {number + sum(len(each.missed) for each in found)}")
            decoys += sum(len(each.decoys) for each in found)
        sys.stdout.write(f"| {name} | {cells[0]} | {cells[1]} | {decoys} |\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
