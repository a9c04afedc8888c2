"""What is kept is of who is signed in where it is that one, holds it as it is, or is what they prove themselves with."""

import pytest

from netra.guard.requests.signed import acts_for_somebody, who_signed_in
from tests.guard.programs import analysed, function

TEXT = """
    from fastapi import FastAPI, HTTPException, Request

    app = FastAPI()

    @app.get("/rides")
    async def rides(request: Request, page: str):
        rider = await pool.fetchrow("select 1 from riders where token = $1", request.cookies.get("rides"))
        if rider is None:
            raise HTTPException(401)
        kept = {value}
    """


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("rider", True),
        ("rider['id']", True),
        ("{'rider': rider, 'page': page}", True),
        ("f'rider:{rider}'", True),
        ("request.headers['authorization'].removeprefix('Bearer ')", True),
        ("page", False),
        ("count(rider)", False),
        ("request.headers['accept']", False),
    ],
)
def test_a_value_is_of_who_is_signed_in(value: str, *, expected: bool) -> None:
    analysis = analysed(TEXT.replace("{value}", value))
    scope = function(analysis.program, "example.rides")
    each = scope.assigned["kept"][0]
    assert (who_signed_in(analysis, each.value, scope, each.line) is not None) == expected


@pytest.mark.parametrize(("value", "expected"), [("await load(rider['id'])", True), ("await load(page)", False)])
def test_a_function_acts_for_somebody(value: str, *, expected: bool) -> None:
    analysis = analysed(TEXT.replace("{value}", value))
    assert acts_for_somebody(analysis, function(analysis.program, "example.rides")) == expected
