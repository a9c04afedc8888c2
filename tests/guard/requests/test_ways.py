"""A way leads through calls, and through a `with` where that is what leads there."""

import pytest

from netra.guard.requests.ways import way_to
from tests.guard.programs import analysed, function

TEXT = """
from fastapi import FastAPI
app = FastAPI()
class Above:
    def __enter__(self): begin()
    def __exit__(self, *error): ...
class Scope(Above): ...
class Kept(Above):
    def __enter__(self): kept()
class Other:
    def __enter__(self): alone()
def begin(): ...
def kept(): ...
def called(): ...
def alone(): ...
@app.get("/")
async def index():
    called()
    other = Other()
    scope = Kept()
    with Scope(), scope:
        return other
"""


@pytest.mark.parametrize(
    ("name", "notes"),
    [
        ("called", ["which leads to `called`"]),
        ("begin", ["which leads to `Above.__enter__`", "which leads to `begin`"]),
        ("kept", ["which leads to `Kept.__enter__`", "which leads to `kept`"]),
        ("alone", []),
    ],
)
def test_a_function_is_led_to(name: str, notes: list[str]) -> None:
    analysis = analysed(TEXT)
    way = way_to(analysis, function(analysis.program, f"example.{name}"))
    assert [each.note for each in way][1:] == notes
