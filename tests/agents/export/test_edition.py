"""What of a stored report can be set."""

from typing import Any

import pytest

from netra.agents.export.edition import KINDS, edit, seen
from netra.agents.report import Report
from tests.agents.export.hostile import AT, CONTROLS, hostile_report


def test_a_report_is_set_as_it_was_stored() -> None:
    report = hostile_report()
    made = edit(report.title, report.model_dump(mode="json"), AT)
    assert made.kind == "Full analysis"
    assert made.sections == Report.model_validate(seen(report.model_dump(mode="json"))).sections
    assert made.next_steps == report.next_steps
    assert made.subtitle == "Full analysis · 2026-05-04 12:30 UTC"


def test_every_type_of_report_has_its_words() -> None:
    assert set(KINDS) == set(Report.model_json_schema()["properties"]["report_type"]["enum"])


def test_what_cannot_be_seen_is_replaced() -> None:
    assert seen({CONTROLS: [CONTROLS, 1]}) == {"a�b�[31m�c��d": ["a�b�[31m�c��d", 1]}
    assert seen("two\nlines\tof עברית") == "two\nlines\tof עברית"


@pytest.mark.parametrize(
    ("body", "contents"),
    [
        ({"sections": [{"title": "Step 1", "content": "Done."}, {"title": " ", "content": "x"}, 7]}, ["Done."]),
        ({"answer": 42}, ['    {\n      "answer": 42\n    }']),
        ({"sections": []}, ['    {\n      "sections": []\n    }']),
        ([1], ["    [\n      1\n    ]"]),
    ],
    ids=["sections", "anything", "no sections", "a list"],
)
def test_another_body_is_shown_as_far_as_it_can_be(body: Any, contents: list[str]) -> None:
    made = edit("Title", body, AT)
    assert [section.content for section in made.sections] == [content.strip() for content in contents]
    assert (made.kind, made.next_steps, made.completeness) == ("Report", (), None)
