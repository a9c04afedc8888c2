"""What was judged, as the tables of docs/guard-accuracy.md. Each stands between two markers; a test holds it to the files."""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from netra.guard.rule import FAMILIES
from tests.guard.accuracy import judged
from tests.guard.accuracy.judged import FALSE, OPEN, TRUE, Judgement
from tests.guard.checkers.table import CHECKED, RESULTS, rendered_file

PAGE: Final = Path(__file__).parents[3] / "docs" / "guard-accuracy.md"
VERDICTS: Final = Path(__file__).with_name("judged")
FOUND: Final = "found.csv"


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


def all_tables(verdicts: Path = VERDICTS, found: Path = VERDICTS / FOUND) -> dict[str, str]:
    """Every table by the name in its markers: one of each family that was judged, one of rules, one of checkers."""
    counts = read_found(found)
    rows = {family: judged.read(verdicts / f"{family}.csv") for family in FAMILIES}
    tables = {f"judged {family}": of_family(rows[family], counts, family) for family in FAMILIES if rows[family]}
    if tables:
        tables["judged rules"] = of_rules([row for each in rows.values() for row in each], counts)
    if RESULTS.exists():
        tables["checkers"] = rendered_file(RESULTS, CHECKED)
    return tables


def of_family(rows: Sequence[Judgement], found: Sequence[Found], family: str) -> str:
    """Of one family, each package: what was found, drawn and judged, and why what is false is."""
    lines = ["| package | version | found | judged | true | false | why false |", "|---|---|---|---|---|---|---|"]
    packages = {(each.package, each.version) for each in found if each.code[0] == family}
    packages |= {(row.package, row.version) for row in rows}
    for package, version in sorted(packages):
        here = [row for row in rows if row.package == package]
        number = sum(each.number for each in found if each.package == package and each.code[0] == family)
        lines.append(f"| {package} | {version} | {number} | {_verdicts(here)} |")
    number = sum(each.number for each in found if each.code[0] == family)
    lines.append(f"| **together** | | **{number}** | {_verdicts(rows, reasons=False)} |")
    return "\n".join(lines) + "\n"


def of_rules(rows: Sequence[Judgement], found: Sequence[Found]) -> str:
    """Of each rule: what was found and judged, and its precision with the 95 % interval of Wilson."""
    lines = ["| rule | found | judged | true | false | precision, 95 % interval |", "|---|---|---|---|---|---|"]
    for code, here in judged.by(rows, "code"):
        done = [row for row in here if row.verdict != OPEN]
        true = sum(row.verdict == TRUE for row in done)
        low, high = judged.interval(true, len(done))
        shown = f"{true / len(done):.2f}, {low:.2f} to {high:.2f}" if done else ""
        number = sum(each.number for each in found if each.code == code)
        lines.append(f"| {code} | {number} | {len(done)} | {true} | {len(done) - true} | {shown} |")
    return "\n".join(lines) + "\n"


def _verdicts(rows: Sequence[Judgement], *, reasons: bool = True) -> str:
    done = [row for row in rows if row.verdict != OPEN]
    false = [row for row in done if row.verdict == FALSE]
    why = "; ".join(dict.fromkeys(f"{row.code}: {row.why}".replace("|", "\\|") for row in false)) if reasons else ""
    return f"{len(done)} | {len(done) - len(false)} | {len(false)} | {why}"


# --- the page --------------------------------------------------------------------------------------------------------------


def marked(name: str, table: str) -> str:
    """A table between its markers."""
    return f"<!-- {name} -->\n{table}<!-- end of {name} -->\n"


def places(page: str) -> dict[str, str]:
    """The tables that stand in a page, by name."""
    return {each[1]: each[2] for each in re.finditer(r"<!-- ([\w ]+) -->\n(.*?)<!-- end of \1 -->\n", page, re.DOTALL)}


def with_tables(page: str, tables: Mapping[str, str]) -> tuple[str, list[str]]:
    """The page with the tables in their places, and the names of those that have none."""
    there = places(page)
    for name, table in tables.items():
        if name in there:
            page = page.replace(marked(name, there[name]), marked(name, table))
    return page, [name for name in tables if name not in there]
