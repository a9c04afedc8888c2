"""Tests that ask whether there is an entry under a key."""

import pytest

from netra.guard.requests.sharing import Sharing
from netra.guard.requests.taken_already import TakenAlready
from tests.guard.programs import analysed, function

TEXT = """
from fastapi import FastAPI

app = FastAPI()
held = {{}}
other = {{}}


def is_free(who, place):
    entry = held.get(place)
    return entry is None or entry == who


def is_taken(place):
    return place in held


def is_known(place):
    return is_there(place) or place in held


def is_there(place):
    return is_known(place)


@app.post("/")
async def take(user: str, place: str):
    found = held.get(place)
    if {test}:
        return
    held[place] = user
"""


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("place in held", True),
        ("place not in held", False),
        ("held.get(place)", True),
        ("held.get(place) is not None", True),
        ("held.get(place) is None", False),
        ("found", True),
        ("found is not None and found != user", True),
        ("not found", False),
        ("found != user", False),
        ("not is_free(user, place)", True),
        ("is_free(user, place)", False),
        ("is_taken(place)", True),
        ("not is_taken(place)", False),
        ("is_taken(user)", False),
        ("is_known(place)", True),
        ("other.get(place)", False),
        ("held.get(user)", False),
    ],
)
def test_it_tells_a_test_that_finds_an_entry(test: str, expected: bool) -> None:
    analysis = analysed(TEXT.format(test=test))
    scope = function(analysis.program, "example.take")
    (write,) = analysis.once(Sharing).writes
    block = next(each for each in scope.facts.blocks if each.what == "if")
    taken = analysis.once(TakenAlready)
    assert taken.found_by(block.expressions[0], write.slot, write.key, scope) is expected
