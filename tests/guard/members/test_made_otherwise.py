import pytest

from netra.guard.members.made_otherwise import MadeOtherwise
from tests.guard.programs import analysed

HEAD = """
from dataclasses import dataclass, replace
from django.db import models
@dataclass
class Case:
    state: str
class Room(models.Model):
    slug = models.SlugField()
class Rooms(models.Manager):
    def create(self, name): ...
class Hall(models.Model):
    objects = Rooms()
def f(case: Case, other):
    """


@pytest.mark.parametrize(
    ("call", "refused"),
    [
        ("replace(case, state='a')", ""),
        ("replace(case, status='a')", "takes no `status`"),
        ("replace(other, status='a')", None),
        ("other.replace(case, status='a')", None),
        ("Room.objects.create(slug='a', pk=1)", ""),
        ("Room.objects.create(name='a')", "takes no `name`"),
        ("Hall.objects.create(name='a')", None),
        ("other.objects.create(name='a')", None),
    ],
)
def test_a_call_takes_what_the_class_has(call: str, refused: str | None) -> None:
    analysis = analysed(f"{HEAD}{call}\n")
    scope = next(each for each in analysis.scopes if each.name == "f")
    call_site = scope.facts.calls[0]
    taken = analysis.once(MadeOtherwise).taken(call_site, scope)
    assert (taken and taken[0].refuses(call_site)) == refused
