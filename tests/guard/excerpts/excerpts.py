"""Small programs with planted faults, each a folder by itself, and which of the faults guard finds.

`NAME.zip` holds the folders 001, 002, … and `truth.csv`, as the backends of `tests/guard/planted` do. Of the archives that were
written second (`NAME-2.zip`) those who mend guard have read the folders with odd numbers; those with even ones are held back:
only how many are found is looked at. Of all others all have been read.
"""

import csv
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from netra.guard.command import main
from tests.guard.planted.planted import Planted, Score, Told, of_report, score

EXCERPTS: Final = Path(__file__).parent
HALF_READ: Final = "-2"


def names() -> list[str]:
    """What there is of them, by the family: the first ones of a family, those that were written later, and those after them."""
    return sorted(path.stem for path in EXCERPTS.glob("*.zip"))


def is_held_back(name: str, number: str) -> bool:
    """Whether nobody who mends guard has read an excerpt of an archive."""
    return name.endswith(HALF_READ) and int(number) % 2 == 0


def scores(name: str, into: Path, *, held_back: bool) -> Iterator[Score]:
    """What guard says of each excerpt of one half, by default; `into` is an empty folder to unpack them in."""
    with zipfile.ZipFile(EXCERPTS / f"{name}.zip") as archive:
        archive.extractall(into)
    rows = csv.reader((into / "truth.csv").read_text("utf-8").splitlines())
    next(rows)
    planted: dict[str, list[Planted]] = {}
    for path, line, family, kind, sort, why in rows:
        number, _, inner = path.partition("/")
        planted.setdefault(number, []).append(Planted(inner, int(line), family, kind, sort, why))
    for number, truth in sorted(planted.items()):
        if is_held_back(name, number) == held_back:
            yield score(truth, look(into / number))


def look(folder: Path) -> list[Told]:
    """What guard says of an excerpt, as its users run it, but in this process."""
    report = folder / "report.json"
    code = main([str(folder), "--format", "json", "--no-cache", "--quiet", "--jobs", "1", "--output", str(report)])
    if code not in (0, 1):
        raise RuntimeError(f"guard ends with {code}")
    return [each.below(f"{folder}/") for each in of_report(report.read_text("utf-8"))]
