"""Which numbers of a text stand in figures."""

from typing import Any
from uuid import UUID

import pytest

from netra.agents.grounding import names_of, ungrounded, ungrounded_sections, ungrounded_steps
from netra.agents.report import Report, Section
from netra.analytics.figures import Quantity, RowSelection

ROWS = RowSelection(dataset_id=UUID(int=1), filter="all rows", count=3, lines=(17,))
SPEND = ROWS.figure("spend", "Spend", 1234.5, "USD", "sum")
SHARE = ROWS.figure("share", "Share", 0.37, "share", "part / whole")
TABLE = ROWS.breakdown(
    "by_model",
    "By model",
    "model",
    (Quantity(id="cost", unit="USD", formula="sum"),),
    [("gpt-4o", 3, (2.5,)), (None, 1, (None,))],
)


def report(content: str, step: str = "Go on.", metadata: dict[str, Any] | None = None) -> Report:
    section = Section(id="cost", title="Cost", content=content, figures=(SPEND, SHARE), tables=(TABLE,))
    return Report(
        report_type="full_analysis",
        title="Title",
        sections=(section, Section(id="other", title="Other", content="Nothing.")),
        next_steps=(step,),
        data_completeness=1,
        metadata=metadata or {},
    )


@pytest.mark.parametrize(
    "content",
    [
        "It costs $1,234.50.",
        "**$1,234.50**, which is 37.0% of all (line 17).",
        "gpt-4o costs $2.50, twice as much as hoped.",
        "No number at all.",
    ],
)
def test_what_figures_tables_lines_and_names_show_may_be_quoted(content: str) -> None:
    assert ungrounded_sections(report(content)) == {}


@pytest.mark.parametrize(
    ("content", "left"),
    [
        ("You save 38%.", ["38%."]),
        ("It costs $1,234.51.", ["$1,234.51."]),
        ("It costs $11,234.50.", ["$11,234.50."]),
        ("It costs $1,234.501.", ["$1,234.501."]),
        ("It costs 1,234.50.", ["1,234.50."]),
        ("Lines 17 and 171.", ["171."]),
        ("gpt-4o-mini2 costs less.", ["-mini2"]),
        ("37.0%5", ["37.0%5"]),
        ("Arabic digits count: ٤٢", ["٤٢"]),
    ],
)
def test_a_number_that_no_figure_shows_is_found(content: str, left: list[str]) -> None:
    assert ungrounded_sections(report(content)) == {"cost": left}


def test_a_figure_of_another_section_does_not_ground_a_number() -> None:
    given = report("Fine.")
    moved = given.sections[1].model_copy(update={"content": "It costs $1,234.50."})
    assert ungrounded_sections(given.model_copy(update={"sections": (given.sections[0], moved)})) == {"other": ["$1,234.50."]}


def test_next_steps_may_quote_any_section() -> None:
    assert ungrounded_steps(report("Fine.", "Save the $1,234.50.")) == []
    assert ungrounded_steps(report("Fine.", "Save the $9.")) == ["$9."]


def test_names_in_the_data_and_messages_of_gaps_are_no_numbers() -> None:
    metadata: dict[str, Any] = {
        "dataset": {"name": "May 2026", "notes": ["3 columns were not used"]},
        "gaps": [{"stage": "data", "because": "error 4711"}, "hours: none in 24"],
        "understood": ["about 7 things"],
    }
    given = report("May 2026: 3 columns were not used, error 4711, hours: none in 24, about 7 things", metadata=metadata)
    assert ungrounded_sections(given) == {}
    assert "May 2026" in list(names_of(given))


def test_a_name_is_taken_out_before_the_shorter_one_within_it() -> None:
    assert ungrounded("gpt-4o-mini", ["4o", "gpt-4o-mini"]) == []
