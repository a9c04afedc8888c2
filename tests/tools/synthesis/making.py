"""Rows made of a schema and judged a second time, by the public library without what is ours in the one that judged already."""

import threading
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from netra.tools.synthesis import Recipe, SchemaRefused


def recipe(schema: Any) -> Recipe:
    return Recipe(schema, threading.Event())


def rows(schema: Any, count: int = 30, seed: int = 1) -> list[dict[str, Any]]:
    made = list(recipe(schema).rows(count, seed))
    judge = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    for row in made:
        judge.validate(row)
    return made


def row_of(member: Any, **more: Any) -> dict[str, Any]:
    """A schema of a row whose one member `x` has this schema."""
    return {"type": "object", "properties": {"x": member}, "required": ["x"], **more}


def values(member: Any, count: int = 30, **more: Any) -> list[Any]:
    return [row["x"] for row in rows(row_of(member, **more), count)]


def refused_at(schema: Any) -> str:
    """The place that a refusal of this schema names, on the way to a recipe or to five rows."""
    with pytest.raises(SchemaRefused) as caught:
        list(recipe(schema).rows(5, 1))
    assert caught.value.extra["field"] == "arguments.schema"
    return str(caught.value.extra["place"])
