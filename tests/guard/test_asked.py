"""A touch of the environment is about the text that stands there, or that a name has got; of anything else nothing is known."""

import pytest

from netra.guard.analysis import Analysis
from netra.guard.asked import asked_for, call_of, looked_for, named, several, stored, text_of
from netra.guard.facts import Expression, Mention
from netra.guard.symbols import FunctionSymbol
from tests.guard.programs import analysed

NAMES = """
import os
from enum import Enum
from functools import partial
class Key(Enum):
    TITLE = "APP_TITLE"
ONE = "ONE"
TWICE = "A"
TWICE = "B"
SEVERAL = ("A", "B")
def of_caller(name): ...
"""

ENVIRON: Expression = ("attribute", ("name", "os"), "environ")
GETENV: Expression = ("attribute", ("name", "os"), "getenv")


def mentioned(line: str, expression: Expression) -> tuple[Analysis, FunctionSymbol, Mention]:
    """The one mention of `os.environ`, or of what else, in a line of a program."""
    analysis = analysed(f"{NAMES}{line}\n")
    top = analysis.modules[0].top
    (mention,) = [each for each in top.facts.mentions if each.expression == expression]
    return analysis, top, mention


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("'A'", "A"),
        ("b'A'", "A"),
        ("ONE", "ONE"),
        ("f'{ONE}_KEY'", "ONE_KEY"),
        ("'APP_' + ONE", "APP_ONE"),
        ("Key.TITLE", "APP_TITLE"),
        ("Key.TITLE.value", "APP_TITLE"),
        ("TWICE", ""),
        ("f'{TWICE}_KEY'", ""),
        ("elsewhere", ""),
        ("Key.OTHER", ""),
    ],
)
def test_a_text_is_what_stands_there_or_what_a_name_has_got_once(key: str, expected: str) -> None:
    analysis = analysed(f"{NAMES}x = {key}\n")
    top = analysis.modules[0].top
    (assigned,) = top.assigned["x"]
    assert text_of(analysis, assigned.value, top) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("x = os.getenv(ONE, 'none')", ("ONE", ("string", "none"))),
        ("x = os.getenv(key='A', default='none')", ("A", ("string", "none"))),
        ("x = os.getenv('A')", ("A", None)),
        ("x = os.getenv(TWICE)", ("", None)),
        ("x = os.getenv()", ("", None)),
    ],
)
def test_a_call_has_its_variable_and_what_replaces_it(line: str, expected: tuple[str, Expression | None]) -> None:
    analysis, top, mention = mentioned(line, GETENV)
    call = call_of(top, mention)
    assert call is not None and named(analysis, top, call) == expected


def test_what_is_only_handed_out_begins_no_call() -> None:
    _, top, mention = mentioned("x = partial(os.getenv, 'A')", GETENV)
    assert call_of(top, mention) is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("x = [os.getenv(name) for name in SEVERAL]", ["A", "B"]),
        ("x = map(os.getenv, ['A', ONE])", ["A", "ONE"]),
        ("x = partial(os.getenv, 'A')", ["A"]),
        ("x = map(os.getenv, elsewhere)", []),
        ("x = [os.getenv(name) for name in TWICE]", []),
        ("x = partial(os.getenv)", []),
    ],
)
def test_a_list_that_is_written_down_is_gone_over(line: str, expected: list[str]) -> None:
    assert several(*mentioned(line, GETENV)) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("os.environ[ONE] = 'on'", ("ONE", "", "")),
        ("x = os.environ[ONE]", ("", "ONE", "")),
        ("print(os.environ[ONE])", ("", "ONE", "")),
        ("x = ONE in os.environ", ("", "", "ONE")),
        ("if ONE not in os.environ:\n    pass", ("", "", "ONE")),
        ("os.environ[TWICE] = 'on'", ("", "", "")),
        ("x = os.environ[TWICE]", ("", "", "")),
        ("x = ONE == os.environ", ("", "", "")),
    ],
)
def test_what_is_stored_is_told_from_what_is_asked_and_looked_for(line: str, expected: tuple[str, str, str]) -> None:
    touch = mentioned(line, ENVIRON)
    assert (stored(*touch), asked_for(*touch), looked_for(*touch)) == expected
