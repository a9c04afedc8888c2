"""What is stored under a key, and changed where it lies."""

import pytest

from netra.guard.requests.changed_later import is_changed_later
from netra.guard.requests.sharing import Sharing
from tests.guard.programs import analysed

TEXT = """
from fastapi import FastAPI

app = FastAPI()
walls = {{}}


async def wall_of(team):
    if team not in walls:
        walls[team] = await load(team)
    return walls[team]


@app.post("/")
async def write(team: str, text: str):
    wall = await wall_of(team)
    {used}
    return {{}}
"""


@pytest.mark.parametrize(
    ("used", "expected"),
    [
        ("wall.append(text)", True),
        ("wall[text] = 1", True),
        ("show(wall)", False),
        ("wall.count(text)", False),
    ],
)
def test_who_asks_for_it_puts_something_in(used: str, expected: bool) -> None:
    analysis = analysed(TEXT.format(used=used))
    (write,) = [each for each in analysis.once(Sharing).writes if each.slot.name == "walls"]
    assert is_changed_later(analysis, write, write.scope) is expected
