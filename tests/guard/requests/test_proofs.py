"""A function proves who is asking by its name and what it is given, by what it gives, or because it refuses others."""

import pytest

from netra.guard.requests.identities import SignedIn
from netra.guard.requests.proofs import Proofs, speaks_of_proof, tells_by_name
from tests.guard.programs import analysed, function

TEXT = """
    from fastapi import Depends, HTTPException, Request
    from fastapi.security import OAuth2PasswordBearer

    scheme = OAuth2PasswordBearer(tokenUrl="token")
    ROWS = {}

    def current_user(token: str): return ROWS[token]
    def whoever(request: Request):
        row = ROWS.get(request.headers["authorization"])
        if row is None:
            raise HTTPException(401)
        return row
    def reader(token: str = Depends(scheme)): return ROWS[token]
    def of_session(request: Request): return request.user

    def service_user(token: str): return ROWS[token]
    def nobody(token: str): print(token)
    def language(request: Request): return request.headers["accept-language"]
    def choice(request: Request): return request.query_params["uid"] or "me"
    def limits(request: Request):
        if request.cookies.get("sid") is None:
            raise HTTPException(401)
        return {"limit": 3}
    """


@pytest.mark.parametrize("name", ["current_user", "whoever", "reader", "of_session"])
def test_a_function_proves_who_is_asking(name: str) -> None:
    assert _proves(name)


@pytest.mark.parametrize("name", ["service_user", "nobody", "language", "choice", "limits"])
def test_other_functions_do_not(name: str) -> None:
    assert not _proves(name)


def _proves(name: str) -> bool:
    analysis = analysed(TEXT)
    return Proofs(analysis, analysis.once(SignedIn).of).proves(function(analysis.program, f"example.{name}"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("current_user", True),
        ("get_user_from_token", True),
        ("get_for_user", True),
        ("authenticate", True),
        ("actor", True),
        ("get_flow_for_user", False),
        ("session_factory", False),
        ("author_of_page", False),
        ("rows_of_user", False),
    ],
)
def test_what_a_function_is_asked_for_stands_first_in_its_name(name: str, expected: bool) -> None:
    assert tells_by_name(name) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("token", True),
        ("accessToken", True),
        ("session_id", True),
        ("X-Api-Key", True),
        ("sid", True),
        ("tokenizer", False),
        ("_Tokenizer", False),
        ("sessionmaker", False),
        ("inside", False),
    ],
)
def test_a_word_for_a_proof_stands_for_itself(text: str, expected: bool) -> None:
    assert speaks_of_proof(text.replace("-", "_")) is expected


def test_what_only_acts_is_nobody() -> None:
    text = """
    class Guard:
        def check(self, name): ...
    class Person:
        def __init__(self, user_id): self.user_id = user_id
        def check(self, name): ...
    class Row:
        pass
    class Known(Model):
        def check(self, name): ...
    def guard(token): return Guard()
    def person(token): return Person(token)
    def row(token): return Row()
    def known(token): return Known()
    """
    analysis = analysed(text)
    proofs = Proofs(analysis, analysis.once(SignedIn).of)
    names = ("guard", "person", "row", "known")
    assert {each for each in names if proofs.gives_what_acts(function(analysis.program, f"example.{each}"))} == {"guard"}
