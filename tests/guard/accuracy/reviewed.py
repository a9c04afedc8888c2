"""How many real faults guard finds: those that reviewers who know nothing of it prove in large packages, and those that
maintainers of published packages have mended, of which a thread on GitHub tells.

`judged/reviewed` and `judged/historic` hold two files each: `read.csv` with the faults that those who mend guard have looked
at, and `held-back.zip` with others, closed to them: only how many are found is looked at. The packages themselves are on PyPI,
in these versions; of a fault that was mended it is one from before.
"""

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from netra.guard.faults import Fault

REVIEWED: Final = Path(__file__).with_name("judged") / "reviewed"
HISTORIC: Final = Path(__file__).with_name("judged") / "historic"
READ, HELD_BACK = "read", "held back"

# A reviewer names the line of the call, the write or the read; guard may name the line on which its statement begins or ends.
NEAR: Final = 4

# How a step begins that names one more place of what a finding tells several times.
MORE: Final = "and so"


class Reviewed(NamedTuple):
    """A fault that somebody proved: where it is, of which family, what it is in a few words, and the proof. Of one that was
    mended `fault` is the thread that tells of it, and `why` what it says.
    """

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
        here = [(each, findings) for each in faults if (findings := _of_package(each, told)) is not None]
        for family in sorted({each.family for each, _ in here}):
            of = [_is_told(each, findings) for each, findings in here if each.family == family]
            found.append(Recall(half, family, sum(of), len(of)))
    return found


def _of_package(fault: Reviewed, told: Mapping[str, Sequence[Fault]]) -> Sequence[Fault] | None:
    """The findings of a package, or of one of several versions of it: `agno-1.5.10`."""
    return told.get(f"{fault.package}-{fault.version}", told.get(fault.package))


def _is_told(fault: Reviewed, findings: Sequence[Fault]) -> bool:
    return any(
        path == fault.path and abs(line - fault.line) <= NEAR
        for each in findings
        if each.code[0] == fault.family
        for path, line in _places(each)
    )


def _places(finding: Fault) -> Iterator[tuple[str, int]]:
    yield finding.path, finding.line
    yield from ((step.path, step.line) for step in finding.why if step.note.startswith(MORE))


def _rows(text: str) -> Iterator[Reviewed]:
    rows = csv.reader(io.StringIO(text))
    next(rows)
    for package, version, path, line, family, fault, why in rows:
        yield Reviewed(package, version, path, int(line), family, fault, why)
