"""The page says what the files say."""

from pathlib import Path

import pytest

from tests.guard.accuracy import __main__
from tests.guard.accuracy.found import Found
from tests.guard.accuracy.judged import FALSE, TRUE, Judgement, read, write
from tests.guard.accuracy.tables import PAGES, all_tables, marked, of_family, of_rules, places, with_tables

ROWS = [
    Judgement("khoj", "1", "S101", "k.py", 1, "m", "f1", TRUE),
    Judgement("letta", "2", "S103", "l.py", 1, "m", "f2", FALSE, "nobody changes it"),
    Judgement("letta", "2", "S103", "l.py", 2, "m", "f3"),
]
COUNTS = [
    Found("khoj", "1", "S101", 4),
    Found("letta", "2", "S103", 9),
    Found("marvin", "3", "S", 0),
    Found("khoj", "1", "A101", 7),
]


def test_every_table_in_the_pages_is_what_the_files_say() -> None:
    there = {name: text for page in PAGES for name, text in places(page.read_text("utf-8")).items()}
    assert there == all_tables()


def test_a_family_shows_each_package_also_one_without_findings() -> None:
    table = of_family(ROWS, COUNTS, "S")
    assert "| khoj | 1 | 4 | 1 | 1 | 0 |  |" in table
    assert "| letta | 2 | 9 | 1 | 0 | 1 | S103: nobody changes it |" in table
    assert "| marvin | 3 | 0 | 0 | 0 | 0 |  |" in table
    assert "| **together** | | **13** | 2 | 1 | 1 |  |" in table


def test_a_rule_shows_its_precision() -> None:
    assert "| S101 | 4 | 1 | 1 | 0 | 1.00, 0.21 to 1.00 |" in of_rules(ROWS, COUNTS)


def test_a_table_goes_between_its_markers_and_nowhere_else() -> None:
    page = "before\n<!-- judged S -->\nold\n<!-- end of judged S -->\nafter\n"
    text, missing = with_tables(page, {"judged S": "new\n", "judged T": "x\n"})
    assert text == "before\n" + marked("judged S", "new\n") + "after\n"
    assert missing == ["judged T"]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    (folder / "shop").mkdir(parents=True)
    (folder / "shop-1.0.dist-info").mkdir()
    (folder / "shop" / "a.py").write_text("async def f(): ...\nasync def g():\n    f()\nasync def h():\n    f()\n")
    return folder


def test_a_sample_is_drawn_judged_and_shown(package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--judged", str(tmp_path / "judged"), "--cache-dir", str(tmp_path / "cache")]
    assert __main__.main(["sample", "--family", "A", *given, str(package)]) == 0
    file = tmp_path / "judged" / "A.csv"
    rows = read(file)
    assert [(row.code, row.path, row.line) for row in rows] == [("A101", "shop/a.py", 3), ("A101", "shop/a.py", 5)]
    write(file, [rows[0]._replace(verdict=TRUE), rows[1]])
    (package / "shop" / "a.py").write_text("\n\n" + (package / "shop" / "a.py").read_text())
    __main__.main(["sample", "--family", "A", *given, str(package)])
    assert [(row.line, row.verdict) for row in read(file)] == [(5, TRUE), (7, "")]
    capsys.readouterr()
    assert __main__.main(["tables", "--print", *given]) == 0
    assert "| shop | 1.0 | 2 | 1 | 1 | 0 |" in capsys.readouterr().out


def test_a_page_without_a_place_is_said_to_have_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "S.csv", ROWS)
    page = tmp_path / "page.md"
    page.write_text("nothing\n")
    assert __main__.main(["tables", "--judged", str(tmp_path), "--page", str(page)]) == 2
    assert "judged S" in capsys.readouterr().err
