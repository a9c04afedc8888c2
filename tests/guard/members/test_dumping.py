"""`netra.guard.members.dumping`: what a call passes by name and among the fields of what it takes apart."""

import pytest

from netra.guard.members.dumping import given_twice
from tests.guard.programs import analysed, function

TEXT = """
from dataclasses import asdict, dataclass
from pydantic import BaseModel, Field
class Order(BaseModel):
    owner: str
    size: int = 1
    secret: str = Field("", exclude=True)
class Own(Order):
    def model_dump(self): return {{}}
@dataclass
class Item:
    name: str
def asked(order: Order, own: Own, item: Item):
    dumped = order.model_dump()
    taken = order.model_dump()
    taken.pop("owner")
    create({given})
"""


@pytest.mark.parametrize(
    ("given", "name", "sure"),
    [
        ("**order.model_dump(), owner=1", "owner", True),
        ("**order.model_dump(), other=1", None, False),
        ("**order.model_dump(exclude={'owner'}), owner=1", None, False),
        ("**order.model_dump(exclude_none=True), owner=1", "owner", False),
        ("**order.model_dump(by_alias=True), owner=1", None, False),
        ("**order.model_dump(), secret=1", None, False),
        ("**own.model_dump(), owner=1", None, False),
        ("**dumped, size=1", "size", True),
        ("**taken, size=1", None, False),
        ("**asdict(item), name=1", "name", True),
        ("**order.model_dump() if order else order.dict(), owner=1", "owner", True),
        ("**item.__dict__, **asdict(item)", "name", True),
    ],
)
def test_a_field_that_is_unpacked_and_passed_is_given_twice(given: str, name: str | None, sure: bool) -> None:
    analysis = analysed(TEXT.format(given=given))
    scope = function(analysis.program, "example.asked")
    call = next(each for each in scope.facts.calls if each.callee == ("name", "create"))
    found = given_twice(call, scope, analysis)
    assert (name, sure) == (None, False) if found is None else (found.name, found.sure) == (name, sure)
