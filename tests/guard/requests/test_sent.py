"""The name under which a client says something is found, by whatever way it is said, and no name for what it does not say."""

import pytest

from netra.guard.requests.sent import Sent
from tests.guard.programs import analysed, function


def _route(said: str, parameters: str, path: str = "/notes/{note_id}") -> str:
    return f"""
from typing import Annotated, Any
from fastapi import Depends, FastAPI
from pydantic import BaseModel
app = FastAPI()
class Note(BaseModel):
    author_id: str
def who(): ...
Who = Annotated[str, Depends(who)]
@app.post("{path}")
async def write({parameters}):
    body = await request.json()
    other = {{"user_id": "1"}}
    written = owner_id
    changed = owner_id
    owner_name = "nobody"
    changed = "nobody"
    return {said}
"""


def _said(text: str, name: str = "example.write") -> str | None:
    analysis = analysed(text)
    scope = function(analysis.program, name)
    return analysis.once(Sent).name(scope.facts.returned[-1].value, scope)


PARAMETERS = "request, note_id: str, owner_id: str, owner_name: str, note: Note, payload: dict[str, Any], me: Who"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("request.headers['X-User-Id']", "user_id"),
        ("request.query_params.get('userId')", "user_id"),
        ("request.rel_url.query['user_id']", "user_id"),
        ("request.args.get('user_id') or None", "user_id"),
        ("int(request.get_argument('user_id'))", "user_id"),
        ("body['user_id']", "user_id"),
        ("note.author_id", "author_id"),
        ("getattr(note, 'author_id')", "author_id"),
        ("payload['author_id']", "author_id"),
        ("owner_id", "owner_id"),
        ("written", "owner_id"),
        ("request.state['user_id']", None),
        ("settings.headers['X-User-Id']", None),
        ("request.headers[key]", None),
        ("other['user_id']", None),
        ("me", None),
        ("note_id", None),
        ("owner_name", None),
        ("changed", None),
        ("'user_id'", None),
    ],
)
def test_what_a_client_sends_has_the_name_under_which_it_is_sent(said: str, expected: str | None) -> None:
    assert _said(_route(said, PARAMETERS)) == expected


def test_a_parameter_of_what_is_no_entry_point_is_filled_by_no_client() -> None:
    assert _said("def write(owner_id: str): return owner_id") is None


@pytest.mark.parametrize(
    ("path", "name", "expected"),
    [
        ("/notes/{note_id}", "note_id", "note_id"),
        ("/notes/{note_id:int}", "note_id", "note_id"),
        ("/notes/{note_id}", "owner_id", None),
        ("/notes/{owner_name}", "owner_name", None),
        ("/notes/{written}", "written", None),
        ("/notes", "note_id", None),
    ],
)
def test_what_stands_in_the_path_is_known_as_long_as_it_is_what_was_given(path: str, name: str, expected: str | None) -> None:
    analysis = analysed(_route("None", PARAMETERS, path))
    assert analysis.once(Sent).in_path(("name", name), function(analysis.program, "example.write")) == expected
