"""How much guard finds, by default, of faults that somebody has put into real packages by hand.

python -m tests.guard.by_hand FOLDER

FOLDER/NAME is what `uv pip install --target FOLDER/NAME NAME==VERSION --no-deps` makes.
"""

import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.guard.by_hand.by_hand import PatchFails, found_in, packages


def main(arguments: Sequence[str]) -> int:
    """Measure. Gives the exit code: 0 done, 2 a package is missing or another one."""
    if len(arguments) != 1:
        sys.stderr.write(__doc__ or "")
        return 2
    found, missed = Counter[str](), Counter[str]()
    for name in packages():
        with tempfile.TemporaryDirectory() as folder:
            try:
                result = found_in(Path(arguments[0]) / name, name, Path(folder))
            except (PatchFails, FileNotFoundError) as error:
                sys.stderr.write(f"{error}\n")
                return 2
        found.update(each.family for each in result.found)
        missed.update(each.family for each in result.missed)
        sys.stderr.writelines(f"missed: {name} {each.path}:{each.line} {each.family} {each.why}\n" for each in result.missed)
    sys.stdout.write("| family | found |\n|---|---|\n")
    families = sorted({*found, *missed})
    sys.stdout.writelines(f"| {each} | {found[each]} of {found[each] + missed[each]} |\n" for each in families)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
