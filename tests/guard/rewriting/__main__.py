"""What guard tells no more when programs with planted faults are written in another way that says the same.

python -m tests.guard.rewriting                  a table of all ways
python -m tests.guard.rewriting renamed tried    of these, with the codes of what is gone
"""

import argparse
import sys
from collections.abc import Sequence

from tests.guard.rewriting.rewrites import REWRITES
from tests.guard.rewriting.survivors import survivors


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.guard.rewriting", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("ways", nargs="*", metavar="WAY", help=f"all if none is given: {', '.join(REWRITES)}")
    options = parser.parse_args(arguments)
    if unknown := set(options.ways) - REWRITES.keys():
        parser.error(f"no such way: {', '.join(sorted(unknown))}; there are {', '.join(REWRITES)}")
    sys.stdout.write("| rewriting | told before | told no more | told only now |\n|---|---|---|---|\n")
    for name in options.ways or REWRITES:
        found = survivors(REWRITES[name])
        sys.stdout.write(f"| {name} | {found.before} | {found.gone.total()} | {found.fresh.total()} |\n")
        sys.stdout.flush()
        if options.ways:
            sys.stdout.write(f"gone: {dict(found.gone.most_common())}; only now: {dict(found.fresh.most_common())}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
