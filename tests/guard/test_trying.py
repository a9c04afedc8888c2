"""A handler belongs to the `try` above it, and raises again where nobody leaves it without an error."""

import pytest

from netra.guard.symbols import FunctionSymbol
from netra.guard.trying import handlers, raises_again
from tests.guard.programs import program

NESTED = """
def read(path):
    try:
        try:
            return path.read_text()
        except OSError:
            again()
    except ValueError:
        one()
    except KeyError:
        other()
"""


def _function(text: str) -> FunctionSymbol:
    return program({"app.py": text}).modules["app"].functions[1]


def test_each_try_has_the_handlers_that_follow_it() -> None:
    found = [(block.line, handler.line) for block, handler in handlers(_function(NESTED))]
    assert found == [(4, 9), (4, 11), (5, 7)]


@pytest.mark.parametrize(
    ("body", "again"),
    [
        ("raise", True),
        ("log()\n        raise", True),
        ("raise Refused() from None", True),
        ("log()", False),
        ("if late:\n            raise\n        log()", False),
        ("if late:\n            return None\n        raise", False),
    ],
)
def test_a_handler_raises_again_where_nobody_leaves_it_without_an_error(body: str, again: bool) -> None:
    scope = _function(f"def read(path, late):\n    try:\n        path.read_text()\n    except:\n        {body}\n")
    ((_, handler),) = handlers(scope)
    assert raises_again(handler, scope) is again
