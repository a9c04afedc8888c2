"""How much guard finds: faults of each class are put into real packages, at random places, and counted when they are found.

    python -m tests.guard.mutation FOLDER                          every operator on every package of packages.txt below FOLDER
    python -m tests.guard.mutation FOLDER --package letta --family A --count 40 --seed 7
    python -m tests.guard.mutation --list                          the operators

FOLDER/NAME is what `pip install --target FOLDER/NAME NAME --no-deps` makes; packages.txt has the versions. Nothing of a package
is changed or copied. The same packages, seed and guard give the same figures. Recall is told twice: over all faults, and over
those of which an independent witness knows all that is needed to see them (`witness.py`).
"""

import argparse
import gc
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from netra.guard.configuration import GuardConfiguration
from netra.guard.source.cache import FOLDER, Cache
from tests.guard.checkers.running import package
from tests.guard.mutation.operator import load
from tests.guard.mutation.recall import tables
from tests.guard.mutation.trial import Outcome, Subject, measured

PINNED: Final = Path(__file__).with_name("packages.txt")


class VersionDiffers(Exception):
    """A package is not there, or not in the version that is pinned."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure. Gives the exit code: 0 done, 2 could not run."""
    options = _parser().parse_args(arguments)
    chosen = [each for each in load().values() if not options.family or set(each.families[:1]) & set(options.family)]
    chosen = [each for each in chosen if not options.operator or each.name in options.operator]
    if options.list:
        sys.stdout.writelines(f"{each.family}  {each.name:25} {each.summary}\n" for each in chosen)
        return 0
    names = options.package or list(pinned())
    gc.disable()  # facts live to the end; looking for garbage among them only costs time
    outcomes: list[Outcome] = []
    every = tuple("ADEMST") if options.all_rules else ()
    try:
        for name in names:
            folder = options.folder / name
            found = package(folder)
            if found.version != pinned().get(name, found.version):
                raise VersionDiffers(f"{name} is {found.version} in {options.folder}, and pinned as {pinned()[name]}")
            subject = Subject(
                name,
                folder.resolve(),
                Cache(Path(options.cache_dir)),
                GuardConfiguration(select=every),
                options.jobs,
                owned=options.owners,
            )
            done = measured(subject, chosen, options.count, options.seed)
            outcomes += done.outcomes
            each = done.seconds / max(1, len(done.outcomes))
            sys.stderr.write(f"{name} {found.version}: {len(done.outcomes)} faults, {done.rounds} rounds, {each:.2f} s each\n")
            del subject, done
            gc.collect()
    except (FileNotFoundError, VersionDiffers) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"Seed {options.seed}, {options.count} faults of each operator and package: {', '.join(names)}.\n\n")
    sys.stdout.write(tables(outcomes))
    if options.output:
        options.output.write_text(json.dumps([each._asdict() for each in outcomes], indent=1) + "\n", "utf-8")
    return 0


def pinned() -> dict[str, str]:
    """Package → version, as packages.txt has them."""
    lines = PINNED.read_text("utf-8").splitlines()
    return dict(line.split("==", 1) for line in lines if line and not line.startswith("#"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.guard.mutation", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, default=Path(), help="where the packages are")
    parser.add_argument("--package", action="append", metavar="NAME", help="only this one; may be repeated")
    parser.add_argument("--family", default="", metavar="LETTERS", help="only operators of these families: AM")
    parser.add_argument("--operator", action="append", metavar="NAME", help="only this one; may be repeated")
    parser.add_argument(
        "--count", type=int, default=10, metavar="N", help="faults of each operator and package; 10 if not given"
    )
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--all-rules", action="store_true", help="also the rules that are off by default")
    parser.add_argument("--owners", action="store_true", help="name the modules that own the environment, where some do")
    parser.add_argument("--jobs", type=int, default=0, metavar="N", help="processes that read files; one per processor if 0")
    parser.add_argument("--cache-dir", default=FOLDER, metavar="FOLDER", help=f"guard's cache of facts; {FOLDER} if not given")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write every outcome there, as JSON")
    parser.add_argument("--list", action="store_true", help="list the operators, and do nothing")
    return parser


if __name__ == "__main__":
    sys.exit(main())
