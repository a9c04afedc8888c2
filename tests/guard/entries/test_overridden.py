import pytest

from netra.guard.entries.overridden import Overridden
from tests.guard.programs import analysed, function

TEXT = """
from abc import ABC, abstractmethod
class Store(ABC):
    @abstractmethod
    def put(self, key): ...
    def begin(self): ...
    def end(self): ...
    def reset(self): ...
class Local(Store):
    def put(self, key): ...
    def begin(self): ...
    def end(self): ...
class Remote(Store):
    def put(self, key): ...
    def begin(self): ...
    def end(self):
        super().end()
    def reset(self): ...
class Plain:
    def begin(self): ...
class Other(Plain):
    def begin(self): ...
"""


@pytest.mark.parametrize(
    ("name", "never"),
    [
        ("Store.begin", True),
        ("Store.end", False),
        ("Store.reset", False),
        ("Local.begin", False),
        ("Plain.begin", False),
    ],
)
def test_a_method_is_never_run_that_all_below_an_abstract_class_have_anew(name: str, never: bool) -> None:
    program = analysed(TEXT).program
    assert program.once(Overridden).is_never_run(function(program, f"example.{name}")) is never
