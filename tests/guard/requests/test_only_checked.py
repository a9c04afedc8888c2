"""Who is told only so that it can be asked whether they may, has no part in what is given."""

import pytest

from netra.guard.requests.only_checked import is_only_let_in, only_checks
from netra.guard.requests.storing import Storing
from tests.guard.programs import analysed, function

TEXT = """
from fastapi import Depends, FastAPI
app = FastAPI()
clients = {}
def get_current_user(): ...
def allowed(number, user):
    room = rooms[number]
    if user not in room.members:
        raise LookupError
    return room
def made(number, user):
    if user is None:
        raise LookupError
    return Room(number, user)
def told(number, user):
    database.act_for(user)
    if not user:
        raise LookupError
    return database.room(number)
def unasked(number, user): return rooms[number]
def within(number, user):
    with database.of(user):
        if not user:
            raise LookupError
        return rooms[number]
def client_of(number, room):
    if number not in clients:
        clients[number] = Client(room)
    return clients[number]
@app.get("/a")
async def a(number: str, current_user=Depends(get_current_user)):
    room = {name}(number, current_user)
    return client_of(number, room)
"""


@pytest.mark.parametrize(
    ("name", "expected"), [("allowed", True), ("made", False), ("told", False), ("unasked", False), ("within", False)]
)
def test_a_function_only_asks_or_makes_something_of_it(name: str, expected: bool) -> None:
    analysis = analysed(TEXT.replace("{name}", name))
    scope = function(analysis.program, "example.a")
    call = next(each for each in scope.facts.calls if each.callee == ("name", name))
    assert only_checks(analysis, call, ("name", "current_user"), scope) is expected
    (write,) = [each for each, _ in analysis.once(Storing).told if each.scope is scope]
    assert is_only_let_in(analysis, write) is expected
