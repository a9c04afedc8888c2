"""A way leads through calls, and through `with` and setters where those are what leads there."""

import pytest

from netra.guard.requests.ways import way_to
from tests.guard.programs import analysed, function

TEXT = """
from fastapi import FastAPI
app = FastAPI()
class Scope:
    def __enter__(self): begin()
    def __exit__(self, *error): ...
    @property
    def name(self): ...
    @name.setter
    def name(self, value): named()
def begin(): ...
def named(): ...
def called(): ...
def alone(): ...
scope = Scope()
@app.get("/")
async def index():
    called()
    scope.name = "x"
    with Scope():
        return 1
"""


@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("called", "which leads to `called`"),
        ("begin", "which leads to `begin`"),
        ("named", "which leads to `named`"),
        ("alone", None),
    ],
)
def test_a_function_is_led_to(name: str, last: str | None) -> None:
    analysis = analysed(TEXT)
    notes = [each.note for each in way_to(analysis, function(analysis.program, f"example.{name}"))]
    assert (notes[-1] if notes else None) == last
