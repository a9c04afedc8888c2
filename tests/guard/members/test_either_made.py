import pytest

from netra.guard.members.either_made import made_for
from tests.guard.programs import analysed, function

HEAD = """
class A: ...
class B: ...
def one(x):
    if x:
        return A()
    return B()
def same(x):
    return A()
"""


@pytest.mark.parametrize(
    ("body", "kinds"),
    [
        ("v = one(x)", "A B"),
        ("v = one(x.name)", "A B"),
        ("v = one('a')", ""),
        ("v = one(x, 1)", ""),
        ("v = one()", ""),
        ("v = same(x)", ""),
        ("v = one(x); v = 1", ""),
        ("assert x; v = one(x)", ""),
    ],
)
def test_one_of_two_is_made_where_nothing_tells_which(body: str, kinds: str) -> None:
    analysis = analysed(f"{HEAD}def f(x):\n    {body}\n    v.use()\n")
    scope = function(analysis.program, "example.f")
    made = made_for("v", 14, scope, analysis)
    assert ([] if made is None else sorted(each.name for each in made.kinds)) == kinds.split()
