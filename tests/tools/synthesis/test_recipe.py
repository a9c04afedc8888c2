"""Rows that fit a schema: always valid, always the same, and refused by place where they cannot be."""

import hashlib
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from netra.tools.rendering import spelt
from netra.tools.synthesis import Recipe, SchemaRefused, Stopped
from netra.tools.synthesis.recipe import MOST_PLACES
from tests.tools.synthesis.making import recipe, refused_at, row_of, rows, values

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
    assert recipe({"enum": [{"b": 1}, {"a": 1, "b": 2}]}).columns == ("b", "a")


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


def test_what_contains_itself_comes_to_an_end() -> None:
    tree = {
        "$defs": {"node": {"properties": {"left": {"$ref": "#/$defs/node"}, "right": {"$ref": "#"}, "v": {"const": 1}}}},
        "type": "object",
        "properties": {"root": {"$ref": "#/$defs/node"}, "more": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
        "required": ["root", "more"],
    }
    assert len(rows(tree)) == 30


@pytest.mark.parametrize(
    ("member", "holds"),
    [
        ({"enum": [1, "a", None, 3], "type": "integer"}, lambda x: x in (1, 3)),
        ({"enum": ["ab", "a1"], "pattern": "^[a-z]+$"}, lambda x: x == "ab"),
        ({"enum": [1, 2, 3], "const": 2}, lambda x: x == 2),
        ({"const": [1, {"a": None}]}, lambda x: x == [1, {"a": None}]),
        ({"oneOf": [{"type": "integer", "minimum": 0, "maximum": 9}, {"type": "number", "minimum": 5, "maximum": 9}]},
         lambda x: x < 5 or isinstance(x, float)),
    ],
    ids=range(5),
)  # fmt: skip
def test_a_value_satisfies_all_that_is_said_of_it(member: Any, holds: Callable[[Any], bool]) -> None:
    assert all(map(holds, values(member)))


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        (row_of({"enum": ["a"], "type": "integer"}), "#/properties/x"),
        (row_of({"enum": ["a"], "pattern": "("}), "#/properties/x"),
        (row_of({"oneOf": [{"type": "integer"}, {"type": "integer"}]}), "#/properties/x"),
        (row_of(False), "#"),
        (row_of({"$ref": "#"}), "#"),
        ({"type": "array"}, "#"),
        ({"enum": [{"a": 1}, 2]}, "#"),
        ({"anyOf": [{"type": "object"}, {"type": "integer"}]}, "#"),
    ],
    ids=range(8),
)
def test_what_is_no_row_or_can_never_be_one_is_refused_by_its_place(schema: Any, place: str) -> None:
    assert refused_at(schema) == place


def test_a_schema_of_too_many_places_is_refused() -> None:
    many = {f"p{nth}": {"type": "null"} for nth in range(MOST_PLACES)}
    with pytest.raises(SchemaRefused, match="places"):
        recipe({"properties": many})


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
