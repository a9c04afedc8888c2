import pytest

from netra.guard.meaning.reaching import GivenValue, is_shut, known_of, left, passed
from tests.guard.programs import program

BODY = """
def f(a, b=None, c=(), *, d=True):
    {}
"""


@pytest.mark.parametrize(
    ("body", "known", "shut"),
    [
        ("if a is None:\n        MARK", GivenValue.OBJECT, True),
        ("if a is None:\n        MARK", GivenValue.NOTHING, False),
        ("if a is not None and a != None:\n        MARK", GivenValue.NOTHING, True),
        ("if a is not None and b:\n        MARK", GivenValue.NOTHING, False),
        ("if a:\n        pass\n    else:\n        MARK", GivenValue.FILLED, True),
        ("if a:\n        pass\n    else:\n        MARK", GivenValue.OBJECT, False),
        ("if not a:\n        return\n    MARK", GivenValue.EMPTY, True),
        ("if not a:\n        if b:\n            return\n    MARK", GivenValue.EMPTY, False),
        ("if b:\n        if not a:\n            return\n    MARK", GivenValue.EMPTY, False),
        ("if a:\n        b()\n    else:\n        raise b\n    MARK", GivenValue.NOTHING, True),
        ("a = b\n    if a is None:\n        MARK", GivenValue.OBJECT, False),
        ("for x in b:\n        if a is None:\n            MARK\n        a = None", GivenValue.OBJECT, False),
    ],
)
def test_a_line_is_shut_by_what_is_known_of_a_parameter(body: str, known: GivenValue, shut: bool) -> None:
    text = BODY.format(body)
    (function,) = [each for each in program({"a.py": text}).scopes if each.name == "f"]
    line = text[: text.index("MARK")].count("\n") + 1
    assert is_shut(function, line, {"a": known}) == shut
    assert not is_shut(function, line, {})


def test_what_a_call_passes_and_leaves() -> None:
    (top, function) = program({"a.py": "def f(a, b=None, *c, d=True): ...\nf(1, d=2)\nf(*a)\n"}).scopes
    first, second = top.facts.calls
    given = passed(function, first, bound=False)
    assert given is not None
    assert {name: value is None for name, value in given.items()} == {"a": False, "b": True, "c": True, "d": False}
    assert passed(function, second, bound=False) is None
    assert left(function.facts.parameters) == {"b": GivenValue.NOTHING, "d": GivenValue.FILLED}


def test_a_literal_tells_whether_it_is_empty() -> None:
    assert known_of(("list", ())) is GivenValue.EMPTY
    assert known_of(("list", (("star", ("name", "a")),))) is GivenValue.OBJECT
    assert known_of(("dict", ((("name", "a"), ("name", "b")),))) is GivenValue.FILLED
    assert known_of(("name", "a")) is None
