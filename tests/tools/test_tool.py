from typing import Annotated, Any
from uuid import UUID

import pytest
from pydantic import Field

from netra.errors import InvalidInput
from netra.ids import new_uuid
from netra.tools.tool import ATOMIC_LIMIT, Call, InvalidTool, tool


@tool("weigh", category="data", permission="basic")
async def weigh(
    call: Call,
    thing: UUID,
    grams: Annotated[int, Field(ge=0, description="How much.")] = 1,
    marks: list[str] | None = None,
) -> dict[str, Any]:
    """Weigh a thing,
    carefully.

    What follows is for the reader of the code.
    """
    return {"thing": thing, "grams": grams, "marks": marks}


def test_the_signature_is_the_schema() -> None:
    assert weigh.schema["required"] == ["thing"]
    assert weigh.schema["additionalProperties"] is False
    assert weigh.schema["properties"]["thing"]["format"] == "uuid"
    assert weigh.schema["properties"]["grams"] | {"title": ""} == {
        "type": "integer",
        "minimum": 0,
        "default": 1,
        "description": "How much.",
        "title": "",
    }
    assert (weigh.name, weigh.description) == ("weigh", "Weigh a thing, carefully.")


def test_arguments_are_read_with_their_types_and_defaults() -> None:
    thing = new_uuid()
    assert weigh.read({"thing": str(thing)}) == {"thing": thing, "grams": 1, "marks": None}
    assert weigh.read({"thing": str(thing), "marks": ["a"]})["marks"] == ["a"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "arguments.thing"),
        ({"thing": "no id"}, "arguments.thing"),
        ({"thing": "0" * 32, "grams": -1}, "arguments.grams"),
        ({"thing": "0" * 32, "marks": ["a", 1]}, "arguments.marks.1"),
        ({"thing": "0" * 32, "weight": 1}, "arguments.weight"),
    ],
    ids=["missing", "malformed", "too small", "within", "unknown"],
)
def test_what_does_not_fit_is_refused_with_the_argument(given: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        weigh.read(given)
    assert caught.value.extra["field"] == field


async def undocumented(call: Call) -> None: ...


async def untyped(call: Call, thing) -> None:  # type: ignore[no-untyped-def]
    """Do something."""


async def slow(call: Call) -> None:
    """Take long."""


@pytest.mark.parametrize(
    ("work", "options", "reason"),
    [
        (undocumented, {}, "does not say what it does"),
        (untyped, {}, "does not say what its argument thing is"),
        (slow, {"atomic": True, "time_limit": ATOMIC_LIMIT + 1}, "hold a transaction open"),
    ],
    ids=["no words", "no type", "too long"],
)
def test_what_cannot_be_a_tool_is_refused_at_import(work: Any, options: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidTool, match=reason):
        tool("x", category="data", permission="basic", **options)(work)
