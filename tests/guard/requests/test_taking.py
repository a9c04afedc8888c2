"""`netra.guard.requests.taking`: what handlers take that read the body themselves."""

import pytest

from netra.guard.requests.taking import OwnReading
from tests.guard.programs import analysed, function

MODELS = """
import json
from dataclasses import dataclass
from pydantic import BaseModel
@dataclass
class Note:
    text: str
    title: str = ""
    @classmethod
    def of(cls, data):
        return cls(**{key: value for key, value in data.items() if key in FIELDS})
    @classmethod
    def renamed(cls, data):
        data["text"] = data.pop("body")
        return cls(**data)
class User(BaseModel):
    name: str
async def read(request, kind):
    data = await request.json()
    return kind(**data)
"""


@pytest.mark.parametrize(
    ("work", "required", "extra"),
    [
        ("Note(**await request.json())", ("text",), "forbid"),
        ("Note.of(json.loads(await request.text()))", ("text",), "ignore"),
        ("User.model_validate_json(await request.body())", ("name",), "ignore"),
        ("await read(request, Note)", ("text",), "forbid"),
        ("d = await request.json(); print(d['a'], d.get('b'))", ("a",), "ignore"),
        ("d = request.get_json(); x = d['a'] if d else d.get('a')", (), "ignore"),
    ],
)
def test_a_body_is_what_is_made_of_it(work: str, required: tuple[str, ...], extra: str) -> None:
    analysis = analysed(f"{MODELS}\nasync def handler(request):\n    {work}\n")
    taken = OwnReading(analysis).taken(function(analysis.program, "example.handler"))
    assert taken is not None and (taken.required, taken.extra, taken.validated) == (required, extra, False)


@pytest.mark.parametrize(
    "work",
    [
        "Note.renamed(await request.json())",
        "d = await request.json(); keep(d)",
        "d = await request.json(); d['a'] = 1; Note(**d)",
        "d = await request.json(); e = await request.json(); Note(**d)",
        "await read(request, User); await read(request, Note)",
        "pass",
    ],
)
def test_what_is_changed_or_handed_on_is_not_known(work: str) -> None:
    analysis = analysed(f"{MODELS}\nasync def handler(request):\n    {work}\n")
    assert OwnReading(analysis).taken(function(analysis.program, "example.handler")) is None


def test_names_that_are_asked_for_where_the_body_is_read_are_taken() -> None:
    for work, names, required in (
        ("Note(text=(await request.json())['x'])", {"x"}, ("x",)),
        ("keep(request.json['a'], request.json.get('b'))", {"a", "b"}, ("a",)),
        ("keep(request.get_json()['a'])", {"a"}, ("a",)),
    ):
        analysis = analysed(f"{MODELS}\nasync def handler(request):\n    {work}\n")
        taken = OwnReading(analysis).taken(function(analysis.program, "example.handler"))
        assert taken is not None, work
        assert set(taken.names) == names and taken.required == required, work
    for work in ("keep(request.json)", "keep(request.json['a'], **request.json)", "keep(request.json['a'], request.form['b'])"):
        analysis = analysed(f"{MODELS}\nasync def handler(request):\n    {work}\n")
        assert OwnReading(analysis).taken(function(analysis.program, "example.handler")) is None, work
