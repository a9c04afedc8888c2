"""A function proves who is asking by its name and what it is given, by what it gives, or because it refuses others."""

import pytest

from netra.guard.requests.identities import SignedIn
from netra.guard.requests.proofs import Proofs
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
