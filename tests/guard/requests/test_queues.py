"""Which queues there is one of."""

import pytest

from netra.guard.requests.queues import TAKING, queue_asked
from netra.guard.requests.sharing import Sharing
from tests.guard.programs import analysed

TEXT = """
import asyncio, queue
from fastapi import FastAPI
app = FastAPI()
jobs = asyncio.Queue()
maybe = queue.Queue() if app else {}
table = {}
class Line:
    def __init__(self):
        self.queue = queue.SimpleQueue()
line = Line()
@app.get("/next")
async def following():
    own = asyncio.Queue()
    return EXPRESSION
"""


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("await jobs.get()", "jobs"),
        ("line.queue.get_nowait()", "queue"),
        ("await own.get()", None),
        ("table.get()", None),
        ("Line().queue.get()", None),
        ("maybe.get()", None),
    ],
)
def test_a_queue_of_the_process_is_asked(expression: str, expected: str | None) -> None:
    analysis = analysed(TEXT.replace("EXPRESSION", expression))
    scope, call = next((scope, call) for scope, _, call in analysis.calls_of(*TAKING) if scope.name == "following")
    slot = queue_asked(call, scope, analysis.once(Sharing))
    assert (slot and slot.name) == expected
