from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra.tools.synthesis.dialect import (
    APPLIED,
    DEEPEST_SCHEMA,
    LARGEST_SCHEMA,
    SAID,
    Part,
    SchemaRefused,
    checked,
    kinds,
    largest,
    pointer,
    smallest,
    steps_of,
)
from tests.tools.synthesis.making import recipe, refused_at, row_of, values


@pytest.mark.parametrize(
    "schema",
    [
        {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"},
        {"$schema": 7},
        {"title": "\0"},
        {"title": "x" * (LARGEST_SCHEMA + 1)},
        [],
        True,
    ],
    ids=range(6),
)
def test_what_is_no_schema_of_this_dialect_is_refused(schema: Any) -> None:
    assert refused_at(schema) == "#"


@pytest.mark.parametrize(
    ("member", "place"),
    [
        ({"type": "strin"}, "#/properties/x/type"),
        ({"minimum": "5"}, "#/properties/x/minimum"),
        ({"minLenght": 5}, "#/properties/x"),
        ({"not": {"type": "string"}}, "#/properties/x"),
        ({"if": {}, "then": {}}, "#/properties/x"),
        ({"type": "array", "contains": {}}, "#/properties/x"),
        ({"patternProperties": {"a": {}}}, "#/properties/x"),
        ({"$id": "http://a/b", "type": "string"}, "#/properties/x"),
        ({"$dynamicRef": "#a"}, "#/properties/x"),
        ({"allOf": [{"type": "string"}, {"type": "integer"}]}, "#/properties/x/allOf/1"),
    ],
    ids=range(10),
)
def test_what_it_may_not_say_is_refused_by_its_place(member: Any, place: str) -> None:
    assert refused_at(row_of(member)) == place


def test_a_misspelt_keyword_is_told_what_it_may_mean() -> None:
    with pytest.raises(SchemaRefused, match="Do you mean minLength"):
        recipe(row_of({"minLenght": 5}))


@pytest.mark.parametrize(
    "wrap", [lambda s: {"items": s}, lambda s: {"allOf": [s]}, lambda s: {"properties": {"a": s}}], ids=range(3)
)
def test_a_schema_that_is_nested_without_end_is_refused(wrap: Callable[[Any], Any]) -> None:
    schema: Any = {"type": "string"}
    for _ in range(300):
        schema = wrap(schema)
    with pytest.raises(SchemaRefused):
        recipe(row_of(schema))


def test_a_schema_of_as_many_levels_as_there_may_be_is_read_and_of_one_more_refused() -> None:
    schema: Any = {"type": "string"}  # whose "string" is one level further down
    for _ in range(DEEPEST_SCHEMA - 1):
        schema = {"items": schema}
    assert checked(schema) == schema
    with pytest.raises(SchemaRefused, match=f"more than {DEEPEST_SCHEMA} levels"):
        checked({"items": schema})


def test_what_names_a_schema_is_left_out_of_it_and_nothing_else_is() -> None:
    named = {"$schema": "https://json-schema.org/draft/2020-12/schema#", "$id": "https://a/b", "title": "t", "type": "object"}
    assert checked(named) == {"title": "t", "type": "object"}
    assert "$id" in named


def test_what_only_says_something_to_people_changes_no_value() -> None:
    said = {"default": "never", "description": "…", "x-note": 1, "examples": ["no"]}
    assert values({"type": "string", **said}) == values({"type": "string"})


def test_a_keyword_is_applied_or_only_said_and_not_both() -> None:
    assert {*APPLIED} & {*SAID} == set()


@pytest.mark.parametrize(
    ("schemas", "expected"),
    [
        ([{"type": ["number", "null"]}, {"type": ["integer", "null", "string"]}], ["null", "integer"]),
        ([{"type": ["number", "integer"]}], ["number"]),
        ([{"maxLength": 3}, {"minimum": 1}], ["number", "string"]),
        ([{"type": ["object", "array"], "maxLength": 3}], ["array", "object"]),
        ([{"title": "anything"}], ["null", "boolean", "integer", "string"]),
    ],
    ids=range(5),
)
def test_a_value_has_the_types_that_all_schemas_allow_or_else_those_they_speak_of(
    schemas: list[dict[str, Any]], expected: list[str]
) -> None:
    assert list(kinds([("#", schema) for schema in schemas])) == expected


def test_the_first_place_that_gives_the_narrowest_number_is_the_one_that_is_named() -> None:
    parts: list[Part] = [("#/a", {"minItems": 1}), ("#/b", {"minItems": 3.0}), ("#/c", {"minItems": 3}), ("#/d", {})]
    assert largest(parts, "minItems", "#", 0) == ("#/b", 3)
    assert smallest(parts, "minItems", "#", 9) == ("#/a", 1)
    assert largest(parts, "maxItems", "#", 7) == smallest(parts, "maxItems", "#", 7) == ("#", 7)


@given(steps=st.lists(st.text("a~/01", max_size=4), max_size=4))
def test_a_pointer_leads_by_the_steps_that_it_was_made_of(steps: list[str]) -> None:
    assert steps_of(pointer("#", *steps)) == steps
