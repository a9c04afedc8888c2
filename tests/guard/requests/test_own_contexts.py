"""A variable in which a program leaves who is asking is who is asking, whatever it is called; another one is not."""

import pytest

from netra.guard.facts import Expression
from netra.guard.requests.identities import SignedIn
from tests.guard.programs import analysed, function

TEXT = """
import threading
from dataclasses import dataclass
from contextvars import ContextVar
from fastapi import FastAPI, Request


@dataclass
class Seat:
    holder: str
    row: int


app = FastAPI()
seat = ContextVar("seat")
state = threading.local()


@app.middleware("http")
async def enter(request: Request, call_next):
    {kept}
    return await call_next(request)


def now():
    return {read}


@app.get("/")
async def show():
    return now()
"""


@pytest.mark.parametrize(
    ("kept", "read"),
    [
        ("seat.set(request.user.id)", "seat.get()"),
        ("seat.set(Seat(request.user.id, 3))", "seat.get().holder"),
        ("seat.set(Seat(row=3, holder=request.user.id))", "seat.get().holder"),
        ("state.rider = request.user", "state.rider"),
        ("state.rider = request.user", "getattr(state, 'rider', None)"),
    ],
)
def test_who_is_asking_is_left_there(kept: str, read: str) -> None:
    analysis = analysed(TEXT.format(kept=kept, read=read))
    scope = function(analysis.program, "example.show")
    called: Expression = scope.facts.returned[0].value
    assert analysis.once(SignedIn).of(called, scope) is not None


@pytest.mark.parametrize(
    ("kept", "read"),
    [
        ("seat.set(request.query_params['q'])", "seat.get()"),
        ("state.rider = request.user", "state.page"),
        ("state.page = request.url", "state.page"),
        ("seat.set(Seat(request.user.id, 3))", "seat.get().row"),
    ],
)
def test_something_else_is_left_there(kept: str, read: str) -> None:
    analysis = analysed(TEXT.format(kept=kept, read=read))
    scope = function(analysis.program, "example.show")
    assert analysis.once(SignedIn).of(scope.facts.returned[0].value, scope) is None
