"""Objects read the variable that they are given the name of, with what stands in for it; others read nothing."""

import pytest

from netra.guard.asked_by_objects import reads_of_objects
from tests.guard.programs import analysed

TEXT = """
import os
class Variable:
    def __init__(self, name, kind=str, default=None):
        self.name = name
        self.kind = kind
        self.default = default
    def get(self):
        raw = os.environ.get(self.name)
        if raw is None:
            return self.default
        return self.kind(raw)
class Number(Variable): ...
class Plain:
    def __init__(self, key): self.key = key
    def get(self): return os.environ[self.key]
class Other:
    def __init__(self, name): self.name = name.upper()
    def get(self): return os.environ[self.name]
"""


@pytest.mark.parametrize(
    ("made", "variable", "default"),
    [
        ("Variable('LIMIT', default='10')", "LIMIT", ("string", "10")),
        ("Number('SIZE', int, '20')", "SIZE", ("string", "20")),
        ("Variable('PLACE')", "PLACE", None),
        ("Plain('KEY')", "KEY", None),
    ],
)
def test_an_object_that_is_made_with_a_name_reads_it(made: str, variable: str, default: object) -> None:
    (access,) = reads_of_objects(analysed(f"{TEXT}it = {made}\n"))
    assert (access.variable, access.default) == (variable, default)


@pytest.mark.parametrize("made", ["Other('KEY')", "Variable(name)", "Unknown('KEY')"])
def test_what_is_not_known_to_be_the_name_is_none(made: str) -> None:
    assert reads_of_objects(analysed(f"{TEXT}def f(name): return {made}\n")) == []
