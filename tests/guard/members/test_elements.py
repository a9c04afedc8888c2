import pytest

from netra.guard.members.making import Making
from netra.guard.members.rows import in_order
from tests.guard.programs import analysed

HEAD = """
from pydantic import BaseModel
from kit import loaded
class Item(BaseModel): ...
class Coin(Item): ...
class Box(BaseModel):
    items: list[Item]
    sizes: list[int]
def listed(rows):
    return [Item(**row) for row in rows]
def filled():
    found = []
    found.append(Coin())
    return found
def mixed(rows):
    return listed(rows) if rows else loaded()
def yielded():
    yield Item()
async def late():
    yield Item()
async def f(rows):
    made = listed(rows)
    more = listed(rows)
    more.append(loaded())
    box = Box(items=[], sizes=[])
    """


@pytest.mark.parametrize(
    ("loop", "kinds"),
    [
        ("for x in [Item(), Coin()]", {"Coin", "Item"}),
        ("for x in listed(rows)", {"Item"}),
        ("for x in sorted(filled())", {"Coin"}),
        ("for x in mixed(rows)", None),
        ("for x in made", {"Item"}),
        ("for x in more", None),
        ("for x in box.items", {"Item"}),
        ("for x in box.sizes", None),
        ("for x in yielded()", {"Item"}),
        ("async for x in late()", {"Item"}),
        ("for x in late()", None),
        ("for x in await listed(rows)", None),
    ],
)
def test_a_loop_gives_what_is_made_for_what_it_goes_over(loop: str, kinds: set[str] | None) -> None:
    analysis = analysed(f"{HEAD}{loop}: ...\n")
    scope = next(each for each in analysis.scopes if each.name == "f")
    found = analysis.once(Making).shown(("name", "x"), scope)
    assert (found and {each.name for each in in_order(found)}) == kinds
