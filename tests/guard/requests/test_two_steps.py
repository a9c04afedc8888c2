"""Each kind of change outside of the process is said in words of its own, with where it was looked at before."""

import pytest

from netra.guard.requests.two_steps import two_steps
from tests.guard.programs import analysed, function

TEXT = """
from fastapi import FastAPI
from elsewhere import redis

app = FastAPI()


@app.post("/")
async def add(db, slot, user_id):
    {lines}
"""


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("if await redis.get(slot): return None", "await redis.set(slot, 1)"), "free"),
        (("n = int(await redis.get(slot))", "await redis.set(slot, n + 1)"), "what others count"),
        (("if int(await redis.get(slot)) < 5:", "    await redis.incr(slot)"), "over its limit"),
        (("row = await db.get(Slot, slot)", "if row.left < 1: raise Full", "row.left -= 1; await db.commit()"), "row.left"),
        (("row = await db.get(Slot, slot)", "if row.who: raise Full", "row.who = user_id; await db.commit()"), "row.who"),
        (
            ("n = await Taken.filter(slot=slot).count()", "if n >= slot.room: raise Full", "await Taken.create(slot=slot)"),
            "room",
        ),
        (("if await db.find_one({'a': slot}): raise Full", "await db.insert_one({'a': slot})"), "the same into"),
    ],
)
def test_it_is_said(lines: tuple[str, ...], expected: str) -> None:
    analysis = analysed(TEXT.format(lines="\n    ".join(lines)))
    (found,) = two_steps(function(analysis.program, "example.add"), analysis)
    assert expected in found.message
    assert found.looked < found.line
