"""Reports as they were read and found right: every content, figure and key of the metadata."""

import json

import pytest

from tests.agents.team.golden import FOLDER, KINDS, make, steady


@pytest.mark.parametrize("kind", KINDS)
async def test_a_report_is_as_it_was_found_right(kind: str) -> None:
    expected = json.loads((FOLDER / f"{kind}.json").read_text("utf-8"))
    made = steady(await make(kind))
    assert made.keys() == expected.keys()
    assert made["metadata"] == expected["metadata"]
    for section, found_right in zip(made["sections"], expected["sections"], strict=True):
        assert section == found_right
    assert made == expected


def test_the_reports_that_are_kept_are_of_every_type() -> None:
    kept = [json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json"))]
    assert {report["report_type"] for report in kept} == {"full_analysis", "partial_analysis", "guidance", "fallback"}
