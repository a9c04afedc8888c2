import pytest

from netra.guard.entries.unused import NamesUsed
from tests.guard.programs import analysed, function

TEXT = """
import elsewhere
def _nobody():
    def inner(): ...
def _caller(): ...
def _asked_for(): ...
@elsewhere.noted
def _noted(): ...
def shown():
    _caller()
    return getattr(elsewhere, "_asked_for")
class Report:
    def __init__(self): ...
    def _old(self): ...
    def _new(self): ...
    def show(self): return self._new
"""


@pytest.mark.parametrize(
    ("name", "unused"),
    [
        ("_nobody", True),
        ("_nobody.inner", True),
        ("_caller", False),
        ("_asked_for", False),
        ("_noted", False),
        ("shown", False),
        ("Report.__init__", False),
        ("Report._old", True),
        ("Report._new", False),
        ("Report.show", False),
    ],
)
def test_a_private_function_that_nothing_names_is_unused_with_all_in_it(name: str, unused: bool) -> None:
    program = analysed(TEXT).program
    assert program.once(NamesUsed).is_unused(function(program, f"example.{name}")) is unused
