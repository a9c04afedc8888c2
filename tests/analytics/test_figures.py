from typing import Any

import pytest
from pydantic import ValidationError

from netra.analytics.figures import Breakdown, Figure, Measurement, Quantity, RowSelection, as_number
from netra.ids import new_uuid

ROWS = RowSelection(dataset_id=new_uuid(), filter="all rows", count=3, lines=(2, 3, 4))
FIGURE = ROWS.figure("requests", "Requests", 3, "requests", "count(*)")
TOKENS = Quantity(id="tokens", unit="tokens", formula="sum(input_tokens)")
BY_USER = ROWS.breakdown("by_user", "By user", "user", [TOKENS], [("Ada", 2, [10]), (None, 1, [None])], of=5)


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


def test_a_breakdown_gives_each_column_by_key_and_says_how_many_groups_there_are() -> None:
    assert BY_USER.column("tokens") == {"Ada": 10, None: None}
    assert (len(BY_USER.entries), BY_USER.of) == (2, 5)
    assert ROWS.breakdown("by_user", "By user", "user", [TOKENS], []).of == 0


def test_a_breakdown_with_a_value_too_few_is_none() -> None:
    with pytest.raises(ValidationError):
        ROWS.breakdown("by_user", "By user", "user", [TOKENS], [("Ada", 2, [])])


def test_a_breakdown_comes_back_from_json_as_it_was() -> None:
    assert Breakdown.model_validate_json(BY_USER.model_dump_json()) == BY_USER


def test_measurements_add_up_and_name_what_is_missing_once() -> None:
    first = Measurement(figures=(FIGURE,), missing=("at", "user"), notes=("One.",))
    both = first + Measurement(breakdowns=(BY_USER,), missing=("user",), notes=("Two.",))
    assert both == Measurement(figures=(FIGURE,), breakdowns=(BY_USER,), missing=("at", "user"), notes=("One.", "Two."))
    assert both.values() == {"requests": 3}
    assert both.breakdown("by_user") is BY_USER


@pytest.mark.parametrize(("value", "shown"), [(2.0, 2), (2.5, 2.5), (-3.0, -3), (2.0**53, 2**53), (1e300, 1e300)])
def test_a_whole_number_is_an_integer_as_far_as_floats_are_exact(value: float, shown: int | float) -> None:
    assert (as_number(value), type(as_number(value))) == (shown, type(shown))
