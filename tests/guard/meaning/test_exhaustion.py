import pytest

from netra.guard.meaning.exhaustion import classes_left, is_asked_again, is_exhausted
from tests.guard.programs import analysed, function, of_class

STATE = "import enum\nclass State(enum.Enum):\n    OPEN = 1\n    DONE = 2\n\ndef f(x):\n"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("    if x is State.OPEN:\n        return 1\n    if x is State.DONE:\n        return 2\n    last", True),
        ("    if x is State.OPEN:\n        return 1\n    elif x == State.DONE:\n        y = 2\n    else:\n        last", True),
        ("    if x in (State.OPEN, State.DONE):\n        raise ValueError\n    last", True),
        ("    if x is State.OPEN:\n        return 1\n    last", False),
        ("    if x is State.OPEN:\n        return 1\n    if y is State.DONE:\n        return 2\n    last", False),
        ("    if x is State.OPEN:\n        return 1\n    if x is State.DONE:\n        y = 2\n    last", False),
        (
            "    if x is State.OPEN:\n        if y:\n            return 1\n    if x is State.DONE:\n        return 2\n    last",
            False,
        ),
    ],
)
def test_a_line_is_unreachable_only_when_every_member_has_left_before(body: str, expected: bool) -> None:
    program = analysed(STATE + body + "\n").program
    assert is_exhausted((STATE + body).count("\n") + 1, function(program, "example.f"), program) is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("    if x and x.y: return 1\n    if x and x.y:\n        last", True),
        ("    if x:\n        for y in x: return y\n        return\n    if x:\n        last", True),
        ("    if x:\n        for y in x: return y\n    if x:\n        last", False),
        ("    if x: return 1\n    x = 2\n    if x:\n        last", False),
        ("    if x(): return 1\n    if x():\n        last", False),
        ("    if x: return 1\n    last", False),
    ],
)
def test_a_test_that_always_left_before_is_not_true_again(body: str, expected: bool) -> None:
    text = "def f(x):\n" + body + "\n"
    program = analysed(text).program
    assert is_asked_again(text.count("\n"), function(program, "example.f")) is expected


SHAPES = "class A: ...\nclass B(A): ...\nclass C: ...\n\ndef f(x, y):\n"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("    if isinstance(x, B): return 1\n    last", "C"),
        ("    if isinstance(x, C):\n        last", "C"),
        ("    if isinstance(x, A): return 1\n    last", "C"),
        ("    if isinstance(x, (B, C)): return 1\n    last", None),
        ("    if isinstance(x, B): y = 1\n    last", "BC"),
        ("    if isinstance(x, unknown): return 1\n    last", None),
        ("    if y and isinstance(x, B): return 1\n    last", None),
        ("    if isinstance(y, B): return 1\n    last", None),
    ],
)
def test_classes_that_were_asked_for_and_left_are_ruled_out(body: str, expected: str | None) -> None:
    program = analysed(SHAPES + body + "\n").program
    options = (of_class(program, "example.B"), of_class(program, "example.C"))
    line = (SHAPES + body).count("\n") + 1
    left = classes_left(options, ("name", "x"), line, function(program, "example.f"), program)
    assert (None if left is None else "".join(each.name for each in left)) == expected
