"""What makes a key, is told whose it is, and leaves that out."""

import pytest

from netra.guard.requests.key_makers import leaves_out
from tests.guard.programs import analysed

TEXT = """
from fastapi import FastAPI

app = FastAPI()


def key_of(user_id, room):
    return {made}


@app.get("/")
async def show(user_id: str, room: str):
    return await cache.get({asked})
"""


@pytest.mark.parametrize(
    ("made", "asked", "expected"),
    [
        ('f"room:{room}"', "key_of(user_id, room)", ["user_id"]),
        ('("room", room)', "key_of(user_id, room)", ["user_id"]),
        ('f"room:{user_id}:{room}"', "key_of(user_id, room)", []),
        ('f"room:{room}"', "key_of(None, room)", []),
        ('"room"', "key_of(user_id, room)", []),
        ("find(room)", "key_of(user_id, room)", []),
        ('f"room:{room}"', "made(key_of, user_id, room, key_of(user_id, room))", []),
    ],
)
def test_what_is_left_out(made: str, asked: str, expected: list[str]) -> None:
    assert [each.whose for each in leaves_out(analysed(TEXT.format(made=made, asked=asked)))] == expected
