"""Who is signed in is known from where it is found out, under whatever name, and is not what was only made of it."""

import pytest

from netra.guard.requests.identities import SignedIn, parts
from tests.guard.programs import analysed, function

TEXT = """
    from contextvars import ContextVar
    from fastapi import Depends, FastAPI, HTTPException, Request
    from flask import g
    from flask_jwt_extended import get_jwt_identity

    app = FastAPI()
    TOKENS = {{}}
    COLOURS = {{}}
    current_user = ContextVar("user")
    language = ContextVar("language")

    def whoever(request: Request):
        user = TOKENS.get(request.headers["authorization"])
        if user is None:
            raise HTTPException(401)
        return user

    def settings(request: Request): return request.headers["accept"]
    def service_of(token: str): return TOKENS[token]

    @app.get("/threads")
    async def threads(request: Request, wanted: str, token: str, me=Depends(whoever), words=Depends(settings)):
        alias = me
        country = me.country
        either = me
        either = wanted
        kept = {value}

    async def passed(mine, theirs): return mine

    @app.get("/passed")
    async def passing(wanted: str, me=Depends(whoever)): return await passed(me.id, wanted)
    """


def _is_known(value: str) -> bool:
    analysis = analysed(TEXT.format(value=value))
    scope = function(analysis.program, "example.threads")
    return analysis.once(SignedIn).of(scope.assigned["kept"][0].value, scope) is not None


@pytest.mark.parametrize(
    "value",
    [
        "me",
        "me.id",
        "str(me.id)",
        "me['user_id']",
        "alias",
        "request.user",
        "request.state.user_id",
        "g.user",
        "get_jwt_identity()",
        "current_user.get()",
        "whoever(request)",
        "TOKENS[token]",
        "jwt.decode(token, 'key')['sub']",
    ],
)
def test_who_has_proved_it_is_signed_in(value: str) -> None:
    assert _is_known(value)


@pytest.mark.parametrize(
    "value",
    [
        "wanted",
        "words",
        "me.country",
        "country",
        "either",
        "hash(me)",
        "request.path",
        "request.state.locale",
        "g.locale",
        "language.get()",
        "settings(request)",
        "whoever(wanted)",
        "TOKENS[wanted]",
        "COLOURS[token]",
        "base64.decode(token)['sub']",
    ],
)
def test_what_the_client_says_or_what_is_made_of_somebody_is_nobody(value: str) -> None:
    assert not _is_known(value)


def test_who_is_signed_in_is_followed_into_the_function_that_is_told() -> None:
    analysis = analysed(TEXT.format(value="me"))
    scope, identities = function(analysis.program, "example.passed"), analysis.once(SignedIn)
    assert identities.of(("name", "mine"), scope) is not None
    assert identities.of(("name", "theirs"), scope) is None


@pytest.mark.parametrize(("name", "expected"), [("whoever", True), ("settings", False), ("service_of", False)])
def test_a_function_proves_who_asks_by_a_proof_of_a_person(name: str, expected: bool) -> None:
    analysis = analysed(TEXT.format(value="me"))
    assert analysis.once(SignedIn).proves(function(analysis.program, f"example.{name}")) is expected


def test_an_expression_is_made_of_what_its_local_names_were_given() -> None:
    text = """
        def key(given, other):
            given = other.first
            made = (given, 1)
            return made
        """
    scope = function(analysed(text).program, "example.key")
    found = parts(("name", "made"), scope)
    assert ("name", "given") in found
    assert ("attribute", ("name", "other"), "first") not in found
