"""Backends with planted faults, and which of them guard finds.

Each was written by people who knew the families of guard and nothing of guard itself: a server with agents as a company would
have it, faults of every family as developers make them by mistake, and beside each a *decoy*, which looks like it and is right.
`NAME.zip` holds the program and `truth.csv`: path, line, family, kind, fault or decoy, why.
"""

import csv
import json
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

PROGRAMS: Final = Path(__file__).parent
FAULT, DECOY = "fault", "decoy"

# A statement of several lines has one line for whoever planted the fault, and perhaps the next for guard.
NEAR: Final = 1


class Planted(NamedTuple):
    """One line of `truth.csv`; `sort` is "fault" or "decoy"."""

    path: str
    line: int
    family: str
    kind: str
    sort: str
    why: str


class Told(NamedTuple):
    """One finding: its code, its message, and where it and the steps of its proof stand, as path, first and last line."""

    code: str
    message: str
    place: tuple[str, int, int]
    proof: tuple[tuple[str, int, int], ...]

    def below(self, folder: str) -> "Told":
        """With its paths as they are seen from a folder; `folder` ends in a slash."""
        path, first, last = self.place
        seen = tuple((each.rpartition(folder)[2], line, end) for each, line, end in self.proof)
        return self._replace(place=(path.rpartition(folder)[2], first, last), proof=seen)


class Score(NamedTuple):
    """What guard says of one program."""

    found: tuple[Planted, ...]
    missed: tuple[Planted, ...]
    decoys: tuple[tuple[Planted, Told], ...]
    """Decoys at which something is told that is told of no fault."""

    def of(self, family: str) -> tuple[int, int]:
        """How many faults of a family are found, of how many."""
        counts = Counter(each.family for each in self.found)
        return counts[family], counts[family] + sum(each.family == family for each in self.missed)


def names() -> list[str]:
    """The programs that there are."""
    return sorted(each.stem for each in PROGRAMS.glob("*.zip"))


def unpack(name: str, folder: Path) -> list[Planted]:
    """Put a program into a folder, and give what was planted in it. The truth itself stays outside."""
    with zipfile.ZipFile(PROGRAMS / f"{name}.zip") as archive:
        archive.extractall(folder, [each for each in archive.namelist() if each != "truth.csv"])
        rows = csv.reader(archive.read("truth.csv").decode().splitlines())
    next(rows)
    return [Planted(path, int(line), family, kind, sort, why) for path, line, family, kind, sort, why in rows]


def look(folder: Path, *options: str) -> list[Told]:
    """What `netra guard` says of a folder, run as its users run it."""
    command = [sys.executable, "-m", "netra.guard", ".", "--format", "json", "--no-cache", "--quiet", *options]
    printed = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    if printed.returncode not in (0, 1):
        raise RuntimeError(printed.stderr)
    return of_report(printed.stdout)


def of_report(text: str) -> list[Told]:
    """The findings of a report in JSON."""
    return [
        Told(
            each["code"],
            each["message"],
            (each["path"], each["line"], each["end_line"]),
            tuple((step["path"], step["line"], step["line"]) for step in each["why"]),
        )
        for each in json.loads(text)["findings"]
    ]


def score(planted: Sequence[Planted], told: Sequence[Told]) -> Score:
    """A fault counts as found where a finding, or a step of what proves it, stands at its line or beside it."""
    found: list[Planted] = []
    missed: list[Planted] = []
    right: set[Told] = set()
    for each in planted:
        if each.sort == FAULT:
            at = [one for one in told if _is_at(each, [one.place], NEAR)] or [
                one for one in told if _is_at(each, one.proof, NEAR)
            ]
            right.update(at)
            (found if at else missed).append(each)
    decoys = [
        (each, one)
        for each in planted
        if each.sort == DECOY
        for one in told
        if one not in right and one.code[0] == each.family and _is_at(each, [one.place], 0)
    ]
    return Score(tuple(found), tuple(missed), tuple(decoys))


def _is_at(planted: Planted, places: Iterable[tuple[str, int, int]], near: int) -> bool:
    return any(path == planted.path and first - near <= planted.line <= last + near for path, first, last in places)
