"""What whoever is served has made on the way to a function is no other's, also where it is a part of something."""

import pytest

from netra.guard.facts import Expression
from netra.guard.requests.made_on_the_way import is_made_on_the_way
from tests.guard.programs import analysed, function

TEXT = """
from fastapi import FastAPI
from library import Bot
app = FastAPI()
everybody = Bot()
class Setup:
    def __init__(self, bot): self.bot = bot
class Kept:
    def __init__(self, bot): self.bot = everybody
def make(token):
    bot = Bot(token)
    return bot
_one = None
def one():
    global _one
    _one = _one or Bot()
    return _one
def anew(bot): ...
def shared(bot): ...
def either(bot): ...
def got(bot): ...
def part(setup: Setup): ...
def kept(setup: Kept): ...
def free(setup): ...
@app.post("/start")
def start(token: str):
    bot = make(token)
    anew(bot)
    anew(Bot(token))
    shared(everybody)
    either(bot)
    either(everybody)
    got(one())
    part(Setup(bot))
    kept(Kept(bot))
    free(bot)
"""


@pytest.mark.parametrize(
    ("name", "place", "expected"),
    [
        ("anew", ("name", "bot"), True),
        ("shared", ("name", "bot"), False),
        ("either", ("name", "bot"), False),
        ("got", ("name", "bot"), False),
        ("part", ("attribute", ("name", "setup"), "bot"), True),
        ("kept", ("attribute", ("name", "setup"), "bot"), False),
        ("free", ("attribute", ("name", "setup"), "bot"), False),
    ],
)
def test_it_is_made_for_whoever_is_served(name: str, place: Expression, expected: bool) -> None:
    analysis = analysed(TEXT)
    assert is_made_on_the_way(place, function(analysis.program, f"example.{name}"), analysis) is expected
