"""Who is found by a proof is somebody, under whatever name, where nobody goes on without."""

import pytest

from netra.guard.requests.proven import Proven
from tests.guard.programs import analysed, function

TEXT = """
    from fastapi import FastAPI, HTTPException, Request

    app = FastAPI()

    def bearer(request): return request.headers["authorization"].removeprefix("Bearer ")

    @app.get("/rides")
    async def rides(request: Request, page: str):
        row = {value}
        if {test}:
            {away}
        return row
    """


def _is_found(value: str, test: str = "row is None", away: str = "raise HTTPException(401)") -> bool:
    analysis = analysed(TEXT.format(value=value, test=test, away=away))
    return analysis.once(Proven).found("row", function(analysis.program, "example.rides")) is not None


@pytest.mark.parametrize(
    "value",
    [
        "await pool.fetchrow('select 1 from riders where token = $1', request.cookies.get('rides'))",
        "await redis.get(f\"login:{request.cookies['sid']}\")",
        "await pool.fetchval(SQL, request.headers.get('x-api-key', ''))",
        "await riders.by_token(bearer(request))",
        "await db.scalar(select(Rider).where(Rider.cookie == request.cookies['sid']))",
    ],
)
def test_what_is_looked_up_under_a_proof_is_somebody(value: str) -> None:
    assert _is_found(value)
    assert _is_found(value, test="not row", away="return None")


@pytest.mark.parametrize(
    "value",
    [
        "await pool.fetchrow('select 1 from pages where number = $1', page)",
        "await pool.fetchrow(SQL, request.headers.get('accept-language'))",
        "await tables.get(request.cookies.get('lang'))",
        "await tables.get(request.cookies['theme'])",
        "request.cookies.get('rides')",
        "len(request.cookies)",
    ],
)
def test_what_is_looked_up_under_anything_else_is_nobody(value: str) -> None:
    assert not _is_found(value)


def test_nobody_is_found_where_who_is_not_known_goes_on() -> None:
    value = "await pool.fetchrow(SQL, request.cookies.get('rides'))"
    assert not _is_found(value, away="row = {}")
    assert not _is_found(value, test="page is None")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("if 'rider' not in request.session: raise HTTPException(401)", {"rider"}),
        ("if not request.session.get('rider'): return None", {"rider"}),
        ("rider = request.session.get('rider')\n        if rider is None: raise HTTPException(401)", {"rider"}),
        ("if 'cart' not in request.session: raise HTTPException(404)", set()),
        ("if 'rider' not in request.session: request.session['rider'] = 1", set()),
        ("if 'rider' not in request.query_params: raise HTTPException(401)", set()),
    ],
)
def test_a_session_holds_who_has_signed_in_where_nobody_goes_on_without(lines: str, expected: set[str]) -> None:
    text = f"""
    from fastapi import FastAPI, HTTPException, Request

    app = FastAPI()

    @app.get("/rides")
    async def rides(request: Request):
        {lines}
        return 1
    """
    assert analysed(text).once(Proven).session_keys == expected
