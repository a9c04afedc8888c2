"""What a route does with a claim: it may be settled, only looked at as a text, or a filter that may be left out."""

import pytest

from netra.guard.requests.claim_checks import ClaimChecks
from tests.guard.programs import analysed, function

TEXT = """
from uuid import UUID
from fastapi import Depends, FastAPI, HTTPException, Query
from werkzeug.utils import secure_filename
app = FastAPI()
CARTS = {}
def current_user(token: str): ...
def views(user_id, own):
    if user_id != own:
        raise HTTPException(403)
def by_way(user_id, own): return views(user_id, own)
def owned(number, user): return database.first(number, user)
def noted(number, user):
    log.info(user)
    return database.first(number)
def looks_right(text): return len(text.strip()) == 3 and UUID(text)
def is_there(text): return text in CARTS
def filtered(rows, user_id=None):
    if user_id:
        rows = [each for each in rows if each.owner == user_id]
    return rows
def passed(user_id=None): return filtered([], user_id)
def looked(user_id=None): return database.of(user_id)
@app.get("/a")
def a(user_id: str | None = Query(None), user=Depends(current_user)):
    {line}
"""
CLAIM = ("name", "user_id")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("views(user_id, 1)", True),
        ("by_way(user_id, 1)", True),
        ("owned(user_id, user)", True),
        ("noted(user_id, user)", False),
        ("looked(user_id)", False),
        ("show() if user_id == user.id else 0", False),
    ],
)
def test_a_claim_is_settled_by_what_is_called_with_it(line: str, expected: bool) -> None:
    analysis = analysed(TEXT.replace("{line}", line))
    assert analysis.once(ClaimChecks).is_settled(CLAIM, function(analysis.program, "example.a")) is expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("if not looks_right(user_id): return", True),
        ("return looks_right(user_id)", False),
        ("if is_there(user_id): return", False),
        ("name = secure_filename(user_id)", True),
        ("if unknown(user_id): return", False),
    ],
)
def test_a_text_is_only_looked_at_where_no_store_is_asked(line: str, expected: bool) -> None:
    analysis = analysed(TEXT.replace("{line}", line))
    scope = function(analysis.program, "example.a")
    assert analysis.once(ClaimChecks).only_looks(scope.facts.calls[0], scope) is expected


@pytest.mark.parametrize(
    ("line", "expected"), [("filtered([], user_id)", True), ("passed(user_id=user_id)", True), ("looked(user_id)", False)]
)
def test_a_filter_may_be_left_out(line: str, expected: bool) -> None:
    analysis = analysed(TEXT.replace("{line}", line))
    scope = function(analysis.program, "example.a")
    assert analysis.once(ClaimChecks).may_be_left_out(scope.facts.calls[0], CLAIM, scope) is expected


def test_what_must_be_said_is_no_filter() -> None:
    analysis = analysed(TEXT.replace("{line}", "filtered([], user_id)").replace(" | None = Query(None)", ""))
    scope = function(analysis.program, "example.a")
    assert not analysis.once(ClaimChecks).may_be_left_out(scope.facts.calls[0], CLAIM, scope)


@pytest.mark.parametrize(
    ("default", "expected"), [("= 'Agent'", True), ("= Field(default='Agent')", True), ("= None", False), ("", False)]
)
def test_whoever_says_nothing_may_be_called_by_a_text(default: str, expected: bool) -> None:
    text = f"""
from pydantic import BaseModel, Field
class Body(BaseModel):
    author: str {default}
def show(body: Body): return body.author
"""
    analysis = analysed(text)
    scope = function(analysis.program, "example.show")
    found = analysis.once(ClaimChecks).is_named_by_default(("attribute", ("name", "body"), "author"), scope)
    assert found is expected
