"""Ids are found that are given for those of what they belong to."""

import pytest

from netra.guard.facts import last_name
from netra.guard.requests.passing import pairs
from netra.guard.requests.related_ids import by_other_keys, in_place_of_another
from tests.guard.programs import analysed, function

TEXT = """
    class Customer(Model): ...
    class Account(Model):
        customer_id = Column(Integer)

    def freeze(account_id): ...

    class Cards:
        def __init__(self, owner_id):
            self.owner_id = owner_id
        def panic(self):
            freeze(self.owner_id)

    def show(login):
        return Cards(login.customer_id)

    def work(session, login, account, account_id, customer_id):
        {call}
    """


@pytest.mark.parametrize(
    ("call", "found"),
    [
        ("freeze(customer_id)", 1),
        ("freeze(account.customer_id)", 1),
        ("freeze(account_id)", 0),
        ("freeze(account.id)", 0),
        ("freeze(login.account.owner.customer_id)", 0),
    ],
)
def test_an_id_is_given_for_that_of_what_has_it(call: str, found: int) -> None:
    analysis = analysed(TEXT.format(call=call))
    scope, into = function(analysis.program, "example.work"), function(analysis.program, "example.freeze")
    site = scope.facts.calls[0]
    assert len([*in_place_of_another(analysis, scope, site, into, pairs(site, into, 0))]) == found


def test_what_an_object_calls_its_owner_is_what_it_was_made_with() -> None:
    analysis = analysed(TEXT.format(call="pass"))
    scope, into = function(analysis.program, "example.Cards.panic"), function(analysis.program, "example.freeze")
    site = next(each for each in scope.facts.calls if last_name(each.callee) == "freeze")
    assert [each.name for each in in_place_of_another(analysis, scope, site, into, pairs(site, into, 0))] == ["account_id"]


@pytest.mark.parametrize(
    ("call", "found"),
    [
        ("session.get(Account, customer_id)", 1),
        ("session.get(Account, account_id)", 0),
        ("Customer.objects.get(pk=account_id)", 1),
        ("Account.objects.get(customer_id=customer_id)", 0),
        ("get_object_or_404(Account, pk=customer_id)", 1),
        ("session.get(Account, login)", 0),
        ("session.query(Account).get(customer_id)", 1),
        ("select(Account).where(Account.id == customer_id)", 1),
        ("select(Account).where(Account.id == account_id, Account.customer_id == customer_id)", 0),
        ("select(Account).where(Account.id == Entry.account_id)", 0),
    ],
)
def test_a_row_is_looked_for_by_the_key_of_another_table(call: str, found: int) -> None:
    assert len([*by_other_keys(analysed(TEXT.format(call=call)))]) == found
