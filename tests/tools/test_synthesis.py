"""Rows that fit a schema: always valid, always the same, and refused by place where they cannot be."""

import hashlib
import ipaddress
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from netra.tools.rendering import spelt
from netra.tools.synthesis import MOST_ITEMS, Recipe, SchemaRefused, Stopped


def recipe(schema: Any) -> Recipe:
    return Recipe(schema, threading.Event())


def rows(schema: Any, count: int = 30, seed: int = 1) -> list[dict[str, Any]]:
    made = list(recipe(schema).rows(count, seed))
    # The judge of the public library, without what is ours in the one that has judged already.
    judge = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    for row in made:
        judge.validate(row)
    return made


def row_of(member: Any, **more: Any) -> dict[str, Any]:
    """A schema of a row whose one member `x` has this schema."""
    return {"type": "object", "properties": {"x": member}, "required": ["x"], **more}


def values(member: Any, count: int = 30, **more: Any) -> list[Any]:
    return [row["x"] for row in rows(row_of(member, **more), count)]


USERS = {
    "type": "object",
    "required": ["id", "name", "age", "score", "tags", "at", "plan", "code", "tree"],
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "name": {"type": "string", "minLength": 3, "maxLength": 20},
        "age": {
            "type": "integer",
            "minimum": 18,
            "maximum": 90,
            "x-distribution": {"kind": "normal", "mean": 40, "deviation": 12},
        },
        "score": {"type": "number", "minimum": 0, "maximum": 1},
        "spend": {"type": "number", "minimum": 0, "x-distribution": {"kind": "lognormal", "median": 20, "sigma": 1}},
        "tags": {"type": "array", "items": {"enum": ["a", "b", "c"]}, "uniqueItems": True, "minItems": 1, "maxItems": 3},
        "at": {"type": "string", "format": "date-time"},
        "mail": {"type": ["string", "null"], "format": "email"},
        "plan": {"enum": ["free", "pro", "enterprise"], "x-distribution": {"kind": "zipf", "exponent": 1.2}},
        "code": {"type": "string", "pattern": "^[A-Z]{3}-\\d{4}[^a-z]$"},
        "tree": {"$ref": "#/$defs/tree"},
        "either": {"oneOf": [{"type": "integer"}, {"type": "string"}]},
    },
    "additionalProperties": False,
    "$defs": {
        "tree": {
            "type": "object",
            "required": ["value"],
            "properties": {
                "value": {"type": "number", "multipleOf": 0.25},
                "children": {"type": "array", "items": {"$ref": "#/$defs/tree"}, "maxItems": 2},
            },
        }
    },
}


def test_a_seed_gives_the_rows_it_has_always_given() -> None:
    # Drawn once: another platform or Python has to make them again, byte for byte.
    text = "\n".join(spelt(row) for row in rows(USERS, 200, 7))
    assert hashlib.sha256(text.encode()).hexdigest() == "0cce320658e81d090329fcb618a79b5ef37a416d5eaf30e696fe8b9253fb2605"


def test_fewer_rows_are_the_beginning_of_more_and_another_seed_is_another_file() -> None:
    assert rows(USERS, 40)[:10] == rows(USERS, 10)
    assert rows(USERS, 10, seed=1) != rows(USERS, 10, seed=-1)


def test_columns_are_the_properties_in_their_order() -> None:
    assert recipe(USERS).columns == tuple(USERS["properties"])  # type: ignore[arg-type]
    either: Any = {"anyOf": [{"properties": {"b": {}, "a": {}}}, {"properties": {"c": {}, "a": {}}}]}
    assert recipe(either).columns == ("b", "a", "c")


# -- Every valid schema of the supported kind, as Hypothesis makes them up ----------------------------------------------------


def bounded(low: str, high: str, numbers: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Two bounds in their order, or one, or none."""
    return st.tuples(numbers, numbers, st.sets(st.sampled_from([low, high]))).map(
        lambda drawn: {key: value for key, value in ((low, min(drawn[:2])), (high, max(drawn[:2]))) if key in drawn[2]}
    )


def merged(*parts: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.tuples(*parts).map(lambda drawn: {key: value for part in drawn for key, value in part.items()})


FLOATS = st.floats(-1e9, 1e9, allow_nan=False)
SCALARS = (
    merged(st.just({"type": "integer"}), bounded("minimum", "maximum", st.integers(-(10**12), 10**12)))
    | merged(st.just({"type": "number"}), bounded("minimum", "maximum", FLOATS))
    | merged(
        st.sampled_from([{"type": "integer"}, {"type": "number"}]),
        st.sampled_from([0.1, 0.5, 3, 7, 0.01]).map(lambda step: {"multipleOf": step}),
    )
    | merged(st.just({"type": "string"}), bounded("minLength", "maxLength", st.integers(0, 50)))
    | st.sampled_from(["date-time", "date", "time", "email", "uuid", "uri", "ipv4", "ipv6", "hostname"]).map(
        lambda name: {"type": "string", "format": name}
    )
    | st.sampled_from(["^[a-z]{2,4}$", "^\\d+$", "[A-F]", "^(ab|cd)*$"]).map(lambda text: {"type": "string", "pattern": text})
    | st.lists(st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab", max_size=3), min_size=1, max_size=4).map(
        lambda listed: {"enum": listed}
    )
    | st.sampled_from([{}, True, {"type": "null"}, {"type": "boolean"}, {"type": ["integer", "null"]}, {"const": {"a": [1]}}])
)


def wrapped(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    names = st.sampled_from("abc")
    return (
        merged(inner.map(lambda item: {"type": "array", "items": item}), bounded("minItems", "maxItems", st.integers(0, 4)))
        | st.lists(inner, min_size=1, max_size=3).map(lambda first: {"type": "array", "prefixItems": first, "items": False})
        | st.tuples(st.dictionaries(names, inner, max_size=3), st.sets(names), st.booleans() | inner).map(
            lambda drawn: {
                "type": "object",
                "properties": drawn[0],
                "required": sorted(drawn[1] & set(drawn[0])),
                "additionalProperties": drawn[2],
            }
        )
        | st.lists(inner, min_size=1, max_size=3).map(lambda branches: {"anyOf": branches})
        | st.lists(inner, min_size=1, max_size=3).map(lambda branches: {"oneOf": branches})
        | st.lists(inner, min_size=1, max_size=2).map(lambda parts: {"allOf": parts})
    )


SCHEMAS = st.recursive(SCALARS, wrapped, max_leaves=6)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(member=SCHEMAS, seed=st.integers(0, 2**32))
def test_whatever_is_made_is_valid_and_the_rest_is_refused(member: Any, seed: int) -> None:
    with suppress(SchemaRefused):
        rows(row_of(member), 3, seed)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(member={"type": "number", "minimum": 6.838685329588226e-135, "maximum": 6.838685329588226e-135})
@given(member=SCALARS)
def test_no_schema_of_one_plain_value_is_refused(member: Any) -> None:
    assert len(values(member, 3)) == 3


# -- Keywords ---------------------------------------------------------------------------------------------------------------


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
        ({"minLength": 5, "maxLength": 5}, lambda x: len(x) == 5),
        ({"type": "string", "maxLength": 0}, lambda x: x == ""),
        ({"type": "string", "pattern": "^[a-z]+$", "minLength": 30}, lambda x: len(x) >= 30),
        ({"type": "string", "pattern": "^[a-z]*$", "maxLength": 2}, lambda x: len(x) <= 2),
        ({"enum": [1, "a", None, 3], "type": "integer"}, lambda x: x in (1, 3)),
        ({"enum": ["ab", "a1"], "pattern": "^[a-z]+$"}, lambda x: x == "ab"),
        ({"const": [1, {"a": None}]}, lambda x: x == [1, {"a": None}]),
        ({"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 3}, "uniqueItems": True, "minItems": 3},
         lambda x: sorted(x) == [1, 2, 3]),
        ({"type": "array", "prefixItems": [{"const": 1}, {"const": 2}], "minItems": 2, "items": False}, lambda x: x == [1, 2]),
        ({"type": "object", "required": ["a"], "additionalProperties": {"const": 7}}, lambda x: x == {"a": 7}),
        ({"properties": {"a": {}, "b": {}, "c": {}}, "maxProperties": 1, "minProperties": 1}, lambda x: len(x) == 1),
        ({"oneOf": [{"type": "integer", "minimum": 0, "maximum": 9}, {"type": "number", "minimum": 5, "maximum": 9}]},
         lambda x: x < 5 or isinstance(x, float)),
        ({"type": "string", "default": "never", "description": "…", "x-note": 1, "examples": ["no"]}, lambda x: x != "never"),
    ],
    ids=range(22),
)  # fmt: skip
def test_a_keyword_means_what_json_schema_says(member: Any, holds: Callable[[Any], bool]) -> None:
    assert all(map(holds, values(member)))


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("date-time", datetime.fromisoformat),
        ("date", date.fromisoformat),
        ("uuid", UUID),
        ("ipv4", ipaddress.IPv4Address),
        ("ipv6", ipaddress.IPv6Address),
        ("time", lambda text: datetime.fromisoformat(f"2020-01-01T{text}")),
    ],
)
def test_a_format_is_what_others_read(name: str, read: Callable[[str], Any]) -> None:
    made = values({"type": "string", "format": name})
    assert len({*map(read, made)}) > 20


def test_addresses_belong_to_nobody() -> None:
    assert all(ipaddress.ip_address(made).is_private for made in values({"type": "string", "format": "ipv4"}))
    for made in values({"type": "string", "format": "email"}):
        assert made.rpartition("@")[2] in {"example.com", "example.net", "example.org"}
    assert all(made.startswith("https://example.com/") for made in values({"type": "string", "format": "uri"}))


def test_an_optional_member_is_left_out_now_and_then() -> None:
    made = rows({"properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "required": ["a"]}, 300)
    assert all("a" in row for row in made)
    assert 200 < sum("b" in row for row in made) < 280


def test_distributions_are_what_they_are_called() -> None:
    def spread(kind: str, member: dict[str, Any], **parameters: Any) -> list[Any]:
        return values({**member, "x-distribution": {"kind": kind, **parameters}}, 2000)

    normal = spread("normal", {"type": "number"}, mean=100, deviation=10)
    assert abs(statistics.fmean(normal) - 100) < 1.5
    assert abs(statistics.stdev(normal) - 10) < 1
    lognormal = spread("lognormal", {"type": "number"}, median=20, sigma=0.5)
    assert abs(statistics.median(lognormal) - 20) < 1.5
    whole = spread("normal", {"type": "integer", "minimum": 0, "maximum": 10, "multipleOf": 2}, mean=5, deviation=3)
    assert {*whole} == {0, 2, 4, 6, 8, 10}
    counts = Counter(spread("zipf", {"enum": ["a", "b", "c"]}, exponent=1))
    assert counts["a"] > counts["b"] > counts["c"] > 0
    ranks = Counter(spread("zipf", {"type": "integer", "minimum": 1, "maximum": 50}, exponent=1.5))
    assert ranks[1] > ranks[2] > ranks[4]
    assert {*spread("uniform", {"type": "integer", "minimum": 1, "maximum": 3})} == {1, 2, 3}


def test_what_contains_itself_comes_to_an_end() -> None:
    tree = {
        "$defs": {"node": {"properties": {"left": {"$ref": "#/$defs/node"}, "right": {"$ref": "#"}, "v": {"const": 1}}}},
        "type": "object",
        "properties": {"root": {"$ref": "#/$defs/node"}, "more": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
        "required": ["root", "more"],
    }
    assert len(rows(tree)) == 30


# -- What is refused --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        (row_of({"type": "integer", "minimum": 5, "maximum": 4}), "#/properties/x"),
        (row_of({"type": "integer", "exclusiveMinimum": 4, "maximum": 4}), "#/properties/x"),
        (row_of({"type": "integer", "minimum": 1, "maximum": 5, "multipleOf": 7}), "#/properties/x"),
        (row_of({"type": "string", "minLength": 5, "maxLength": 4}), "#/properties/x"),
        (row_of({"type": "string", "minLength": 100_000}), "#/properties/x"),
        (row_of({"type": "array", "minItems": 3, "maxItems": 2}), "#/properties/x"),
        (row_of({"type": "array", "minItems": MOST_ITEMS + 1}), "#/properties/x"),
        (row_of({"type": "array", "items": {"type": "boolean"}, "uniqueItems": True, "minItems": 3}), "#/properties/x/items"),
        (row_of({"type": "array", "items": False, "minItems": 1}), "#/properties/x"),
        (row_of({"allOf": [{"type": "string"}, {"type": "integer"}]}), "#/properties/x/allOf/1"),
        (row_of({"enum": ["a"], "type": "integer"}), "#/properties/x"),
        (row_of({"properties": {"a": {}}, "minProperties": 2}), "#/properties/x"),
        (row_of({"required": ["a", "b"], "maxProperties": 1}), "#/properties/x"),
        (row_of({"required": ["a"], "additionalProperties": False, "type": "object"}), "#/properties/x"),
        (row_of({"oneOf": [{"type": "integer"}, {"type": "integer"}]}), "#/properties/x"),
        (row_of(False), "#"),
        (row_of({"type": "string", "format": "duration"}), "#/properties/x"),
        (row_of({"type": "string", "format": "klingon"}), "#/properties/x"),
        (row_of({"type": "string", "pattern": "("}), "#/properties/x"),
        (row_of({"type": "string", "pattern": "^(a)\\1$"}), "#/properties/x"),
        (row_of({"type": "string", "pattern": "^(?=a)b$"}), "#/properties/x"),
        (row_of({"type": "string", "pattern": "^a$", "minLength": 2}), "#/properties/x"),
        (row_of({"type": "strin"}), "#/properties/x/type"),
        (row_of({"minimum": "5"}), "#/properties/x/minimum"),
        (row_of({"minLenght": 5}), "#/properties/x"),
        (row_of({"not": {"type": "string"}}), "#/properties/x"),
        (row_of({"if": {}, "then": {}}), "#/properties/x"),
        (row_of({"type": "array", "contains": {}}), "#/properties/x"),
        (row_of({"patternProperties": {"a": {}}}), "#/properties/x"),
        (row_of({"$ref": "https://example.com/schema"}), "#/properties/x"),
        (row_of({"$ref": "file:schema.json"}), "#/properties/x"),
        (row_of({"$ref": "other.json#/a"}), "#/properties/x"),
        (row_of({"$ref": "#/$defs/nothing"}), "#/properties/x"),
        (row_of({"$ref": "#/properties/x"}), "#/properties/x"),
        (row_of({"$ref": "#/title"}, title="no schema"), "#/title"),
        (row_of({"$id": "http://a/b", "type": "string"}), "#/properties/x"),
        (row_of({"$dynamicRef": "#a"}), "#/properties/x"),
        (row_of({"$ref": "#"}), "#"),
        (row_of({"type": "integer", "x-distribution": {"kind": "odd"}}), "#/properties/x"),
        (row_of({"type": "integer", "x-distribution": {"kind": "normal", "mean": 1}}), "#/properties/x"),
        (row_of({"type": "integer", "x-distribution": {"kind": "normal", "mean": 1, "deviation": 0}}), "#/properties/x"),
        (row_of({"type": "number", "x-distribution": {"kind": "zipf", "exponent": 1}}), "#/properties/x"),
        (row_of({"enum": [1], "x-distribution": {"kind": "normal", "mean": 1, "deviation": 1}}), "#"),
        (row_of({"type": "integer", "minimum": 900, "x-distribution": {"kind": "normal", "mean": 0, "deviation": 1}}),
         "#/properties/x"),
        ({"type": "array"}, "#"),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"}, "#"),
        ({"$schema": 7}, "#"),
        ({"anyOf": [{"type": "object"}, {"type": "integer"}]}, "#"),
        ({"title": "\0"}, "#"),
        ({"title": "x" * 70_000}, "#"),
        ({"allOf": [{"anyOf": [{}] * 20}, {"anyOf": [{}] * 20}]}, "#"),
        ([], "#"),
        (True, "#"),
    ],
    ids=range(53),
)  # fmt: skip
def test_what_cannot_be_made_is_refused_by_its_place(schema: Any, place: str) -> None:
    with pytest.raises(SchemaRefused) as caught:
        list(recipe(schema).rows(5, 1))
    assert caught.value.extra["place"] == place
    assert caught.value.extra["field"] == "arguments.schema"


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


def test_a_pattern_that_would_take_for_ever_to_match_takes_no_time() -> None:
    member = {"enum": ["a" * 60 + "!", "aaa"], "pattern": "^(a+)+$"}
    begun = time.process_time()
    assert [row["x"] for row in recipe(row_of(member)).rows(5, 1)] == ["aaa"] * 5
    assert time.process_time() - begun < 10  # `re` would need a hundred years


def test_a_row_without_end_is_refused() -> None:
    many = {"type": "array", "minItems": 1000, "items": {"type": "array", "minItems": 1000, "items": {"type": "boolean"}}}
    with pytest.raises(SchemaRefused, match="values"):
        list(recipe(row_of(many)).rows(1, 1))


def test_work_that_nobody_waits_for_ends() -> None:
    stop = threading.Event()
    made = Recipe(USERS, stop).rows(10_000, 1)
    next(made)
    stop.set()
    with pytest.raises(Stopped):
        next(made)
    with pytest.raises(Stopped):
        Recipe(USERS, stop)
