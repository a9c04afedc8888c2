"""Ids of one type, passed where another is wanted."""

import pytest

from netra.guard.requests.id_types import of_another_type
from tests.guard.programs import analysed

TEXT = """
from typing import NewType

OrderId = NewType("OrderId", int)
{types}


def status_of(order_id: int): ...


def courier(context) -> CourierId:
    return CourierId(context.number)


async def of_order(order: OrderId): ...


def show(context, order: OrderId):
    me = courier(context)
    return {called}
"""
BOTH = 'CourierId = NewType("CourierId", int)'


@pytest.mark.parametrize(
    ("types", "called", "expected"),
    [
        (BOTH, "status_of(me)", ["order_id"]),
        (BOTH, "status_of(CourierId(3))", ["order_id"]),
        (BOTH, "status_of(courier(context))", ["order_id"]),
        (BOTH, "status_of(order)", []),
        (BOTH, "status_of(order_id=me)", []),
        (BOTH, "status_of(int(me))", []),
        ("class CourierId(int): ...", "status_of(me)", []),
    ],
)
def test_what_the_types_say(types: str, called: str, expected: list[str]) -> None:
    assert [each.name for each in of_another_type(analysed(TEXT.format(types=types, called=called)))] == expected
