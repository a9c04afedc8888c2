"""Rows that are asked for by their id alone, and the routes whose clients name it."""

import pytest

from netra.guard.database.by_id import fetched, ways
from tests.guard.programs import analysed

PROGRAM = """
    from fastapi import Depends, FastAPI
    from sqlalchemy import delete, select, update

    app = FastAPI()

    class Note:
        id = column()
        user_id = column()

    def database(): ...

    def listed(db, user):
        db.fetch("SELECT * FROM notes WHERE user_id = $1", user.id)
        return db.scalars(select(Note).where(Note.user_id == user.id))
    """


@pytest.mark.parametrize(
    "query",
    [
        "db.get(Note, note_id)",
        "db.get(Note, note_id, options=[])",
        "db.scalar(select(Note).where(Note.id == note_id))",
        "db.execute(delete(Note).where(Note.id == int(note_id)))",
        "db.execute(update(Note).where(Note.id == note_id).values(text=''))",
        "db.query(Note).filter(Note.id == note_id).first()",
        "db.query(Note).filter_by(id=note_id).one()",
        "Note.objects.get(pk=note_id)",
        "get_object_or_404(Note, pk=note_id)",
        "db.fetchrow('SELECT * FROM notes WHERE id = $1', note_id)",
        "db.execute('UPDATE notes SET text = ?, seen = ? WHERE id = ?', ('', 1, note_id))",
        "db.execute(text('DELETE FROM notes WHERE id = :key'), {'key': note_id})",
        "db.execute('DELETE FROM notes WHERE id = %(key)s', {'key': note_id})",
    ],
)
def test_a_row_is_asked_for_by_its_id_alone(query: str) -> None:
    route = f"    @app.get('/notes/{{note_id}}')\n    def read(note_id: int, db=Depends(database)):\n        return {query}\n"
    analysis = analysed(f"{PROGRAM}\n{route}")
    (found,) = fetched(analysis)
    (way,) = ways(analysis, found)
    assert (found.owned.column, way.entry.label, way.name) == ("user_id", "GET /notes/{note_id}", "note_id")


@pytest.mark.parametrize(
    "query",
    [
        "db.scalar(select(Note).where(Note.id == note_id, Note.seen == True))",
        "db.scalar(select(Note).where(Note.title == note_id))",
        "db.scalar(select(Note).where(Note.id > note_id))",
        "Note.objects.get(pk=note_id, user_id=1)",
        "db.get(Colour, note_id)",
        "db.fetchrow('SELECT * FROM notes WHERE id = $1 AND seen', note_id)",
        "db.fetchrow('SELECT * FROM colours WHERE id = $1', note_id)",
        "cache.get(note_id)",
    ],
)
def test_what_asks_for_more_or_for_something_else_is_none(query: str) -> None:
    assert list(fetched(analysed(f"{PROGRAM}\n    def read(note_id, db):\n        return {query}\n"))) == []


def test_an_id_is_followed_through_the_functions_that_hand_it_on() -> None:
    text = f"""{PROGRAM}
    class Notes:
        def one(self, note_id):
            return self.db.get(Note, note_id)

    notes = Notes()

    @app.get('/notes/{{note}}')
    def read(note: int):
        return notes.one(note)

    @app.get('/first')
    def first():
        return notes.one(1)

    def unserved(note_id):
        return notes.one(note_id)
    """
    analysis = analysed(text)
    (found,) = fetched(analysis)
    (way,) = ways(analysis, found)
    assert [each.name for each in way.scopes] == ["read", "one"]
    assert [each.note for each in way.steps] == [
        "GET /notes/{note} takes `note` from the client",
        "which hands it on to `Notes.one`",
    ]
