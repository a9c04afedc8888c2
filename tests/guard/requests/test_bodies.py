"""`netra.guard.requests.bodies`: what a route takes, and what a request sends."""

import pytest

from netra.guard.requests.bodies import Bodies, differences
from netra.guard.requests.senders import Senders
from netra.guard.requests.taking import TakenBody
from tests.guard.programs import analysed, function

MODELS = """
from fastapi import Body, Depends, Form, Request
from pydantic import BaseModel
from dataclasses import asdict, dataclass
class User(BaseModel):
    email: str
    name: str = ""
@dataclass
class Kept:
    a: str
    b: str = ""
class Note(BaseModel):
    text: str
def load() -> User: ...
"""


@pytest.mark.parametrize(
    ("parameters", "names", "required"),
    [
        ("user: User", {"email", "name"}, ("email",)),
        ("key: int, user: User, by: User = Depends(load)", {"email", "name"}, ("email",)),
        ("user: User, note: Note = None", {"user", "note"}, ("user",)),
        ("user: User, request: Request", {"email", "name"}, ("email",)),
        ("user: User, x: str = Body(...), y: int = Body(1)", {"user", "x", "y"}, ("user", "x")),
        ("user: User, x: dict", {"user", "x"}, ("user", "x")),
        ("x: str = Body(embed=True)", {"x"}, ("x",)),
        ("user: User = Body()", {"email", "name"}, ("email",)),
    ],
)
def test_a_handler_takes_its_model_or_one_name_for_each_of_several(
    parameters: str, names: set[str], required: tuple[str, ...]
) -> None:
    analysis = analysed(f"{MODELS}\ndef handler({parameters}): ...\n")
    taken = Bodies(analysis).taken(function(analysis.program, "example.handler"))
    assert taken is not None and taken.names == frozenset(names) and taken.required == required


@pytest.mark.parametrize(
    "parameters", ["", "request: Request", "user: User = None", "user: User, x=Form()", "x=Body()", "**rest"]
)
def test_what_else_a_handler_takes_is_not_known(parameters: str) -> None:
    analysis = analysed(f"{MODELS}\ndef handler({parameters}): ...\n")
    assert Bodies(analysis).taken(function(analysis.program, "example.handler")) is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("send(json={'a': 1, 'b': 2})", ("a", "b")),
        ("send(json=dict(a=1))", ("a",)),
        ("send(content=json.dumps({'a': 1}))", ("a",)),
        ("send(json=User(email='x').model_dump(exclude_none=True))", ("email", "name")),
        ("send(json=User(email='x').model_dump(exclude={'name'}))", None),
        ("send(json={'a': 1, **x})", None),
        ("send(json={'a': 1, **{'b': 2}})", ("a", "b")),
        ("send(json={'a': 1} | {'b': 2})", ("a", "b")),
        ("send(json={'a': 1} if x else {'b': 2})", ("a", "b")),
        ("send(json=asdict(Kept(x)))", ("a", "b")),
        ("send(json={x: 1})", None),
        ("send(data={'a': 1})", None),
        ("b = {'a': 1}; b['c'] = 1; send(json=b)", ("a", "c")),
        ("b = {'a': 1}; b[x] = 1; send(json=b)", None),
        ("b = {'a': 1}; fill(b); send(json=b)", None),
        ("b = {'a': 1}; b.update(x); send(json=b)", None),
        ("b = {'a': 1}; b = x; send(json=b)", None),
    ],
)
def test_a_request_sends_what_is_written_down(body: str, expected: tuple[str, ...] | None) -> None:
    sending = body.replace("send(", "http.post('/a', ")
    analysis = analysed(f"import json\n{MODELS}\ndef work(http, x, fill):\n    {sending}\n")
    (request,) = Senders(analysis).requests
    assert Bodies(analysis).sent(request) == expected


def test_a_body_differs_by_what_is_missing_and_by_what_is_unknown() -> None:
    taken = TakenBody(frozenset({"a", "b"}), ("a",), "ignore", None)
    assert differences(taken, ("a",)) == ([], [])
    assert differences(taken, ("b", "c")) == (["a"], ["c"])
    assert differences(TakenBody(frozenset({"a"}), (), "allow", None), ("c",)) == ([], [])
