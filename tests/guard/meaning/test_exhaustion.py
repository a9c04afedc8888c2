import pytest

from netra.guard.meaning.exhaustion import is_exhausted
from tests.guard.programs import analysed, function

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
