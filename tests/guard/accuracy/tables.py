"""What was judged, as tables of pages. Each stands between two markers; a test holds it to the files."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from netra.guard.rule import FAMILIES
from tests.guard.accuracy import judged
from tests.guard.accuracy.found import Found, read_found
from tests.guard.accuracy.judged import FALSE, OPEN, TRUE, Judgement
from tests.guard.accuracy.readings import READINGS, all_readings
from tests.guard.checkers.table import CHECKED, RESULTS, rendered_file

DOCS: Final = Path(__file__).parents[3] / "docs"
PAGES: Final = (DOCS / "guard-accuracy.md", DOCS / "guard-accuracy-earlier.md")
VERDICTS: Final = Path(__file__).with_name("judged")
FOUND: Final = "found.csv"


def all_tables(verdicts: Path = VERDICTS, found: Path = VERDICTS / FOUND, readings: Path = READINGS) -> dict[str, str]:
    """Every table by the name in its markers: those of each reading, one of each family that was judged before there were
    readings, one of its rules, one of checkers.
    """
    counts = read_found(found)
    rows = {family: judged.read(verdicts / f"{family}.csv") for family in FAMILIES}
    tables = {f"judged {family}": of_family(rows[family], counts, family) for family in FAMILIES if rows[family]}
    if tables:
        tables["judged rules"] = of_rules([row for each in rows.values() for row in each], counts)
    if RESULTS.exists():
        tables["checkers"] = rendered_file(RESULTS, CHECKED)
    return tables | all_readings(readings)


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
    return {each[1]: each[2] for each in re.finditer(r"<!-- ([\w -]+?) -->\n(.*?)<!-- end of \1 -->\n", page, re.DOTALL)}


def with_tables(page: str, tables: Mapping[str, str]) -> tuple[str, list[str]]:
    """The page with the tables in their places, and the names of those that have none."""
    there = places(page)
    for name, table in tables.items():
        if name in there:
            page = page.replace(marked(name, there[name]), marked(name, table))
    return page, [name for name in tables if name not in there]
