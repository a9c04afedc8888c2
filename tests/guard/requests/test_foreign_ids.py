"""`netra.guard.requests.foreign_ids`: ids of one table that are looked for among those of another."""

import pytest

from netra.guard.requests.foreign_ids import foreign_ids
from tests.guard.programs import analysed

TABLES = """
from dataclasses import dataclass
from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

class Base(DeclarativeBase): ...

class Pilot(Base):
    __tablename__ = "pilots"
    id: Mapped[int] = mapped_column(primary_key=True)

class Captain(Base):
    __tablename__ = "captains"
    id: Mapped[int] = mapped_column(ForeignKey("pilots.id"), primary_key=True)

class Plane(Base):
    __tablename__ = "planes"
    id: Mapped[int] = mapped_column(primary_key=True)

class Flight(Base):
    __tablename__ = "flights"
    id: Mapped[int] = mapped_column(primary_key=True)
    pilot_id: Mapped[int] = mapped_column(ForeignKey("pilots.id"))
    label: Mapped[str]

@dataclass
class Ticket:
    __tablename__ = "pilots_queue"
    id: int

@dataclass
class Crew:
    crew_id: int
    dock_id: int
    home_dock_id: int
"""

UNNAMED = """
from sqlmodel import Field, SQLModel, select
from sqlalchemy import ForeignKey

class CoPilot(SQLModel, table=True):
    id: int = Field(primary_key=True)

class Seat(SQLModel, table=True):
    id: int = Field(primary_key=True)
    pilot_id: int = Column(ForeignKey("copilot.id"))

def seats_of(session, whose):
    return session.scalars(select(Seat).where(Seat.pilot_id == whose))

def show(session, copilot: CoPilot):
    return seats_of(session, copilot.id)
"""


def test_a_table_is_called_after_its_class_where_nothing_else_is_said() -> None:
    assert list(foreign_ids(analysed(UNNAMED))) == []


FLIGHTS = """
def flights_of(session, whose):
    return session.scalars(select(Flight).where(Flight.{column} == whose))

def show(session, pilot: Pilot, captain: Captain, plane: Plane, ticket: Ticket):
    return flights_of(session, {given})
"""


@pytest.mark.parametrize(
    ("column", "given", "expected"),
    [
        ("pilot_id", "plane.id", True),
        ("pilot_id", "pilot.id", False),
        ("pilot_id", "captain.id", False),
        ("pilot_id", "ticket.id", False),
        ("pilot_id", "plane", False),
        ("label", "plane.id", False),
        ("id", "plane.id", False),
    ],
)
def test_the_foreign_key_says_of_which_table_an_id_is(column: str, given: str, expected: bool) -> None:
    found = [each.name for each in foreign_ids(analysed(TABLES + FLIGHTS.format(column=column, given=given)))]
    assert found == (["whose"] if expected else [])


CREW = """
def lock_for({name}):
    return locks.setdefault({name}, object())

def enter(crew: Crew, other):
    return lock_for({given})
"""


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("dock_id", "crew.crew_id", True),
        ("dock_id", "crew.dock_id", False),
        ("dock_id", "crew.home_dock_id", False),
        ("dock_id", "other.crew_id", False),
        ("dock_id", "dock_id=crew.crew_id", False),
        ("ship_id", "crew.crew_id", False),
        ("parent_id", "crew.crew_id", False),
    ],
)
def test_what_has_the_right_one_as_well_gives_the_wrong_one(name: str, given: str, expected: bool) -> None:
    found = [each.name for each in foreign_ids(analysed(TABLES + CREW.format(name=name, given=given)))]
    assert found == ([name] if expected else [])


BOT = """
from telegram import Update

class Purse:
    def put(self, user_id, coins): ...
    def count(self, user_id): ...
    def clear(self, user_id): ...

purse = Purse()

async def put(update: Update, context):
    purse.put(update.{first}.id, 1)

async def count(update: Update, context):
    purse.count(update.{second}.id)

async def clear(update: Update, context):
    purse.clear(update.effective_chat.id)
"""


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("effective_user", "effective_user", ["user_id"]),
        ("effective_user", "effective_message", []),
        ("effective_user", "effective_chat", []),
        ("effective_chat", "effective_chat", []),
    ],
)
def test_a_chat_is_no_user_where_all_others_give_the_user(first: str, second: str, expected: list[str]) -> None:
    assert [each.name for each in foreign_ids(analysed(BOT.format(first=first, second=second)))] == expected


SHOP = """
from django.contrib.auth.models import AbstractUser
from django.db import models

class Customer(AbstractUser): ...

class Basket(models.Model):
    owner = models.ForeignKey(Customer, on_delete=models.CASCADE)

class Line(models.Model):
    basket = models.ForeignKey(Basket, on_delete=models.CASCADE)
    buyer = models.ForeignKey(Customer, on_delete=models.CASCADE)

def lines(request, basket: Basket):
    return {found}
"""


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ("Line.objects.filter(basket_id=request.user.id)", ["basket_id"]),
        ("Line.objects.filter(basket__pk=request.user.pk)", ["basket"]),
        ("get_object_or_404(Line, basket_id=request.user.pk)", ["basket_id"]),
        ("Line.objects.filter(buyer_id=basket.pk)", ["buyer_id"]),
        ("Line.objects.filter(buyer_id=request.user.pk)", []),
        ("Line.objects.filter(basket_id=basket.pk)", []),
        ("Line.objects.filter(basket_id=request.user.basket_id)", []),
        ("Line.objects.filter(pk=request.user.pk)", []),
    ],
)
def test_what_a_column_of_django_is_held_against(found: str, expected: list[str]) -> None:
    assert [each.name for each in foreign_ids(analysed(SHOP.format(found=found)))] == expected
