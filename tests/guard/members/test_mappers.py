from netra.guard.members.mappers import DJANGO, TORTOISE, given_by_others, mapper_of, of_fields
from tests.guard.programs import analysed, of_class

MODELS = """
from django.db import models
from djmoney.models.fields import MoneyField
from tortoise.models import Model
class Room(models.Model):
    slug = models.SlugField()
    objects = models.Manager()
class Article(models.Model):
    price = MoneyField()
class Vehicle(Model): ...
class Plain: ...
"""


def test_a_model_is_one_by_the_class_above_it() -> None:
    program = analysed(MODELS).program
    found = {name: mapper_of(of_class(program, f"example.{name}"), program) for name in ("Room", "Vehicle", "Plain")}
    assert found == {"Room": DJANGO, "Vehicle": TORTOISE, "Plain": ""}


def test_a_field_gives_a_model_what_is_made_of_its_name() -> None:
    program = analysed(MODELS).program
    assert {"slug_id", "get_slug_display"} <= (of_fields(of_class(program, "example.Room"), program) or frozenset())
    assert of_fields(of_class(program, "example.Article"), program) is None


def test_what_others_give_to_models_is_known_unless_it_is_worked_out() -> None:
    use = "def f(name):\n    Room.objects.annotate(Count('x'), total=1)\n    models.ForeignKey(Room, related_name='messages')\n"
    assert {"total", "x__count", "messages", "room_set"} <= (analysed(MODELS + use).once(given_by_others) or frozenset())
    assert analysed(f"{MODELS}{use}    Room.objects.annotate(**name)\n").once(given_by_others) is None
    assert analysed(f"{MODELS}{use}    models.ForeignKey(Room, related_name=name)\n").once(given_by_others) is None
