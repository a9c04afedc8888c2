import pytest

from netra.guard.members.mapped import PEEWEE, SQLALCHEMY, MappedClasses
from tests.guard.programs import analysed, of_class

TEXT = """
from peewee import CharField, Model
from sqlalchemy import Column, ForeignKey, Integer
from sqlalchemy.orm import DeclarativeBase, Mapped, declarative_base, mapped_column, relationship
from sqlmodel import Field, SQLModel

class Base(DeclarativeBase): ...
Older = declarative_base()

class User(Base):
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    seats = 4
    posts: Mapped[list["Post"]] = relationship()
    notes = relationship("Note")
    soon: Mapped[list["Post"]] = relationship(lazy="selectin")
    def shown(self): ...

class Post(Older):
    id = Column(Integer)
    user_id = Column(ForeignKey("users.id"))
    user = relationship("User")

class Team(SQLModel, table=True):
    id: int
    name: str = Field()

class Shown(SQLModel):
    id: int

class Room(Model):
    name = CharField()
"""


@pytest.mark.parametrize(
    ("kind", "mapper"), [("User", SQLALCHEMY), ("Post", SQLALCHEMY), ("Team", SQLALCHEMY), ("Shown", ""), ("Room", PEEWEE)]
)
def test_a_class_is_mapped_by_its_bases(kind: str, mapper: str) -> None:
    analysis = analysed(TEXT)
    assert analysis.once(MappedClasses).mapper(of_class(analysis.program, f"example.{kind}")) == mapper


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("User", "id", True),
        ("User", "name", True),
        ("User", "seats", False),
        ("User", "posts", False),
        ("User", "shown", False),
        ("Post", "id", True),
        ("Team", "id", True),
        ("Team", "name", True),
        ("Room", "name", True),
        ("Room", "id", False),
    ],
)
def test_a_column_is_what_its_class_makes_one(kind: str, name: str, expected: bool) -> None:
    analysis = analysed(TEXT)
    assert analysis.once(MappedClasses).column(of_class(analysis.program, f"example.{kind}"), name) is expected


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("User", "posts", True),
        ("User", "notes", True),
        ("User", "soon", False),
        ("User", "name", False),
        ("Post", "user", False),
    ],
)
def test_a_relation_to_several_is_loaded_late_where_nothing_says_otherwise(kind: str, name: str, expected: bool) -> None:
    analysis = analysed(TEXT)
    assert analysis.once(MappedClasses).is_several_late(of_class(analysis.program, f"example.{kind}"), name) is expected
