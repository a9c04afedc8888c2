"""Guard beside the checkers that people use: the same packages, one run, what each finds and what it takes.

    python -m tests.guard.checkers run /tmp/pkgs/letta /tmp/pkgs/khoj    run all of them, write results.json
    python -m tests.guard.checkers run --only guard /tmp/pkgs/…          run one again, keep what is known of the rest
    python -m tests.guard.checkers sample --seed 7 /tmp/pkgs/…           draw what is to be judged, judged/CHECKER.csv
    python -m tests.guard.checkers table                                 the table, as docs/guard-accuracy.md shows it

A package is a folder made by `pip install --target FOLDER NAME --no-deps`. Each checker has an environment of its own, made
from its lock in locks/, and runs with its default configuration on the bare package, as `running.py` says. Which of its rules
belong to which family is in families.toml.
"""

import argparse
import gzip
import hashlib
import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tests.guard.accuracy import judged
from tests.guard.accuracy.judged import Judgement
from tests.guard.checkers.report import OTHER, CheckerFinding, family, findings
from tests.guard.checkers.running import COMMANDS, ENVIRONMENTS, ROOT, Package, package, run
from tests.guard.checkers.table import CHECKED, RESULTS, rendered_file

KEPT: Final = ENVIRONMENTS / "reports"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool. Gives the exit code."""
    options = _parser().parse_intermixed_args(arguments)
    if options.what == "table":
        sys.stdout.write(rendered_file(RESULTS, CHECKED))
        return 0
    packages = [package(folder.resolve()) for folder in options.packages]
    chosen = options.only or list(COMMANDS)
    if options.what == "run":
        measure(chosen, packages, options.jobs, options.limit)
    else:
        draw(chosen, packages, options.seed, options.count)
    return 0


def measure(chosen: Sequence[str], packages: Sequence[Package], jobs: int, limit: float) -> None:
    """Run each chosen checker on each package; what is known of other pairs stays."""
    results: dict[str, Any] = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    for each in packages:
        for checker in chosen:
            timed = run(checker, each, jobs=jobs, limit=limit)
            found = findings(checker, timed.printed, each.folder) if timed.ended else []
            _keep(checker, each, found)
            counts = Counter(family(checker, one) for one in found)
            results.setdefault(checker, {})[each.name] = {
                "version": each.version,
                "ended": timed.ended,
                "limit": limit,
                "jobs": jobs,
                "load": round(os.getloadavg()[0], 1),
                "wall": round(timed.wall, 1),
                "processor": round(timed.processor, 1),
                "findings": len(found),
                "families": dict(sorted(counts.items())),
            }
            RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n", "utf-8")
            sys.stdout.write(f"{each.name:12} {checker:13} {len(found):7,} {timed.wall:7.1f} s\n")
            sys.stdout.flush()


def draw(chosen: Sequence[str], packages: Sequence[Package], seed: int, count: int) -> None:
    """Write the sample of each checker's findings within guard's families; verdicts that were given stay."""
    for checker in chosen:
        file = CHECKED / f"{checker}.csv"
        items = [
            ((each.name, family(checker, one)), _row(each, one))
            for each in packages
            for one in _kept(checker, each)
            if family(checker, one) not in (OTHER, "G")
        ]
        rows = judged.with_verdicts(judged.drawn(items, count, seed), judged.read(file))
        judged.write(file, rows)
        left = sum(row.verdict == judged.OPEN for row in rows)
        sys.stdout.write(f"{checker}: {len(rows)} of {len(items)}, {left} to judge, in {file.relative_to(ROOT)}\n")


def _row(of: Package, finding: CheckerFinding) -> Judgement:
    key = "\0".join(map(str, finding))
    fingerprint = hashlib.blake2b(key.encode(), digest_size=10).hexdigest()
    return Judgement(of.name, of.version, finding.rule, finding.path, finding.line, finding.message[:300], fingerprint)


def _keep(checker: str, of: Package, found: Sequence[CheckerFinding]) -> None:
    # Some reports have a hundred thousand lines: kept beside the environments, not in the repository.
    KEPT.mkdir(parents=True, exist_ok=True)
    with gzip.open(KEPT / f"{checker}-{of.name}.json.gz", "wt", encoding="utf-8") as file:
        json.dump(found, file)


def _kept(checker: str, of: Package) -> list[CheckerFinding]:
    file = KEPT / f"{checker}-{of.name}.json.gz"
    if not file.exists():
        return []
    with gzip.open(file, "rt", encoding="utf-8") as opened:
        return [CheckerFinding(*each) for each in json.load(opened)]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.guard.checkers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["run", "sample", "table"])
    parser.add_argument("packages", nargs="*", type=Path, metavar="FOLDER", help="a folder with one installed package")
    parser.add_argument("--only", action="append", choices=COMMANDS, help="this checker; may be repeated")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="processes, where a checker has them"
    )
    parser.add_argument("--limit", type=float, default=1800, metavar="SECONDS", help="of each run; 1,800 if not given")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--count", type=int, default=25, metavar="N", help="how many to judge of each checker; 25 if not given")
    return parser


if __name__ == "__main__":
    sys.exit(main())
