"""Which tables have rows that belong to somebody, and by what the program tells them apart."""

import pytest

from netra.guard.database.owned import OwnedTables
from tests.guard.programs import analysed, of_class

MODELS = """
    from django.db import models
    from sqlalchemy import select
    from sqlalchemy.orm import DeclarativeBase

    class Base(DeclarativeBase): ...

    class Kept(Base):
        owner_id = column()

    class Note(Kept):
        id = column()
        text = column()

    class Colour(Base):
        id = column()
    """


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("await db.scalars(select(Note).where(Note.owner_id == user.id))", "owner_id"),
        ("await db.scalars(select(Note).where(Note.id == 1, user.id == Note.owner_id))", "owner_id"),
        ("await db.scalars(select(Note).filter_by(owner_id=user.id))", "owner_id"),
        ("Note.objects.filter(owner_id__in=people)", "owner_id"),
        ("Note.query.filter_by(owner_id=user.id).all()", "owner_id"),
        ("get_object_or_404(Note, owner_id=user.id)", "owner_id"),
        ("await db.scalars(select(Note).where(Note.text == user.id))", None),
        ("await db.scalars(select(Colour).where(Colour.owner_id == user.id))", None),
        ("Note(owner_id=user.id)", None),
    ],
)
def test_rows_of_a_model_are_told_apart_by_a_query(query: str, expected: str | None) -> None:
    analysis = analysed(f"{MODELS}\n    async def listed(db, user, people):\n        return {query}\n")
    found = analysis.once(OwnedTables).of_class(of_class(analysis.program, "example.Note"))
    assert (None if found is None else found.column) == expected


def test_asking_an_object_whose_it_is_tells_them_apart_as_well() -> None:
    asks = "    async def may(note: Note, user):\n        return note.owner_id == user.id\n"
    analysis = analysed(f"{MODELS}\n{asks}")
    found = analysis.once(OwnedTables).of_class(of_class(analysis.program, "example.Note"))
    assert found is not None and found.told_apart.note == "elsewhere the program asks whose a `Note` is"


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT * FROM notes n WHERE n.user_id = $1", "user_id"),
        ("select id from public.notes where tenant_id in (1, 2)", "tenant_id"),
        ("DELETE FROM notes WHERE id = $1 AND owner_id = $2", "owner_id"),
        ("SELECT * FROM notes WHERE id = $1", None),
        ("SELECT user_id FROM notes", None),
    ],
)
def test_rows_of_a_table_are_told_apart_by_a_statement(statement: str, expected: str | None) -> None:
    analysis = analysed(f"async def listed(db, user):\n    return await db.fetch({statement!r}, user.id)\n")
    found = analysis.once(OwnedTables).of_table("Notes")
    assert (None if found is None else found.column) == expected


def test_who_asks_for_rows_of_a_table() -> None:
    text = f"{MODELS}\n    def one(db, user):\n        return db.get(Note, 1)\n\n    def all_of(db, user):\n"
    text += "        return db.query(Note).filter(Note.owner_id == user.id).all()\n\n    def none():\n        return Note\n"
    analysis = analysed(text)
    tables = analysis.once(OwnedTables)
    owned = tables.of_class(of_class(analysis.program, "example.Note"))
    assert owned is not None
    assert {each.name for each in tables.askers(owned)} == {"one", "all_of"}
