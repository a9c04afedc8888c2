import pytest

from netra.guard.members.beginnings import may_be_made
from tests.guard.programs import analysed

HEAD = """
from kit import loaded
class Item: ...
def made():
    return Item()
def f(self, session, number):
    own = made()
    other = loaded()
    row = session.get(Item, number)
    first = Item.query.filter_by(id=number).first()
    owner = row.owner
    print("""


@pytest.mark.parametrize(
    ("expression", "worth"),
    [("own", True), ("other", False), ("row", True), ("first", True), ("owner", True), ("self.item", True), ("number", False)],
)
def test_names_tell_whether_something_may_be_made_here(expression: str, worth: bool) -> None:
    analysis = analysed(f"{HEAD}{expression})\n")
    scope = next(each for each in analysis.scopes if each.name == "f")
    assert may_be_made(analysis, scope.facts.calls[-1].arguments[0], scope) is worth
