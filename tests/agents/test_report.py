import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from netra.agents.report import Report, Section
from netra.analytics.figures import RowSelection
from netra.ids import new_uuid

ROWS = RowSelection(dataset_id=new_uuid(), filter="all rows", count=3, lines=(2, 3, 4))
FIGURE = ROWS.figure("requests", "Requests", 3, "requests", "count(*)")
CHART = ROWS.chart("by_hour", "By hour", "bar", ("hour", "requests"), [(0, 1), ("later", 2.5)], "count(*) by hour(at)")


def section(**changes: Any) -> Section:
    return Section(**{"id": "data", "title": "Data", "content": "There are 3 requests.", **changes})


def report(**changes: Any) -> Report:
    return Report(
        **{
            "report_type": "full_analysis",
            "title": "Spend",
            "sections": (section(figures=(FIGURE,), charts=(CHART,)),),
            "next_steps": ("Look at line 4.",),
            "data_completeness": 0.5,
            "metadata": {},
            **changes,
        }
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(
    metadata=st.dictionaries(st.text(), JSON, max_size=5),
    value=st.integers() | st.floats(allow_nan=False, allow_infinity=False),
)
def test_a_report_comes_back_from_json_as_it_was_with_every_key_of_its_metadata(metadata: Any, value: float) -> None:
    figure = ROWS.figure("requests", "Requests", value, "requests", "count(*)")
    written = report(metadata=metadata, sections=(section(figures=(figure,), charts=(CHART,)),))
    read = Report.model_validate_json(json.dumps(written.model_dump(mode="json")))
    assert read == written
    assert read.metadata == metadata
    (back,) = read.figures()
    assert type(back.value) is type(value)


@pytest.mark.parametrize(
    "changes",
    [
        {"next_steps": ()},
        {"next_steps": ("  ",)},
        {"title": ""},
        {"report_type": "analysis"},
        {"data_completeness": 1.1},
        {"data_completeness": float("nan")},
        {"sections": (section(), section())},
        {"sections": (section(figures=(FIGURE, FIGURE)),)},
        {"sections": (section(id="requests", figures=(FIGURE,)),)},
        {"surprise": 1},
    ],
    # Names of their own: two test processes must agree on them, and an id of a dataset is made anew in each.
    ids=[
        "no step",
        "empty step",
        "no title",
        "unknown type",
        "more than complete",
        "nan",
        "one section twice",
        "one figure twice",
        "a figure like a section",
        "unknown",
    ],
)
def test_a_report_that_says_nothing_or_two_things_is_refused(changes: dict[str, Any]) -> None:
    report()
    with pytest.raises(ValidationError):
        report(**changes)


def test_a_report_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        setattr(report(), "title", "Other")  # noqa: B010 - a plain assignment is refused before it runs, by the type checker
    with pytest.raises(ValidationError):
        setattr(FIGURE, "value", 4)  # noqa: B010
