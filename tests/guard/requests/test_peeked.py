"""What is chosen in a shared list and taken out further down."""

import pytest

from netra.guard.requests.peeked import peeked
from tests.guard.programs import analysed, function

TEXT = """
import random

from fastapi import FastAPI

app = FastAPI()
free = ["a", "b"]
other = ["c"]


@app.post("/")
async def take(user: str):
    one = {chosen}
    await give(user, one)
    {taken}
"""


@pytest.mark.parametrize(
    ("chosen", "taken", "expected"),
    [
        ("free[0]", "free.pop(0)", ["free"]),
        ("free[0]", "del free[0]", ["free"]),
        ("free[-1]", "free.remove(one)", ["free"]),
        ("random.choice(free)", "free.remove(one)", ["free"]),
        ("next(iter(free))", "free.remove(one)", ["free"]),
        ("free[0]", "free.remove(user)", []),
        ("free[0]", "other.pop(0)", []),
        ("random.choice(free)", "free.pop()", []),
        ("free.pop()", "free.remove(one)", []),
        ("free[user]", "free.remove(one)", []),
    ],
)
def test_what_is_taken_out_is_what_was_chosen(chosen: str, taken: str, expected: list[str]) -> None:
    analysis = analysed(TEXT.format(chosen=chosen, taken=taken))
    scope = function(analysis.program, "example.take")
    assert [each.slot.name for each in peeked(scope, analysis)] == expected
