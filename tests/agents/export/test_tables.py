"""The tables of an exported report."""

from netra.agents.export.tables import EMPTY, NAMELESS, breakdown_grid, chart_grid, figures_grid
from tests.agents.export.hostile import MARKUP, hostile_report

REPORT = hostile_report()


def test_a_breakdown_has_a_line_for_each_group_and_says_what_is_left_out() -> None:
    grid = breakdown_grid(REPORT.sections[1].tables[0])
    assert grid.header == ("user", "rows", "cost", "share")
    assert grid.rows[0] == (MARKUP, "3", "$1.25", "50.0%")
    assert grid.rows[-1] == (NAMELESS, "0", EMPTY, EMPTY)
    assert grid.numeric == {1, 2, 3}
    assert grid.notes[0] == f"{MARKUP}: x × {MARKUP}"
    assert grid.notes[-1] == "The first 8 of 99."


def test_a_chart_and_the_figures_are_tables_too() -> None:
    chart = REPORT.sections[2].charts[2]
    assert len(chart_grid(chart).rows) == len(chart.points) == 366
    assert figures_grid(REPORT.sections[0].figures).rows[2][1:] == ("مستخدم ١٢", "max", "all rows (1,234)")
