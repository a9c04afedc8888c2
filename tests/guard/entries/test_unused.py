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


PUBLIC = """
import elsewhere
from contextlib import closing
__all__ = ["promised"]
def forgotten():
    def inner(): ...
    return inner
def promised(): ...
def called(): ...
def main(): called()
@elsewhere.noted
def noted(): ...
class Report:
    def show(self): ...
    def hide(self): ...
class Base:
    def __init_subclass__(cls): ...
class Registered(Base):
    def show_all(self): ...
class Handler(elsewhere.Handler):
    def do_something(self): ...
class Used:
    def unseen(self): ...
Used().show()
"""

# A program that calls what it has.
OTHERS = "\n".join(f"def step_{number}(): step_{number}()" for number in range(60))


@pytest.mark.parametrize(
    ("name", "unnamed"),
    [
        ("forgotten", "forgotten"),
        ("forgotten.inner", "forgotten"),
        ("promised", None),
        ("called", None),
        ("main", None),
        ("noted", None),
        ("Report.show", "Report"),
        ("Report.hide", "hide"),
        ("Registered.show_all", None),
        ("Handler.do_something", None),
        ("Used.unseen", "unseen"),
    ],
)
def test_of_a_public_function_it_is_said_that_nothing_names_it(name: str, unnamed: str | None) -> None:
    program = analysed(PUBLIC + OTHERS).program
    step = program.once(NamesUsed).unnamed(function(program, f"example.{name}"))
    assert (None if step is None else step.note.split("`")[1]) == unnamed


@pytest.mark.parametrize("others", ["", OTHERS.replace("(): ", "(): own_")])
def test_nothing_is_said_of_a_small_program_or_of_a_library(others: str) -> None:
    program = analysed(PUBLIC + others).program
    assert program.once(NamesUsed).unnamed(function(program, "example.forgotten")) is None
