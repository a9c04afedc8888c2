"""A body that is taken whole is found where another route puts right in it who is signed in, and this one does not."""

import pytest

from netra.guard.requests.whole_bodies import WholeBodies
from tests.guard.programs import analysed, function

RIGHT = "note.author_id = current_user.id"


def _taken(*lines: str, righted: str = RIGHT, kind: str = "Note") -> list[str]:
    body = "".join(f"\n    {line}" for line in lines)
    text = f"""
from fastapi import Depends, FastAPI
from pydantic import BaseModel
app = FastAPI()
class Note(BaseModel):
    author_id: str
    text: str
class Other(BaseModel):
    author_id: str
class Row:
    def __init__(self, **fields): ...
def get_current_user(token: str): ...
@app.post("/notes")
def write(note: Note, current_user=Depends(get_current_user)):
    {righted}
    return Row(**note.model_dump())
@app.put("/notes/{{number}}")
def change(number: int, note: {kind}, current_user=Depends(get_current_user)):{body}
"""
    analysis = analysed(text)
    scope = function(analysis.program, "example.change")
    return [each.field for each in analysis.once(WholeBodies).taken(scope)]


@pytest.mark.parametrize(
    "lines",
    [
        ("return Row(**note.model_dump())",),
        ("return Row(**dict(note))",),
        ("fields = note.model_dump()", "return Row(**fields)"),
        ("return Row(number=number, **note.model_dump(exclude_unset=True))",),
    ],
)
def test_a_body_that_is_taken_whole_is_found_with_the_field_that_another_route_puts_right(lines: tuple[str, ...]) -> None:
    assert _taken(*lines) == ["author_id"]


@pytest.mark.parametrize(
    "lines",
    [
        (RIGHT, "return Row(**note.model_dump())"),
        ("return Row(**note.model_dump(exclude={'author_id'}))",),
        ("return Row(**{**note.model_dump(), 'author_id': current_user.id})",),
        ("return Row(author_id=number, **note.model_dump())",),
        ("return Row(text=note.text)",),
        ("return Row(**number)",),
    ],
)
def test_what_is_put_right_left_out_or_taken_by_field_is_left_alone(lines: tuple[str, ...]) -> None:
    assert _taken(*lines) == []


@pytest.mark.parametrize(
    ("righted", "kind"),
    [("pass", "Note"), ("note.text = current_user.id", "Note"), ("note.author_id = '1'", "Note"), (RIGHT, "Other")],
)
def test_of_a_body_of_which_nobody_puts_anything_right_nothing_is_known(righted: str, kind: str) -> None:
    assert _taken("return Row(**note.model_dump())", righted=righted, kind=kind) == []
