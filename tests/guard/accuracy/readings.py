"""A reading: what guard finds by default in many packages that no rule was tried on, judged by people who made no rule.

Each has a folder `judged/readings/NAME` of three files: `verdicts.csv`, every finding that was read (see `judged.py`);
`found.csv`, how many each rule found in each package (see `tables.py`); `packages.csv`, every package that was looked at.
"""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from tests.guard.accuracy import judged
from tests.guard.accuracy.found import Found, read_found
from tests.guard.accuracy.judged import FALSE, OPEN, TRUE, Judgement

READINGS: Final = Path(__file__).with_name("judged") / "readings"


class Looked(NamedTuple):
    """One package that was looked at: `kind` is "wheel" or "archive", `chosen` "named", "drawn" or "at hand"."""

    package: str
    version: str
    lines: int
    kind: str
    chosen: str


def read_packages(file: Path) -> list[Looked]:
    """The rows of `packages.csv`."""
    with file.open(encoding="utf-8", newline="") as opened:
        next(csv.reader(opened), None)
        return [
            Looked(package, version, int(lines), kind, chosen) for package, version, lines, kind, chosen in csv.reader(opened)
        ]


def tables_of(folder: Path) -> dict[str, str]:
    """The tables of one reading, each by the name in its markers."""
    rows = [row for row in judged.read(folder / "verdicts.csv") if row.verdict != OPEN]
    found = read_found(folder / "found.csv")
    looked = read_packages(folder / "packages.csv")
    name = f"reading {folder.name}"
    return {
        f"{name} families": _families(rows, found),
        f"{name} rules": _rules(rows, found),
        f"{name} packages": _packages(rows, found),
        f"{name} quiet": _quiet(found, looked),
    }


def all_readings(readings: Path = READINGS) -> dict[str, str]:
    """The tables of every reading that is kept."""
    folders = sorted(each for each in readings.iterdir() if each.is_dir()) if readings.exists() else []
    return {name: table for folder in folders for name, table in tables_of(folder).items()}


def _families(rows: Sequence[Judgement], found: Sequence[Found]) -> str:
    twice = _asks_twice(rows)
    lines = _head(("family", "found"), twice=twice)
    for family in sorted({each.code[0] for each in found}):
        here = [row for row in rows if row.code[0] == family]
        lines.append(f"| {family} | {_number(found, family)} | {_share(here, twice=twice)} |")
    lines.append(f"| **together** | {_number(found, '')} | {_share(rows, twice=twice)} |")
    return _text(lines)


def _rules(rows: Sequence[Judgement], found: Sequence[Found]) -> str:
    twice = _asks_twice(rows)
    lines = _head(("rule", "found", "in packages"), twice=twice)
    packages = Counter(code for _, code in {(each.package, each.code) for each in found})
    for code in sorted(packages):
        here = [row for row in rows if row.code == code]
        lines.append(f"| {code} | {_number(found, code)} | {packages[code]} | {_share(here, twice=twice)} |")
    return _text(lines)


def _packages(rows: Sequence[Judgement], found: Sequence[Found]) -> str:
    lines = ["| package | version | family | found | sampled | true | false | why false |", "|---|---|---|---|---|---|---|---|"]
    for package, version, family in sorted({(each.package, each.version, each.code[0]) for each in found}):
        here = [row for row in rows if row.package == package and row.code[0] == family]
        false = [row for row in here if row.verdict == FALSE]
        number = sum(each.number for each in found if each.package == package and each.code[0] == family)
        why = "; ".join(dict.fromkeys(f"{row.code}: {row.why}".replace("|", "\\|") for row in false))
        counts = f"{len(here)} | {len(here) - len(false)} | {len(false)}"
        lines.append(f"| {package} | {version} | {family} | {number} | {counts} | {why} |")
    return _text(lines)


def _quiet(found: Sequence[Found], looked: Sequence[Looked]) -> str:
    loud = {each.package for each in found}
    return _text(_wrapped(sorted({f"{each.package} {each.version}" for each in looked if each.package not in loud})))


def _wrapped(names: Sequence[str]) -> Iterator[str]:
    line = ""
    for number, name in enumerate(names, 1):
        part = f"{name}{'.' if number == len(names) else ','}"
        if line and len(line) + 1 + len(part) > 128:
            yield line
            line = ""
        line = f"{line} {part}".lstrip()
    yield line


def _number(found: Sequence[Found], code: str) -> int:
    return sum(each.number for each in found if each.code.startswith(code))


def _asks_twice(rows: Sequence[Judgement]) -> bool:
    """The readers said of each finding whether it is right, and whether it is of consequence."""
    return any(row.verdict != TRUE and row.is_right for row in rows)


def _head(first: Sequence[str], *, twice: bool) -> list[str]:
    last = (
        ("read", "right", "precision, 95 % interval", "of consequence")
        if twice
        else ("read", "true", "precision, 95 % interval")
    )
    columns = (*first, *last)
    return [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]


def _share(rows: Sequence[Judgement], *, twice: bool) -> str:
    """ "12 | 11 | 0.92, 0.65 to 0.99": read, true, and the precision with its interval; or right, and of consequence behind."""
    true = sum(row.verdict == TRUE for row in rows)
    good = sum(row.is_right for row in rows) if twice else true
    low, high = judged.interval(good, len(rows))
    shown = f"{len(rows)} | {good} | " + (f"{good / len(rows):.2f}, {low:.2f} to {high:.2f}" if rows else "")
    return f"{shown} | {true}" if twice else shown


def _text(lines: Sequence[str] | Iterator[str]) -> str:
    return "\n".join(lines) + "\n"
