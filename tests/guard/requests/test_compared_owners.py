"""`netra.guard.requests.compared_owners`: what all but one compare before they give it away."""

from netra.guard.requests.compared_owners import uncompared
from tests.guard.programs import analysed

HEAD = """
from fastapi import FastAPI, HTTPException

app = FastAPI()


@app.get("/a/{note_id}")
async def first(note_id: int, user: str):
    note = await store.note_by_id(note_id)
    if note.owner_id != user:
        raise HTTPException(404)
    return note


@app.get("/b/{note_id}")
async def second(note_id: int, user: str):
    note = await store.note_by_id(note_id)
    if user != note.owner_id:
        raise HTTPException(404)
    return note
"""


def found(body: str) -> list[tuple[str, str]]:
    return [(each.scope.name, each.owner) for each in uncompared(analysed(HEAD + body))]


def test_who_fetches_by_the_clients_id_and_does_not_compare_is_seen() -> None:
    third = '\n\n@app.get("/c/{note_id}")\nasync def third(note_id: int):\n    note = await store.note_by_id(note_id)\n'
    assert found(f"{third}    return note.text\n") == [("third", "owner_id")]
    assert found(f"{third}    return ensure_readable(note)\n") == []


def test_what_the_program_knows_by_itself_is_nobodys_choice() -> None:
    assert found("\n\nasync def third():\n    note = await store.note_by_id(1)\n    return note.text\n") == []


def test_who_is_told_whose_it_is_asks_for_it() -> None:
    third = '\n\n@app.get("/c/{note_id}")\nasync def third(note_id: int, user_id: int):\n'
    assert found(f"{third}    note = await store.note_by_id(note_id, owner_id=user_id)\n    return note.text\n") == []


def test_where_most_do_not_compare_nothing_is_said() -> None:
    more = "".join(
        f'\n\n@app.get("/{name}/{{note_id}}")\nasync def {name}(note_id: int):\n'
        "    note = await store.note_by_id(note_id)\n    return note.text\n"
        for name in ("third", "fourth")
    )
    assert found(more) == []
