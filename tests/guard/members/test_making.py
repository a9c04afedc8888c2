from netra.guard.facts import last_name
from netra.guard.members.making import Making
from tests.guard.programs import analysed, function

SHOP = """
class Item:
    price = 1

class Coin(Item): ...

class Till:
    model = Item

    def __init__(self, item=None):
        self.item = item or Item()

    def first(self):
        return self.model()

class Purse(Till):
    model = Coin

KINDS = {"item": Item, "coin": Coin}

def of(name):
    return KINDS[name]()

def maybe(name):
    if name:
        return Item()
    return None

def unknown(name):
    return name.made() if name else Item()
"""


def made(expression: str) -> list[str] | None:
    """The names of the classes of which the code shows an expression to be made, behind the shop."""
    analysis = analysed(SHOP + f"print({expression})\n")
    (module,) = analysis.modules
    number = next(number for number, call in enumerate(module.top.facts.calls) if last_name(call.callee) == "print")
    found = analysis.once(Making).shown(module.top.facts.calls[number].arguments[0], module.top)
    return None if found is None else sorted(kind.name for kind in found)


def test_what_a_constructor_makes_is_shown() -> None:
    assert made("Item()") == ["Item"]
    assert made("Till().item") == ["Item"]
    assert made("Item() if KINDS else Coin()") == ["Coin", "Item"]


def test_what_a_function_gives_is_shown_by_all_that_it_returns() -> None:
    assert made("of('coin')") == ["Coin", "Item"]
    assert made("maybe('coin')") == ["Item"]
    assert made("unknown('coin')") is None


def test_a_method_is_followed_for_the_class_that_its_object_is_made_of() -> None:
    assert made("Till().first()") == ["Item"]
    assert made("Purse().first()") == ["Coin"]


def test_nothing_is_shown_of_what_is_only_none() -> None:
    assert made("None") == []


def test_a_long_chain_of_calls_is_gone_through_once() -> None:
    links = 60  # three questions at each link would be 3 ** 60
    analysis = analysed(f"""
class Link:
    def next(self): return Link()

def last(found):
    return found{".next()" * links}.missing

last(Link())
""")
    scope = function(analysis.program, "example.last")
    made = analysis.once(Making).shown(scope.facts.returned[0].value[1], scope)
    assert made is not None
    assert {kind.name for kind in made} == {"Link"}


def test_a_default_is_made_where_its_function_is() -> None:
    """Its calls are numbered among those of the scope around the function, whose own have the same numbers."""
    text = """
    class Item: ...

    class Coin: ...

    def priced(item=Item()):
        return item

    def paid():
        Coin()
        return priced()
    """
    analysis = analysed(text)
    scope = function(analysis.program, "example.priced")
    found = analysis.once(Making).shown(("name", "item"), scope)
    assert found is not None
    assert [each.name for each in found] == ["Item"]
