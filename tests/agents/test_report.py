import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from netra.agents.report import Figure, Report, RowSelection, Section
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


@pytest.mark.parametrize("missing", ["unit", "formula", "rows", "value", "label"])
def test_a_figure_without_its_origin_is_none(missing: str) -> None:
    parts = FIGURE.model_dump()
    Figure(**parts)
    del parts[missing]
    with pytest.raises(ValidationError):
        Figure(**parts)


@pytest.mark.parametrize(
    "changes", [{"formula": " "}, {"unit": ""}, {"value": float("inf")}, {"value": True}, {"value": ""}], ids=str
)
def test_a_figure_with_an_empty_part_is_none(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Figure(**FIGURE.model_dump() | changes)


def test_a_report_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        setattr(report(), "title", "Other")  # noqa: B010 - a plain assignment is refused before it runs, by the type checker
    with pytest.raises(ValidationError):
        setattr(FIGURE, "value", 4)  # noqa: B010


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (19366, "requests", "19,366 requests"),
        (1, "requests", "1 request"),
        (1154.696, "tokens", "1,154.70 tokens"),
        (0.4049, "ratio", "0.40"),
        (0.375, "share", "37.5%"),
        (1, "share", "100.0%"),
        (68.8437, "USD", "$68.84"),
        (1330, "USD", "$1,330.00"),
        (0.0035551, "USD", "$0.003555"),
        (0, "USD", "$0.00"),
        ("2023-11-16 18:00", "UTC", "2023-11-16 18:00 UTC"),
        ("Ada", "user", "Ada"),
    ],
)
def test_a_figure_is_shown_in_its_unit(value: Any, unit: str, text: str) -> None:
    assert ROWS.figure("x", "X", value, unit, "x").text() == text
