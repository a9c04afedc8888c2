from netra.guard.facts import Expression
from netra.guard.requests.brought import Origin
from netra.guard.requests.made_for import MadeForOne
from netra.guard.symbols import FunctionSymbol
from tests.guard.programs import analysed, function

TEXT = """
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from fastapi import FastAPI
from tornado.web import RequestHandler
app = FastAPI()
class Work:
    def __init__(self, user): self.user = user
    def run(self): return self.user
class Page(RequestHandler):
    def get(self): ...
class Room(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content): ...
    def own(self): ...
class Job:
    def get(self): ...
@app.get("/a")
async def a(user):
    Work(user).run()
    Job().get()
"""
SELF = ("name", "self")


def personal(expression: Expression, scope: FunctionSymbol, line: int, depth: int) -> Origin | None:
    return Origin("user", (), personal=True) if expression == ("name", "user") else None


def test_an_object_that_is_made_for_a_request_keeps_what_it_was_given() -> None:
    analysis = analysed(TEXT)
    objects = MadeForOne(analysis, personal)
    run = function(analysis.program, "example.Work.run")
    kept = objects.kept("user", run, 0)
    assert kept is not None and kept.personal and "keeps in `self.user`" in kept.steps[-1].note
    assert objects.kept("other", run, 0) is None


def test_a_handler_of_a_framework_has_who_is_signed_in() -> None:
    analysis = analysed(TEXT)
    objects = MadeForOne(analysis, personal)
    signed_in = ("attribute", SELF, "current_user")
    page, job = (function(analysis.program, f"example.{name}.get") for name in ("Page", "Job"))
    assert objects.of_handler(signed_in, page) is not None
    assert objects.of_handler(("attribute", SELF, "settings"), page) is None
    assert objects.of_handler(signed_in, job) is None


def test_a_handler_of_one_connection_is_of_whoever_is_at_its_other_end() -> None:
    analysis = analysed(TEXT)
    objects = MadeForOne(analysis, personal)
    room, job = function(analysis.program, "example.Room.receive_json"), function(analysis.program, "example.Job.get")
    assert objects.of_connection("scope", room) is not None
    assert objects.of_connection("scope", job) is None
    assert objects.holding_connection(SELF, room) is not None
    assert objects.holding_connection(("attribute", SELF, "send_json"), room) is not None
    assert objects.holding_connection(SELF, job) is None
