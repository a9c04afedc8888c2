"""The border between JSON and types."""

from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from netra.agents.shape import Shape, ShapeCache, jsonable
from netra.errors import InvalidInput
from netra.runs.payload import NotStorable
from netra.testing.clock import ManualClock


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


def test_a_type_is_looked_at_once_until_its_time_is_over_or_others_were_asked_for_since() -> None:
    clock = ManualClock()
    cache = ShapeCache(clock, size=2, lifetime=60)
    first = cache.of(list[int])
    assert cache.of(list[int]) is first
    cache.of(dict[str, int])
    assert cache.of(list[int]) is first  # used since, so the other one is the older
    cache.of(set[int])
    assert cache.of(list[int]) is first
    assert len(cache) == 2
    clock.advance(60)
    assert cache.of(list[int]) is not first


def test_types_that_are_equal_and_read_differently_have_shapes_of_their_own() -> None:
    cache = ShapeCache(ManualClock(), size=10, lifetime=60)
    assert cache.of(int | str) is not cache.of(str | int)


def test_a_cache_of_none_and_a_type_that_cannot_be_looked_up_give_a_shape_all_the_same() -> None:
    cache = ShapeCache(ManualClock(), size=0, lifetime=60)
    assert cache.of(int).read(1, "it") == 1
    assert cache.of(Annotated[int, ["a list"]]).read(2, "it") == 2
    assert len(cache) == 0
