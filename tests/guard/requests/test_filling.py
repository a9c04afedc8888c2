from netra.guard.requests.filling import FilledParameters
from tests.guard.programs import analysed, function

TEXT = """
from fastapi import FastAPI
app = FastAPI()
class Above:
    def keep(self, what): ...
class Below(Above):
    def keep(self, what): ...
class Job:
    def __init__(self, owner, *, title=None): ...
def plain(first, second=2): ...
@app.get("/a")
async def a(user, store: Above):
    plain(user, second=3)
    Job(user, title="x")
    store.keep(user)
    unknown(user)
    below = Below()
    below.keep(1)
"""


def test_each_call_fills_the_parameters_of_what_it_may_call() -> None:
    analysis = analysed(TEXT)
    found = {
        (f.full_name, name, given)
        for f, name, given, _ in FilledParameters(analysis).by(function(analysis.program, "example.a"))
    }
    user, one = ("name", "user"), ("constant", "int")
    assert found == {
        ("example.plain", "first", user),
        ("example.plain", "second", one),
        ("example.Job.__init__", "owner", user),
        ("example.Job.__init__", "title", ("string", "x")),
        ("example.Above.keep", "what", user),
        ("example.Below.keep", "what", user),
        ("example.Below.keep", "what", one),
    }


def test_what_runs_later_is_filled_by_who_lets_it_run() -> None:
    text = """
import threading
from fastapi import FastAPI
app = FastAPI()
def later(key): ...
@app.get("/")
async def index(key, tasks):
    tasks.add_task(later, key)
    threading.Thread(target=later, args=(key,)).start()
"""
    analysis = analysed(text)
    found = [
        (f.name, name, given)
        for f, name, given, _ in FilledParameters(analysis).by(function(analysis.program, "example.index"))
    ]
    assert found == [("later", "key", ("name", "key"))] * 2
