"""Attack other servers, and Netra, with the same proof, and write docs/comparison.md.

    python -m tests.prove.comparison                            all of them
    python -m tests.prove.comparison --only agno langgraph      these again, the rest as it was found last
    python -m tests.prove.comparison --users 12 --seconds 25 --seed 7
    python -m tests.prove.comparison --page                     the page alone, from results.json

Each contestant has an environment of its own, made once from its lock in requirements/; `make lock` writes the locks.
"""

import argparse
import datetime as dt
import json
import os
import platform
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.prove.comparison.contestants import CONTESTANTS
from tests.prove.comparison.running import DidNotStart, Trial, judged, versions
from tests.prove.comparison.table import PAGE, RESULTS, rendered

KEPT: Final = ("verdict", "promises", "not_applicable", "breaches", "doubts", "faults", "operations", "events")
WITNESSES: Final = 3
"""Breaches of one server that are kept of each promise."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare. Gives the exit code: 0 done, 1 a server did not start."""
    options = _parser().parse_args(arguments)
    known: dict[str, Any] = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    failed = 0 if options.page else _compare(options, known)
    PAGE.write_text(rendered(known), "utf-8")
    return failed


def _compare(options: argparse.Namespace, known: dict[str, Any]) -> int:
    trial = Trial(options.users, options.seconds, options.seed)
    entries = {entry["title"]: entry for entry in known.get("contestants", ())}
    if known.get("trial") not in (None, {"users": trial.users, "seconds": trial.seconds, "seed": trial.seed}):
        entries = {}  # what was found under another attack does not belong beside this
    failed = 0
    for contestant in CONTESTANTS:
        if options.only and contestant.target not in options.only:
            continue
        with tempfile.TemporaryDirectory(prefix="netra-comparison-") as folder:
            try:
                told = judged(contestant, trial, Path(folder))
            except DidNotStart as error:
                sys.stderr.write(f"{contestant.title}: {error}\n")
                failed = 1
                continue
        entry = {name: told[name] for name in KEPT}
        entry["breaches"] = _few(told["breaches"])
        entries[contestant.title] = {"title": contestant.title, "versions": versions(contestant), **entry}
        sys.stderr.write(f"{contestant.title}: {told['verdict']}\n")
        _keep(known, trial, entries)
    return failed


def _keep(known: dict[str, Any], trial: Trial, entries: Mapping[str, Any]) -> None:
    """Write what has been found so far: the next server may take long, or never start."""
    known["trial"] = {"users": trial.users, "seconds": trial.seconds, "seed": trial.seed}
    known["date"] = dt.datetime.now(dt.UTC).date().isoformat()
    known["machine"] = f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    known["contestants"] = [entries[each.title] for each in CONTESTANTS if each.title in entries]
    RESULTS.write_text(json.dumps(known, indent=1) + "\n", "utf-8")


def _few(breaches: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    kept: dict[str, list[dict[str, str]]] = {}
    for row in breaches:
        kept.setdefault(row["checker"], []).append({"checker": row["checker"], "witness": row["witness"]})
    return [row for rows in kept.values() for row in rows[:WITNESSES]]


def _parser() -> argparse.ArgumentParser:
    words = "Other servers, judged by the same proof."
    parser = argparse.ArgumentParser(prog="python -m tests.prove.comparison", description=words)
    parser.add_argument("--only", nargs="+", choices=sorted({each.target for each in CONTESTANTS}), default=[])
    parser.add_argument("--users", type=int, default=12)
    parser.add_argument("--seconds", type=int, default=25)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--page", action="store_true", help="write the page from what was found last")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
