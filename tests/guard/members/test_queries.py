import pytest

from netra.guard.members.making import Making
from netra.guard.members.queries import may_query
from netra.guard.members.rows import in_order
from tests.guard.programs import analysed

HEAD = """
from django.db import models
from sqlalchemy.orm import declarative_base
from tortoise.models import Model
Base = declarative_base()
class User(Base): ...
class Vehicle(Model): ...
class Rooms(models.Manager):
    def open(self):
        return self.get_queryset().filter(closed=None)
    def names(self):
        return self.values_list("name")
class Room(models.Model):
    objects = Rooms()
async def f(session, number, User2):
    found = session.query(User).filter(User.id == number)
    found = found.limit(1)
    x = """


@pytest.mark.parametrize(
    ("row", "kinds"),
    [
        ("found.first()", {"User"}),
        ("session.query(User).get(number)", {"User"}),
        ("session.get(User, number)", {"User"}),
        ("session.query(User, User.id).first()", None),
        ("session.query(User2).first()", None),
        ("found.count()", None),
        ("Room.objects.get(pk=number)", {"Room"}),
        ("await Room.objects.filter(pk=number).afirst()", {"Room"}),
        ("Room.objects.open().first()", {"Room"}),
        ("Room.objects.names().first()", None),
        ("await Room.objects.get(pk=number)", None),
        ("await Vehicle.filter(id=number).first()", {"Vehicle"}),
        ("Vehicle.filter(id=number).first()", None),
    ],
)
def test_the_class_on_which_a_query_begins_tells_what_it_gives(row: str, kinds: set[str] | None) -> None:
    analysis = analysed(f"{HEAD}{row}\n")
    scope = next(each for each in analysis.scopes if each.name == "f")
    found = analysis.once(Making).shown(("name", "x"), scope)
    assert (found and {each.name for each in in_order(found)}) == kinds


def test_by_its_names_alone_a_call_may_be_a_query() -> None:
    analysis = analysed("found = Room.objects.filter(pk=1).first()\nother = names().first()\n")
    (top,) = analysis.scopes
    calls = {call.line: may_query(call, top) for call in top.facts.calls if call.callee[-1] == "first"}
    assert calls == {1: True, 2: False}
