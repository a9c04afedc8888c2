"""How many real faults guard finds: reviewers who know nothing of it read large packages and list what they can prove.

`judged/reviewed/read.csv` holds the faults of the packages that those who mend guard have looked at; `held-back.zip` those of
the others, closed to them: only how many are found is looked at. The packages themselves are on PyPI, in these versions.
"""

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from netra.guard.faults import Fault

REVIEWED: Final = Path(__file__).with_name("judged") / "reviewed"
READ, HELD_BACK = "read", "held back"

# A reviewer names the line of the call, the write or the read; guard may name the line on which its statement begins or ends.
NEAR: Final = 4


class Reviewed(NamedTuple):
    """A fault that somebody proved by reading: where it is, of which family, what it is in a few words, and the proof."""

    package: str
    version: str
    path: str
    line: int
    family: str
    fault: str
    why: str


class Recall(NamedTuple):
    """Of the faults of one family in one half: how many there are, and how many guard tells."""

    half: str
    family: str
    told: int
    number: int


def reviewed(folder: Path = REVIEWED) -> dict[str, list[Reviewed]]:
    """The faults of each half."""
    with zipfile.ZipFile(folder / "held-back.zip") as archive:
        closed = archive.read("held-back.csv").decode("utf-8")
    return {READ: list(_rows((folder / "read.csv").read_text("utf-8"))), HELD_BACK: list(_rows(closed))}


def recall(halves: Mapping[str, Iterable[Reviewed]], told: Mapping[str, Sequence[Fault]]) -> list[Recall]:
    """How many of the faults are told, of those packages for which `told` has the findings. A finding tells of a fault when it
    is of the same family and stands at most `NEAR` lines away.
    """
    found = []
    for half, faults in halves.items():
        here = [each for each in faults if each.package in told]
        for family in sorted({each.family for each in here}):
            of = [each for each in here if each.family == family]
            found.append(Recall(half, family, sum(_is_told(each, told[each.package]) for each in of), len(of)))
    return found


def _is_told(fault: Reviewed, findings: Sequence[Fault]) -> bool:
    return any(
        each.path == fault.path and each.code[0] == fault.family and abs(each.line - fault.line) <= NEAR for each in findings
    )


def _rows(text: str) -> Iterator[Reviewed]:
    rows = csv.reader(io.StringIO(text))
    next(rows)
    for package, version, path, line, family, fault, why in rows:
        yield Reviewed(package, version, path, int(line), family, fault, why)
