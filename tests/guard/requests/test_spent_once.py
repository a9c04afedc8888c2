"""A refresh token that is read of a shared place, and exchanged before something new is put there, is spent by two."""

import pytest

from netra.guard.requests.sharing import Sharing
from netra.guard.requests.spent_once import spent_once
from tests.guard.programs import analysed

TEXT = """
from fastapi import FastAPI

app = FastAPI()
held = {{}}
other = {{}}


@app.get("/")
async def show(user: str):
    had = {had}
    if had.stale:
        fresh = await {spent}
        held[user] = fresh
"""


@pytest.mark.parametrize(
    ("had", "spent", "expected"),
    [
        ("held.get(user)", "exchange(refresh_token=had.refresh)", True),
        ("held[user]", 'http.post("/token", data={"grant_type": "refresh_token", "refresh_token": had["refresh"]})', True),
        ("other.get(user)", "exchange(refresh_token=had.refresh)", False),
        ("held.get(user)", "exchange(code=had.code)", False),
    ],
)
def test_what_is_spent(had: str, spent: str, expected: bool) -> None:
    analysis = analysed(TEXT.format(had=had, spent=spent))
    sharing = analysis.once(Sharing)
    assert [spent_once(each, sharing) is not None for each in sharing.writes] == [expected]


def test_what_is_spent_whatever_was_found_is_spent_on_purpose() -> None:
    analysis = analysed(
        TEXT.format(had="held.get(user)", spent="exchange(refresh_token=had.refresh)").replace("if had.stale", "while True")
    )
    sharing = analysis.once(Sharing)
    assert [spent_once(each, sharing) for each in sharing.writes] == [None]
