"""A report as Markdown."""

from netra.agents.export.edition import edit
from netra.agents.export.markdown import plain, write_markdown
from tests.agents.export.hostile import AT, hostile_report

REPORT = hostile_report()
TEXT = write_markdown(edit(REPORT.title, REPORT.model_dump(mode="json"), AT))


def test_nothing_that_stands_in_a_report_is_markup() -> None:
    for live in ("<script", "](javascript", "![", "`c`", "http://", "$x$"):
        assert live not in TEXT.replace("\\" + live, "").replace("\\<script", "").replace("\\!\\[", "")
    assert plain("a|b\n*c* $1.98, $2") == "a\\|b \\*c\\* \\$1.98, \\$2"


def test_what_the_prose_marks_is_marked() -> None:
    assert "- **Strong** and code and مستخدم ١٢" in TEXT
    assert "1. first\n2. second" in TEXT
    assert "\n### heading\n" in TEXT


def test_every_table_has_as_many_cells_in_each_line() -> None:
    wide = 0
    for line in TEXT.splitlines():
        cells = line.replace("\\|", "").count("|")
        if line.startswith("|"):
            assert wide in (0, cells), line
            wide = cells
        else:
            wide = 0


def test_a_chart_is_its_table_of_values() -> None:
    assert TEXT.count("| 2026-05-04 13:30 | 37 |") == 2
