"""The border between JSON and types."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, Field

from netra.agents.shape import Shape, jsonable
from netra.errors import InvalidInput
from netra.runs.payload import NotStorable


class Item(BaseModel):
    price: Decimal
    name: str = Field(alias="item_name")


def test_what_is_written_can_be_read_again_by_its_public_names() -> None:
    shape = Shape(list[Item])
    items = [Item(price=Decimal("1.5"), item_name="tea")]
    plain = shape.write(items, "items")
    assert plain == [{"price": "1.5", "item_name": "tea"}]
    assert shape.read(plain, "items") == items
    assert shape.schema()["type"] == "array"


def test_a_refusal_names_the_place_and_not_the_value() -> None:
    with pytest.raises(InvalidInput) as caught:
        Shape(list[Item]).read([{"price": "hunter2", "item_name": "tea"}], "items")
    assert caught.value.extra["field"] == "items.0.price"
    assert "hunter2" not in caught.value.detail


@pytest.mark.parametrize("value", ["text", [1], float("nan")], ids=["text", "list", "nan"])
def test_a_value_of_another_type_is_not_written(value: Any) -> None:
    with pytest.raises(NotStorable):
        Shape(dict[str, int]).write(value, "it")


def test_what_says_by_itself_how_becomes_json() -> None:
    assert jsonable({"item": Item(price=Decimal(2), item_name="tea"), "pair": (1, 2)}, "it") == {
        "item": {"price": "2", "item_name": "tea"},
        "pair": [1, 2],
    }
    with pytest.raises(NotStorable, match="it is not JSON"):
        jsonable(object(), "it")
