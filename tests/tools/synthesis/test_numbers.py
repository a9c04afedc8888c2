from collections.abc import Callable
from typing import Any

import pytest

from netra.tools.synthesis.numbers import SPREAD
from tests.tools.synthesis.making import refused_at, row_of, values


@pytest.mark.parametrize(
    ("member", "holds"),
    [
        ({"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 5}, lambda x: x == 4),
        ({"type": "integer", "minimum": 1.5, "maximum": 2.5}, lambda x: x == 2 and isinstance(x, int)),
        ({"type": "integer", "multipleOf": 7, "minimum": 10, "maximum": 20}, lambda x: x == 14),
        ({"allOf": [{"type": "integer", "multipleOf": 4}, {"multipleOf": 6, "minimum": 1, "maximum": 12}]}, lambda x: x == 12),
        ({"type": "number", "minimum": 0.1, "maximum": 0.1}, lambda x: x == 0.1),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 1e-9}, lambda x: 0 < x <= 1e-9),
        ({"type": "integer", "maximum": -10}, lambda x: x <= -10),
        ({"type": ["number", "integer"], "minimum": 5}, lambda x: x >= 5),
        ({"minimum": 5}, lambda x: x >= 5),
        ({"allOf": [{"type": "integer", "minimum": 4}, {"exclusiveMinimum": 4}, {"maximum": 5}]}, lambda x: x == 5),
    ],
    ids=range(10),
)
def test_a_keyword_means_what_json_schema_says(member: Any, holds: Callable[[Any], bool]) -> None:
    assert all(map(holds, values(member)))


def test_a_bound_that_is_alone_has_another_a_thousand_steps_away() -> None:
    made = values({"type": "integer", "minimum": 7, "multipleOf": 7}, 2000)
    assert min(made) < 7 * 100
    assert 7 * (SPREAD - 100) < max(made) <= 7 * (SPREAD + 1)


def test_numbers_of_a_step_are_written_as_people_write_them() -> None:
    made = values({"type": "number", "multipleOf": 0.1, "minimum": 0, "maximum": 1}, 200)
    # A judge who divides floats takes 0.3, 0.6 and 0.7 for no multiples of 0.1.
    assert {*made} == {0.0, 0.1, 0.2, 0.4, 0.5, 0.8, 0.9, 1.0}


@pytest.mark.parametrize(
    "member",
    [
        {"type": "integer", "minimum": 5, "maximum": 4},
        {"type": "integer", "exclusiveMinimum": 4, "maximum": 4},
        {"type": "integer", "minimum": 1, "maximum": 5, "multipleOf": 7},
        {"type": "number", "exclusiveMinimum": 4, "exclusiveMaximum": 4},
    ],
    ids=range(4),
)
def test_bounds_with_no_number_between_them_are_refused(member: Any) -> None:
    assert refused_at(row_of(member)) == "#/properties/x"
