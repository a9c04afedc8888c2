from netra.guard.requests.brought import Origin
from netra.guard.requests.origins import Origins
from tests.guard.programs import analysed, function

TEXT = """
from fastapi import Depends, FastAPI, Request
app = FastAPI()
def get_current_user(): ...
def get_db(): ...
class Job:
    def __init__(self, owner): self.owner = owner
def same(value): return value
def other(value): return settings
def deep(whose, question, database, request):
    answer = ask(question)
    kept = answer
    kept = 1
    given = same(question)
    nothing = other(question)
    job = Job(whose)
    header = request.headers["x"]
    state = request.app.state.x
    return locals()
@app.get("/a")
async def a(request: Request, question: str, user=Depends(get_current_user), db=Depends(get_db)):
    return deep(user, question, db, request)
"""


def origin(name: str, *, line: int = 0) -> Origin | None:
    analysis = analysed(TEXT)
    return Origins(analysis).of(("name", name), function(analysis.program, "example.deep"), line)


def test_what_a_request_brings_is_followed_through_arguments_returns_and_constructors() -> None:
    for name, expected in {
        "whose": "user",
        "answer": "question",
        "given": "question",
        "job": "user",
        "header": "request",
    }.items():
        found = origin(name)
        assert found is not None and found.name == expected, name


def test_what_the_process_owns_is_of_no_request() -> None:
    assert [name for name in ("database", "state", "nothing") if origin(name) is not None] == []


def test_a_user_is_told_from_other_data() -> None:
    user, data = origin("whose"), origin("question")
    assert user is not None and user.personal
    assert data is not None and not data.personal


def test_at_a_line_a_name_is_what_it_last_was_above() -> None:
    assert origin("kept", line=13) is not None
    assert origin("kept", line=14) is None


def test_a_socket_is_one_persons_under_any_name_and_what_is_said_over_it_need_not_be() -> None:
    text = """
from fastapi import FastAPI, WebSocket
app = FastAPI()
@app.websocket("/a")
async def a(connection: WebSocket):
    text = await connection.receive_text()
    user = decoded(text)
    return locals()
"""
    analysis = analysed(text)
    scope = function(analysis.program, "example.a")
    found = {name: Origins(analysis).of(("name", name), scope) for name in ("connection", "text", "user")}
    assert {name: each is not None and each.personal for name, each in found.items()} == {
        "connection": True,
        "text": False,
        "user": True,
    }


def test_of_a_task_only_what_is_said_to_be_a_users_is_followed_and_into_what_a_query_lets_through() -> None:
    text = """
from celery import Celery
celery = Celery()
@celery.task
def count(user_id, name):
    rows = session.query(Row).filter(Row.owner == user_id)
    others = session.query(Row).filter(Row.name == name)
    return rows, others
"""
    analysis = analysed(text)
    scope = function(analysis.program, "example.count")
    rows, others = (Origins(analysis).of(("name", name), scope) for name in ("rows", "others"))
    assert rows is not None and rows.name == "user_id"
    assert others is None


def test_a_function_that_is_handed_on_holds_what_it_closes_over() -> None:
    text = """
from fastapi import Depends, FastAPI, WebSocket
app = FastAPI()
def get_current_user(): ...
def keep(first, second, third, fourth): return locals()
@app.websocket("/a")
async def a(websocket: WebSocket, user=Depends(get_current_user)):
    def heard(text): return user, text
    def plain(text): return text
    keep(heard, plain, lambda: user, websocket.send_text)
"""
    analysis = analysed(text)
    scope = function(analysis.program, "example.keep")
    found = {each: Origins(analysis).of(("name", each), scope) for each in ("first", "second", "third", "fourth")}
    assert {name for name, origin in found.items() if origin is not None and origin.personal} == {"first", "third", "fourth"}
    assert found["second"] is None


def test_an_object_that_gives_itself_is_what_it_was_made_of() -> None:
    text = """
from fastapi import Depends, FastAPI
app = FastAPI()
def get_current_user(): ...
class Server:
    def __init__(self, token): self.token = token
    async def start(self, port): return self
@app.get("/a")
async def a(port: int, user=Depends(get_current_user)):
    server = await Server(user.token).start(port)
    plain = await Server("none").start(port)
"""
    analysis = analysed(text)
    scope = function(analysis.program, "example.a")
    server = Origins(analysis).of(("name", "server"), scope)
    assert server is not None and server.personal
    assert Origins(analysis).of(("name", "plain"), scope) is None


def test_what_one_call_passes_is_not_in_what_another_gets_and_wears_out_on_a_long_way() -> None:
    text = """
from fastapi import Depends, FastAPI
app = FastAPI()
def get_current_user(): ...
def row(parameters): return fetch(parameters)
def one(first): return two(first)
def two(second): return three(second)
def three(third): return four(third)
def four(fourth): return five(fourth)
def five(fifth): return six(fifth)
def six(sixth): return sixth
@app.get("/a")
async def a(user=Depends(get_current_user)):
    of_user = row(user)
    of_nobody = row("all")
    one(user)
"""
    analysis = analysed(text)
    origins, scope = Origins(analysis), function(analysis.program, "example.a")
    assert origins.of(("name", "of_user"), scope) is not None and origins.of(("name", "of_nobody"), scope) is None
    near, far = (
        origins.of(("name", name), function(analysis.program, f"example.{at}"))
        for name, at in (("fourth", "four"), ("sixth", "six"))
    )
    assert near is not None and near.personal
    assert far is not None and not far.personal


def test_who_is_served_is_read_of_a_handler_and_of_what_middleware_has_put_into_a_request() -> None:
    text = """
from fastapi import FastAPI, Request, WebSocket
from tornado.web import RequestHandler
app = FastAPI()
class Client:
    def __init__(self, name, websocket): self.websocket = websocket
class Page(RequestHandler):
    def get(self):
        handled = self.current_user
        other = self.settings
        return locals()
class Job:
    def get(self):
        nobody = self.current_user
        return locals()
@app.get("/a")
async def a(request: Request):
    by_middleware = request.state.user
    by_framework = request.user
    plain = request.state.started
    Job().get()
    return locals()
@app.websocket("/b")
async def b(websocket: WebSocket, name: str):
    client = Client(name, websocket)
    said = spoken(name, websocket)
    return locals()
"""
    analysis = analysed(text)
    origins = Origins(analysis)
    names = {
        "Page.get": ("handled", "other"),
        "Job.get": ("nobody",),
        "a": ("by_middleware", "by_framework", "plain"),
        "b": ("client", "said"),
    }
    found = {
        name: origins.of(("name", name), function(analysis.program, f"example.{at}"))
        for at, each in names.items()
        for name in each
    }
    personal = {name for name, origin in found.items() if origin is not None and origin.personal}
    assert personal == {"handled", "by_middleware", "by_framework", "client"}


def test_what_a_test_may_have_replaced_is_what_it_was_before_as_well() -> None:
    text = """
from fastapi import FastAPI
app = FastAPI()
@app.get("/")
def index(zone: str, place: str, name: str):
    if zone not in ZONES:
        zone = "UTC"
    text = place
    try:
        text = work()
    except ValueError:
        text = "none"
    name = "fixed"
    return zone, text, name
"""
    analysis = analysed(text)
    index, origins = function(analysis.program, "example.index"), analysis.once(Origins)
    found = {each: origins.of(("name", each), index, 14) for each in ("zone", "text", "name")}
    assert {each: None if origin is None else origin.name for each, origin in found.items()} == {
        "zone": "zone",
        "text": None,
        "name": None,
    }


def test_what_a_function_puts_into_what_it_gives_is_in_it() -> None:
    text = """
from fastapi import FastAPI
app = FastAPI()
async def keys(shop):
    found = {}
    for row in await rows(shop):
        found[row.name] = row.value
    return found
async def names(shop):
    return {}
@app.get("/")
async def index(shop: str):
    one = await keys(shop)
    other = await names(shop)
    return one, other
"""
    analysis = analysed(text)
    index, origins = function(analysis.program, "example.index"), analysis.once(Origins)
    assert origins.of(("name", "one"), index, 16) is not None and origins.of(("name", "other"), index, 16) is None
