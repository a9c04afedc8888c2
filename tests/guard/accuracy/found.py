"""How many findings a rule has in a package, as rows of a CSV file."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple


class Found(NamedTuple):
    """How many findings a rule has in a package; a family without any has one row with its letter and 0."""

    package: str
    version: str
    code: str
    number: int


def read_found(file: Path) -> list[Found]:
    """The rows of `found.csv`; none when there is no such file."""
    if not file.exists():
        return []
    with file.open(encoding="utf-8", newline="") as opened:
        next(csv.reader(opened), None)
        return [Found(package, version, code, int(number)) for package, version, code, number in csv.reader(opened)]


def write_found(file: Path, rows: Iterable[Found]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened, lineterminator="\n")
        writer.writerow(Found._fields)
        in_order: list[Found] = sorted(rows, key=lambda each: (each.code, each.package))
        writer.writerows(in_order)
