"""`netra.guard.unasked`: what a function does only for an argument that nobody passes."""

import pytest

from netra.guard.unasked import is_for_nobody
from tests.guard.programs import analysed, function

TEXT = """
def alone(path=None):
    if path:
        load(path)
def asked(path=None):
    if path is not None:
        load(path)
def handed(path=None):
    if path:
        load(path)
def handing(path=None):
    return handed(path)
def needed(path):
    if path:
        load(path)
def found(path=None):
    path = path or "here"
    if path:
        load(path)
class Store:
    def fill(self, path=None):
        if path:
            load(path)
    def empty(self, path=None):
        if path:
            load(path)
def main(store):
    asked("there")
    handing()
    store.fill("there")
    store.empty()
"""


@pytest.mark.parametrize(
    ("name", "nobody"),
    [
        ("alone", True),
        ("asked", False),
        ("handed", True),
        ("needed", False),
        ("found", False),
        ("Store.fill", False),
        ("Store.empty", True),
    ],
)
def test_a_line_is_for_nobody_whose_argument_no_call_passes(name: str, nobody: bool) -> None:
    analysis = analysed(TEXT)
    scope = function(analysis.program, f"example.{name}")
    assert is_for_nobody(scope.facts.end_line, scope, analysis) is nobody
