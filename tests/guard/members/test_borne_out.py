import pytest

from netra.guard.members.borne_out import bears_out, owner_of_self
from tests.guard.programs import analysed

PROGRAM = """
    class Order:
        total = 0
        paid = False

    def fetch() -> Order: ...

    class Desk:
        def __init__(self, order: Order):
            self.order = order

        def sum(self):
            return self.order.total

        def show(self):
            return self.order.totals

    def example(order: Order, other: Order, box: Box[Order]):
        {body}

    def example_is_called():
        example(Order(), Order(), Box())
    """
HELD = frozenset({"total", "paid"})


@pytest.mark.parametrize(
    ("body", "inner", "expected"),
    [
        ("return order.total, order.totals", ("name", "order"), True),
        ("return order.totals", ("name", "order"), True),
        ("order = Order(); return order.totals", ("name", "order"), None),
        ("return box.order.total, box.order.totals", ("attribute", ("name", "box"), "order"), True),
        ("return box.order.totals", ("attribute", ("name", "box"), "order"), None),
        ("crate = boxes(); return crate.order.total, crate.order.totals", ("attribute", ("name", "crate"), "order"), True),
        ("crate = boxes(); return crate.order.totals", ("attribute", ("name", "crate"), "order"), None),
        ("made = fetch(); return made.total, made.totals", ("name", "made"), True),
        ("made = fetch(); return made.totals", ("name", "made"), None),
    ],
)
def test_an_annotation_is_borne_out_by_what_is_asked(body: str, inner: tuple[object, ...], expected: bool | None) -> None:
    analysis = analysed({"example.py": PROGRAM.format(body=body)})
    scope = next(each for each in analysis.scopes if each.name == "example")
    assert bears_out(analysis, HELD, inner, scope, alone=True) is expected


def test_what_is_handed_on_to_be_called_takes_whatever_there_is() -> None:
    text = PROGRAM.format(body="return order.totals") + "\n    HANDLERS = [example]\n"
    analysis = analysed({"example.py": text})
    scope = next(each for each in analysis.scopes if each.name == "example")
    assert bears_out(analysis, HELD, ("name", "order"), scope, alone=True) is False


def test_an_attribute_is_borne_out_by_the_other_methods() -> None:
    analysis = analysed({"example.py": PROGRAM.format(body="pass")})
    scope = next(each for each in analysis.scopes if each.name == "show")
    order = ("attribute", ("name", "self"), "order")
    assert bears_out(analysis, HELD, order, scope, alone=True) is True
    assert bears_out(analysis, HELD, order, scope, alone=False) is None
    owner = owner_of_self(scope)
    assert owner is not None and owner.name == "Desk"
