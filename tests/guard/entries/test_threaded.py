from netra.guard.entries.sorts import ROUTE
from netra.guard.entries.threaded import Threaded, is_pooled
from tests.guard.programs import analysed, function

TEXT = """
import asyncio
from functools import partial
from threading import Thread

from fastapi import FastAPI

app = FastAPI()

class Base:
    def run(self): ...

    async def start(self):
        await asyncio.to_thread(self.run)

class Below(Base):
    def run(self): ...

def bound(number): ...

def targeted(): ...

def alone(): ...

async def begin(loop):
    await loop.run_in_executor(None, partial(bound, 1))
    Thread(target=targeted).start()
    alone()

@app.get("/plain")
def plain(): ...

@app.get("/late")
async def late(): ...
"""


def test_what_is_given_to_a_thread_is_known_with_its_overrides() -> None:
    analysis = analysed(TEXT)
    threaded = Threaded(analysis.program, analysis.receivers)
    found = [each.facts.qualified for each in analysis.program.scopes if threaded.by(each) is not None]
    assert found == ["Base.run", "Below.run", "bound", "targeted"]


def test_a_plain_route_runs_in_a_pool_and_a_late_one_does_not() -> None:
    program = analysed(TEXT).program
    assert is_pooled(function(program, "example.plain"), ROUTE, program)
    assert not is_pooled(function(program, "example.late"), ROUTE, program)
