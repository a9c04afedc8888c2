"""The words by which a program calls who is signed in are those under which its routes tell others."""

import pytest

from netra.guard.requests.called import Called
from tests.guard.programs import analysed

TEXT = """
    from fastapi import Depends, FastAPI, HTTPException, Request

    app = FastAPI()

    def whoever(request: Request):
        if "account" not in request.session:
            raise HTTPException(401)
        return request.session["account"]

    def rides_of(rider_id, page): ...

    @app.get("/rides")
    async def rides(page: str, me=Depends(whoever)):
        {line}
    """


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("rides_of(me, page)", {"rider"}),
        ("Loan.filter(reader=me, page=page)", {"reader"}),
        ("select(Loan).where(Loan.reader_id == me)", {"reader"}),
        ("await db.find_one({'writer': me, 'page': page})", {"writer"}),
        ("rides_of(page, page)", set()),
        ("load(id=me)", set()),
    ],
)
def test_a_word_stands_where_somebody_is_told(line: str, expected: set[str]) -> None:
    assert analysed(TEXT.replace("{line}", line)).once(Called).words == expected


def test_a_word_is_the_same_with_what_stands_before_and_behind_it() -> None:
    called = analysed(TEXT.replace("{line}", "rides_of(me, page)")).once(Called)
    assert all(called.is_one(each) for each in ("rider", "rider_id", "X-Rider-Id", "current_rider"))
    assert not any(called.is_one(each) for each in ("page", "me", "riders"))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("drive(agent=me); show(me.get('user_id'))", set()),
        ("drive(agent=me); show(me['owner'])", set()),
        ("drive(agent=me); name = me.owner_id", set()),
        ("drive(agent=me); show(me.get('name'))", {"agent"}),
    ],
)
def test_what_has_an_owner_is_no_word_for_anybody(line: str, expected: set[str]) -> None:
    assert analysed(TEXT.replace("{line}", line)).once(Called).words == expected
