"""Objects that nobody can call."""

import pytest

from netra.guard.meaning.never_called import is_never_called
from tests.guard.programs import of_class, program

TEXT = """
from elsewhere import Stranger, traced
class Plain: ...
class Called:
    def __call__(self): ...
class Answering:
    def __getattr__(self, name): ...
class Above: ...
class Below(Above):
    __call__ = print
class Strange(Stranger): ...
@traced
class Decorated: ...
"""


@pytest.mark.parametrize(
    ("name", "never"),
    [
        ("Plain", True),
        ("Called", False),
        ("Answering", False),
        ("Above", False),
        ("Strange", False),
        ("Decorated", False),
    ],
)
def test_an_object_is_never_called_where_all_that_it_may_be_is_known(name: str, never: bool) -> None:
    linked = program({"example.py": TEXT})
    assert is_never_called(of_class(linked, f"example.{name}"), linked) is never
