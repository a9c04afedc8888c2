"""Findings that somebody judges by reading the code: a seeded sample of them, as rows of a CSV file, and what the rows say."""

import csv
import math
import random
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

TRUE, FALSE, OPEN = "true", "false", ""
VERDICTS: Final = frozenset({TRUE, FALSE, OPEN})

# How the reason begins of a verdict on something that is so, and does no harm. Readings in which it stands ask two things of
# each finding: whether it is right about the code, and whether it is of consequence, which is what `true` says there.
RIGHT: Final = "Right, but of no consequence: "

Item = TypeVar("Item")


class Judgement(NamedTuple):
    """One finding with its verdict; nothing of the code stands here but what the message says of it."""

    package: str
    version: str
    code: str
    path: str
    line: int
    message: str
    fingerprint: str
    verdict: str = OPEN
    """"true", "false", or "" as long as nobody has read the code."""
    why: str = ""
    """Of a false one: what the finding does not know."""

    @property
    def is_right(self) -> bool:
        """What it says of the code is so, of consequence or not."""
        return self.verdict == TRUE or self.why.startswith(RIGHT)


class VerdictUnknown(Exception):
    """A row has a verdict that is neither `true` nor `false` nor empty."""


def read(file: Path) -> list[Judgement]:
    """The rows of a file; none when there is no such file. Raises VerdictUnknown."""
    if not file.exists():
        return []
    with file.open(encoding="utf-8", newline="") as opened:
        next(csv.reader(opened), None)
        rows = [
            Judgement(package, version, code, path, int(line), message, fingerprint, verdict, why)
            for package, version, code, path, line, message, fingerprint, verdict, why in csv.reader(opened)
        ]
    for row in rows:
        if row.verdict not in VERDICTS:
            raise VerdictUnknown(f"{file.name}: {row.package} {row.path}:{row.line} has the verdict {row.verdict!r}")
    return rows


def write(file: Path, rows: Iterable[Judgement]) -> None:
    """Write rows in order of place, so that two draws differ only where they drew differently."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened, lineterminator="\n")
        writer.writerow(Judgement._fields)
        writer.writerows(sorted(rows))


def drawn(items: Iterable[tuple[Hashable, Item]], count: int, seed: int) -> list[Item]:
    """`count` items, or all there are, taken in turn from each stratum, so that a large one does not drown the small ones.

    `items` are pairs of stratum and item. The same items and seed give the same draw, in whatever order they come.
    """
    strata: dict[Hashable, list[Item]] = defaultdict(list)
    for stratum, item in items:
        strata[stratum].append(item)
    chance = random.Random(seed)
    waiting: list[list[Item]] = []
    for stratum in sorted(strata, key=repr):
        within = sorted(strata[stratum], key=repr)
        chance.shuffle(within)
        waiting.append(within)
    chance.shuffle(waiting)
    found: list[Item] = []
    while len(found) < count and any(waiting):
        for within in waiting:
            if within and len(found) < count:
                found.append(within.pop())
    return found


def with_verdicts(rows: Iterable[Judgement], before: Iterable[Judgement]) -> list[Judgement]:
    """The rows, each with the verdict that the same finding has got before."""
    known = {(row.package, row.code, row.fingerprint): row for row in before if row.verdict != OPEN}
    kept = []
    for row in rows:
        given = known.get((row.package, row.code, row.fingerprint))
        kept.append(row if given is None else row._replace(verdict=given.verdict, why=given.why))
    return kept


def interval(true: int, judged: int) -> tuple[float, float]:
    """The 95 % interval of Wilson: where the precision of all findings lies, given this many true of those judged."""
    if judged == 0:
        return 0.0, 1.0
    z = 1.959964  # the quantile of the normal distribution that leaves 2.5 % on each side
    share = true / judged
    middle = (share + z * z / (2 * judged)) / (1 + z * z / judged)
    half = z / (1 + z * z / judged) * math.sqrt(share * (1 - share) / judged + z * z / (4 * judged * judged))
    return max(0.0, middle - half), min(1.0, middle + half)


def precision(rows: Sequence[Judgement]) -> str:
    """ "24 of 25, 0.80 to 0.99": what is true of those that have a verdict, and the interval."""
    judged = [row for row in rows if row.verdict != OPEN]
    true = sum(row.verdict == TRUE for row in judged)
    low, high = interval(true, len(judged))
    return f"{true} of {len(judged)}, {low:.2f} to {high:.2f}" if judged else "none judged"


def by(rows: Iterable[Judgement], field: str) -> Iterator[tuple[str, list[Judgement]]]:
    """The rows of each package, version or code, in order."""
    groups: dict[str, list[Judgement]] = defaultdict(list)
    for row in rows:
        groups[str(getattr(row, field))].append(row)
    return iter(sorted(groups.items()))
