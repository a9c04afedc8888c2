import pytest

from netra.guard.left_out import is_always_left_out
from tests.guard.programs import analysed

STORE = """
import psycopg


def connect(place=None):
    return psycopg.connect(place or "here")


def named(place, other=None):
    return place or other
"""


@pytest.mark.parametrize(
    ("calls", "left_out"),
    [
        ("connect()", True),
        ("connect(); connect()", True),
        ("connect(); connect('there')", False),
        ("connect(place='there')", False),
        ("connect(**given)", False),
        ("connect", False),
        ("given.connect('there'); connect()", False),
    ],
)
def test_a_parameter_is_left_out_where_each_call_leaves_it_out(calls: str, left_out: bool) -> None:
    text = f"from store import connect\ndef use(given):\n    {calls}\n"
    analysis = analysed({"store.py": STORE, "use.py": text})
    (function,) = (each for each in analysis.scopes if each.name == "connect")
    assert is_always_left_out(analysis, function) is left_out


def test_what_a_test_gives_says_nothing_of_the_program() -> None:
    calls = {
        "use.py": "from store import connect\ndef use():\n    connect()\n",
        "tests/test_store.py": "from store import connect\ndef test():\n    connect('there')\n",
    }
    analysis = analysed({"store.py": STORE, **calls})
    (function,) = (each for each in analysis.scopes if each.name == "connect")
    assert is_always_left_out(analysis, function)


def test_a_parameter_that_must_be_given_is_not_left_out() -> None:
    analysis = analysed({"store.py": STORE, "use.py": "from store import named\nnamed()\n"})
    (function,) = (each for each in analysis.scopes if each.name == "named")
    assert not is_always_left_out(analysis, function)
