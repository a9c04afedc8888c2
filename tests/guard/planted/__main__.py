"""How much guard finds, by default, of what was planted in whole backends.

python -m tests.guard.planted                 a table of all of them
python -m tests.guard.planted alpha --missed  and what is missed, with what those who planted it say
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.guard.planted import planted

FAMILIES = "AEMDST"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.guard.planted", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("programs", nargs="*", metavar="NAME", help=f"all if none is given: {', '.join(planted.names())}")
    parser.add_argument("--select", default="", metavar="CODES", help="these rules or families instead of the default ones")
    parser.add_argument("--missed", action="store_true", help="say which faults are missed")
    options = parser.parse_args(arguments)
    sys.stdout.write(f"| program | {' | '.join(FAMILIES)} | together | decoys told |\n|{'---|' * (len(FAMILIES) + 3)}\n")
    said: list[str] = []
    for name in options.programs or planted.names():
        result = _scored(name, options.select)
        of = [result.of(family) for family in FAMILIES]
        cells = [f"{found} of {number}" for found, number in [*of, (len(result.found), len(result.found) + len(result.missed))]]
        sys.stdout.write(f"| {name} | {' | '.join(cells)} | {len(result.decoys)} |\n")
        said += [f"{name}: told {one.code} {each.path}:{each.line}, which is right: {each.why}" for each, one in result.decoys]
        if options.missed:
            said += [f"{name}: missed {each.family} {each.kind} {each.path}:{each.line}: {each.why}" for each in result.missed]
    sys.stdout.writelines(f"{line}\n" for line in said)
    return 0


def _scored(name: str, select: str) -> planted.Score:
    with tempfile.TemporaryDirectory() as folder:
        truth = planted.unpack(name, Path(folder))
        told = planted.look(Path(folder), *(["--select", select] if select else []))
    return planted.score(truth, told)


if __name__ == "__main__":
    sys.exit(main())
