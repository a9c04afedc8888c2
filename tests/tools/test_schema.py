"""Arguments of other servers' tools."""

import time
from typing import Any

import pytest

from netra.errors import InvalidInput
from netra.tools.schema import LARGEST_SCHEMA, reader_of
from netra.tools.tool import InvalidTool

NESTED = {
    "type": "object",
    "properties": {"rows": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "integer"}}}}},
    "required": ["rows"],
    "additionalProperties": False,
}


def refused(schema: dict[str, Any], arguments: dict[str, Any]) -> str:
    with pytest.raises(InvalidInput) as caught:
        reader_of("t", schema)(arguments)
    return str(caught.value.extra["field"])


def test_arguments_that_fit_come_through_as_they_are() -> None:
    arguments = {"rows": [{"n": 1, "more": None}]}
    assert reader_of("t", NESTED)(arguments) == arguments


def test_what_does_not_fit_is_named() -> None:
    assert refused(NESTED, {}) == "arguments"
    assert refused(NESTED, {"rows": [{"n": 1}, {"n": "x"}]}) == "arguments.rows.1.n"
    assert refused(NESTED, {"rows": [], "odd": 1}) == "arguments"
    assert refused(NESTED, {"rows": "\ud800"}) == "arguments"


def test_a_schema_that_is_none_or_has_no_end_is_no_tool() -> None:
    refused_schemas: list[dict[str, Any]] = [
        {"type": "nothing"},
        {"properties": []},
        {"description": "x" * LARGEST_SCHEMA},
        {"title": "\0"},
    ]
    for schema in refused_schemas:
        with pytest.raises(InvalidTool):
            reader_of("t", schema)


def test_an_older_dialect_is_read_as_what_it_is() -> None:
    schema: dict[str, Any] = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "definitions": {"n": {"type": "integer"}},
        "properties": {"pair": {"items": [{"$ref": "#/definitions/n"}, {"type": "string"}]}},
    }
    assert reader_of("t", schema)({"pair": [1, "x"]})
    assert refused(schema, {"pair": ["x", "x"]}) == "arguments.pair.0"


def test_nothing_is_fetched_for_a_schema() -> None:
    # A reference elsewhere is left to the server; looking it up would be a request to wherever it says.
    schema = {"properties": {"a": {"$ref": "http://127.0.0.1:9/schema.json"}}}
    assert reader_of("t", schema)({"a": 1}) == {"a": 1}


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {"pattern": "^(a+)+$"}}},
        {"patternProperties": {"^(a+)+$": {}}, "additionalProperties": False},
        {"patternProperties": {"^(a+)+$": {}}, "unevaluatedProperties": False},
        {"$ref": "#"},
        {
            "$defs": {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)} | {"d40": {}},
            "$ref": "#/$defs/d0",
        },
    ],
    ids=["pattern", "names", "names left over", "itself", "doubling"],
)
def test_a_schema_that_would_take_for_ever_is_left_to_its_server(schema: dict[str, Any]) -> None:
    value = "a" * 64 + "!"
    begun = time.process_time()
    assert reader_of("t", schema)({"a": value, value: value}) == {"a": value, value: value}
    assert time.process_time() - begun < 20  # it would be years


def test_one_long_check_leaves_the_next_its_whole_measure() -> None:
    read = reader_of("t", {"properties": {"a": {"items": {"$ref": "#/$defs/n"}}}, "$defs": {"n": {"type": "integer"}}})
    for _ in range(3):
        read({"a": list(range(4000))})
        with pytest.raises(InvalidInput):
            read({"a": [*range(4000), "x"]})
