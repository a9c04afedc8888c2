"""What the tables of a program have of one another, by its classes and by its statements."""

import pytest

from netra.guard.requests.related import Relations, called, singular
from tests.guard.programs import analysed

TEXT = """
    from django.db.models import ForeignKey

    class Customer: ...
    class CustomerAccount:
        customer_id = 1
    class Account:
        id = Column(Integer)
        customer_id = Column(Integer)
    class Hero:
        customer_id: int
    class Visit:
        id: int
        customer_id: int
    class Ledger(Base):
        customer_id = Column(Integer)
        __table_args__ = (PrimaryKeyConstraint("customer_id"),)
    class Profile:
        customer_id = Column(Integer, primary_key=True)
    class LineItem(Model):
        order = ForeignKey("Order")
    class Order: ...
    class Special(Order):
        order_id = 1

    def visited(row):
        return Visit(id=row.customer_id, customer_id=row.customer_id)

    def file(database, person_id):
        database.execute("INSERT INTO entries (customer_id, cents) VALUES (?, ?)", person_id, 1)
    """


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ("customer", "account", True),
        ("account", "customer", True),
        ("line_item", "order", True),
        ("entry", "customer", True),
        ("profile", "customer", False),
        ("ledger", "customer", False),
        ("hero", "customer", False),
        ("visit", "customer", False),
        ("customer_account", "customer", False),
        ("special", "order", False),
        ("account", "order", False),
        ("account", "account", False),
        ("account", "unknown", False),
    ],
)
def test_two_things_are_apart_where_one_has_the_id_of_the_other(one: str, other: str, apart: bool) -> None:
    assert (Relations(analysed(TEXT)).apart(one, other) is not None) == apart


@pytest.mark.parametrize(("thing", "expected"), [("account", True), ("line_item", True), ("hero", False), ("unknown", True)])
def test_what_has_no_id_of_its_own_is_known_by_another(thing: str, expected: bool) -> None:
    assert Relations(analysed(TEXT)).has_its_own(thing) == expected


def test_a_class_is_called_as_ids_call_its_rows() -> None:
    kinds = analysed("class UserModel: ...\nclass LineItem: ...\nclass Model: ...\n").modules[0].classes
    assert [called(each) for each in kinds] == ["user", "line_item", "model"]


@pytest.mark.parametrize(
    ("table", "expected"), [("entries", "entry"), ("orders", "order"), ("address", "address"), ("user", "user")]
)
def test_a_row_is_called_in_the_singular(table: str, expected: str) -> None:
    assert singular(table) == expected
