import pytest

from netra.guard.members.making import Making
from netra.guard.members.rows import in_order
from tests.guard.programs import analysed

HEAD = """
from contextvars import ContextVar
from kit import loaded
class Item: ...
class Coin(Item): ...
class Till:
    def __init__(self):
        self.items = {}
        self.coins: list[Coin] = [Coin()]
        self.mixed = []
        self.unknown = {}
    def fill(self):
        self.items["a"] = Item()
        self.mixed.append(Item())
        self.mixed.append(Coin())
        self.unknown["a"] = loaded()
current = ContextVar("current", default=Coin())
other = ContextVar("other")
def start():
    current.set(Item())
    other.set(loaded())
def f(key):
    till = Till()
    for coin in till.coins: ...
    for name in till.items: ...
    for each in till.items.values(): ...
    x = """


@pytest.mark.parametrize(
    ("taken", "kinds"),
    [
        ("till.items[key]", {"Item"}),
        ("till.items.get(key)", {"Item"}),
        ("till.coins[0]", {"Coin"}),
        ("till.mixed[0]", {"Coin", "Item"}),
        ("till.unknown[key]", None),
        ("coin", {"Coin"}),
        ("name", None),
        ("each", {"Item"}),
        ("current.get()", {"Coin", "Item"}),
        ("other.get()", None),
    ],
)
def test_what_is_taken_out_is_what_the_program_puts_in(taken: str, kinds: set[str] | None) -> None:
    analysis = analysed(f"{HEAD}{taken}\n")
    scope = next(each for each in analysis.scopes if each.name == "f")
    found = analysis.once(Making).shown(("name", "x"), scope)
    assert (found and {each.name for each in in_order(found)}) == kinds
