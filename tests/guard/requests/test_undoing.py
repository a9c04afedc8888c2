from netra.guard.requests.sharing import Sharing
from netra.guard.requests.undoing import Undoing
from tests.guard.programs import analysed

TEXT = """
from fastapi import FastAPI, WebSocket
app = FastAPI()
never = []
handlers = []
swept = []
def add(handler):
    handlers.append(handler)
def remove(handler):
    handlers.remove(handler)
def keep(handler):
    swept.append(handler)
def sweep():
    swept.clear()
@app.websocket("/a")
async def a(websocket: WebSocket):
    never.append(websocket)
    keep(websocket)
    add(websocket)
@app.websocket("/b")
async def b(websocket: WebSocket):
    add(websocket)
    remove(websocket)
@app.get("/c")
async def c():
    sweep()
@app.websocket("/d")
async def d(websocket: WebSocket):
    add(websocket)
    async def finish():
        remove(websocket)
    await run(finish)
"""


def test_a_call_that_only_adds_is_found_where_all_others_take_out_what_they_have_added() -> None:
    analysis = analysed(TEXT)
    undoing = Undoing(analysis)
    writes = {each.slot.name: each for each in analysis.once(Sharing).writes}
    forgotten = undoing.forgotten(writes["handlers"])
    assert forgotten is not None and [(caller.name, call.line) for caller, call in forgotten] == [("a", 19)]


def test_where_anybody_else_takes_something_out_nothing_is_known_and_what_nobody_takes_from_is_named() -> None:
    analysis = analysed(TEXT)
    undoing = Undoing(analysis)
    writes = {each.slot.name: each for each in analysis.once(Sharing).writes}
    assert undoing.is_taken_from(writes["swept"]) and undoing.forgotten(writes["swept"]) is None
    assert not undoing.is_taken_from(writes["never"])
