from collections.abc import Callable
from typing import Any

import pytest

from netra.tools.synthesis.containers import MOST_ITEMS
from tests.tools.synthesis.making import refused_at, row_of, rows, values


@pytest.mark.parametrize(
    ("member", "holds"),
    [
        ({"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 3}, "uniqueItems": True, "minItems": 3},
         lambda x: sorted(x) == [1, 2, 3]),
        ({"type": "array", "prefixItems": [{"const": 1}, {"const": 2}], "minItems": 2, "items": False}, lambda x: x == [1, 2]),
        ({"type": "object", "required": ["a"], "additionalProperties": {"const": 7}}, lambda x: x == {"a": 7}),
        ({"properties": {"a": {}, "b": {}, "c": {}}, "maxProperties": 1, "minProperties": 1}, lambda x: len(x) == 1),
        ({"type": "array", "items": {"enum": [1, 1.0, True]}, "uniqueItems": True, "minItems": 2}, lambda x: len(x) == 2),
    ],
    ids=range(5),
)  # fmt: skip
def test_a_keyword_means_what_json_schema_says(member: Any, holds: Callable[[Any], bool]) -> None:
    assert all(map(holds, values(member)))


def test_an_optional_member_is_left_out_now_and_then() -> None:
    made = rows({"properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "required": ["a"]}, 300)
    assert all("a" in row for row in made)
    assert 200 < sum("b" in row for row in made) < 280


def test_what_can_never_be_made_is_left_out_where_nobody_needs_it() -> None:
    never = {"$ref": "#/$defs/endless"}
    endless: Any = {"endless": {"type": "object", "properties": {"again": never}, "required": ["again"]}}
    members = {"type": "object", "properties": {"a": {"const": 1}, "b": never}}
    first = {"type": "array", "prefixItems": [{"const": 1}, never], "items": {"const": 2}}
    schema = {"properties": {"x": members, "y": first, "z": {"type": "array", "items": never}}, "$defs": endless}
    made = rows({**schema, "required": ["x", "y", "z"]})
    assert {*map(str, (row["x"] for row in made))} == {"{}", "{'a': 1}"}
    assert {len(row["y"]) for row in made} == {0, 1}
    assert {len(row["z"]) for row in made} == {0}


@pytest.mark.parametrize(
    ("member", "place"),
    [
        ({"type": "array", "minItems": 3, "maxItems": 2}, "#/properties/x"),
        ({"type": "array", "minItems": MOST_ITEMS + 1}, "#/properties/x"),
        ({"type": "array", "items": {"type": "boolean"}, "uniqueItems": True, "minItems": 3}, "#/properties/x/items"),
        ({"type": "array", "items": False, "minItems": 1}, "#/properties/x"),
        ({"properties": {"a": {}}, "minProperties": 2}, "#/properties/x"),
        ({"required": ["a", "b"], "maxProperties": 1}, "#/properties/x"),
        ({"required": ["a"], "additionalProperties": False, "type": "object"}, "#/properties/x"),
    ],
    ids=range(7),
)
def test_what_cannot_stand_in_it_or_be_so_many_is_refused(member: Any, place: str) -> None:
    assert refused_at(row_of(member)) == place
