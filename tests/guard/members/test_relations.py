import pytest

from netra.guard.members.relations import related
from tests.guard.programs import analysed, of_class

HEAD = """
from sqlalchemy.orm import Mapped, relationship
class User: ...
class Order:
    owner"""


@pytest.mark.parametrize(
    ("field", "to"),
    [
        ("= relationship('User', back_populates='orders')", "User"),
        ("= relationship(User)", "User"),
        (": Mapped[User | None] = relationship()", "User"),
        ("= relationship('Order')", "Order"),
        ("= ForeignKey('self')", "Order"),
        ("= ForeignKey(to=User)", "User"),
        ("= ForeignKey('shop.User')", "User"),
        ("= relationship('User', lazy='dynamic')", None),
        (": Mapped[list[User]] = relationship()", None),
        ("= relationship('Stranger')", None),
        ("= column('User')", None),
    ],
)
def test_a_relation_leads_to_the_class_that_it_names(field: str, to: str | None) -> None:
    program = analysed(f"{HEAD}{field}\n").program
    order = of_class(program, "example.Order")
    found = related(order.body.assigned["owner"][0], order, program)
    assert (found and found.name) == to
