"""The tables of a reading are what its three files say."""

from pathlib import Path

import pytest

from tests.guard.accuracy.found import Found, write_found
from tests.guard.accuracy.judged import FALSE, RIGHT, TRUE, Judgement, write
from tests.guard.accuracy.readings import all_readings, tables_of


@pytest.fixture
def reading(tmp_path: Path) -> Path:
    folder = tmp_path / "2026-12-01"
    write(
        folder / "verdicts.csv",
        [
            Judgement("khoj", "1", "A101", "k.py", 1, "m", "f1", TRUE),
            Judgement("khoj", "1", "A101", "k.py", 2, "m", "f2", FALSE, "it is a | task"),
            Judgement("letta", "2", "S103", "l.py", 1, "m", "f3", TRUE),
            Judgement("letta", "2", "S103", "l.py", 2, "m", "f4"),
        ],
    )
    write_found(
        folder / "found.csv", [Found("khoj", "1", "A101", 2), Found("letta", "2", "S103", 9), Found("letta", "2", "A101", 1)]
    )
    (folder / "packages.csv").write_text(
        "package,version,lines,kind,chosen\nkhoj,1,30000,wheel,named\nletta,2,90000,wheel,named\nmarvin,3,500,wheel,drawn\n"
    )
    return folder


def test_a_rule_shows_where_it_found_something_and_how_often_it_was_right(reading: Path) -> None:
    table = tables_of(reading)["reading 2026-12-01 rules"]
    assert "| A101 | 3 | 2 | 2 | 1 | 0.50, 0.09 to 0.91 |" in table
    assert "| S103 | 9 | 1 | 1 | 1 | 1.00, 0.21 to 1.00 |" in table


def test_a_family_and_all_together_are_added_up(reading: Path) -> None:
    table = tables_of(reading)["reading 2026-12-01 families"]
    assert "| A | 3 | 2 | 1 | 0.50, 0.09 to 0.91 |" in table
    assert "| **together** | 12 | 3 | 2 |" in table


def test_where_readers_were_asked_two_things_what_is_right_is_counted_and_what_is_of_consequence(reading: Path) -> None:
    write(
        reading / "verdicts.csv",
        [
            Judgement("khoj", "1", "A101", "k.py", 1, "m", "f1", TRUE),
            Judgement("khoj", "1", "A101", "k.py", 2, "m", "f2", FALSE, f"{RIGHT}nobody calls it"),
            Judgement("letta", "2", "S103", "l.py", 1, "m", "f3", FALSE, "it is a copy"),
        ],
    )
    tables = tables_of(reading)
    families = tables["reading 2026-12-01 families"]
    assert families.startswith(
        "| family | found | read | right | precision, 95 % interval | of consequence |\n|---|---|---|---|---|---|\n"
    )
    assert "| A | 3 | 2 | 2 | 1.00, 0.34 to 1.00 | 1 |" in families
    assert "| S103 | 9 | 1 | 1 | 0 | 0.00, 0.00 to 0.79 | 0 |" in tables["reading 2026-12-01 rules"]


def test_a_package_shows_each_family_and_why_what_is_false_is(reading: Path) -> None:
    table = tables_of(reading)["reading 2026-12-01 packages"]
    assert "| khoj | 1 | A | 2 | 2 | 1 | 1 | A101: it is a \\| task |" in table
    assert "| letta | 2 | A | 1 | 0 | 0 | 0 |  |" in table


def test_a_package_without_findings_is_named(reading: Path) -> None:
    assert tables_of(reading)["reading 2026-12-01 quiet"] == "marvin 3.\n"


def test_every_reading_that_is_kept_has_tables(reading: Path) -> None:
    assert set(all_readings(reading.parent)) == set(tables_of(reading))
    assert all_readings(reading / "none") == {}
