from netra.guard.environment import Access, accesses
from netra.guard.facts import Expression
from netra.guard.lookups import beginning_of, key_of, lookups
from tests.guard.programs import analysed

ASKED = """
import os
BEFORE = "APP_"
def plain(name):
    return os.environ[name]
def named(key, default=None):
    return os.getenv(BEFORE + key, default)
def number(key, default):
    return int(named(key, default))
def upper(key):
    return os.environ.get(f"x_{key}".upper())
def file(key):
    return os.environ.get(f"{key}_FILE")
def other(key):
    key = key.strip()
    return os.environ.get(key)
class Reader:
    def get(self, key):
        return plain("OF_" + key)
    def all(self):
        return self.get("CLASS")
"""


def asked(text: str) -> dict[str, Expression | None]:
    return {each.variable: each.default for each in lookups(analysed(f"{ASKED}{text}"))}


def test_a_call_with_a_text_reads_the_variable_that_the_function_makes_of_it() -> None:
    found = asked("plain('A')\nnamed('B')\nnumber('C', 'three')\nupper('d')\nfile('E')\nother('F')\n")
    assert found.keys() == {"A", "APP_B", "APP_C", "X_D", "E_FILE", "OF_CLASS"}


def test_the_default_is_what_the_call_gives_for_it() -> None:
    found = asked("named('B', 'none')\nnumber(key='C', default='three')\nnamed('D')\n")
    assert (found["APP_B"], found["APP_C"], found["APP_D"]) == (("string", "none"), ("string", "three"), None)


def test_a_call_with_something_else_than_a_text_reads_nothing_that_is_known() -> None:
    assert asked("plain(input())\nplain()\n").keys() == {"OF_CLASS"}


def written(text: str) -> Access:
    analysis = analysed(f"import os\n{text}\n")
    (access,) = accesses(analysis)
    assert access.scope.module is analysis.modules[0]
    return access


def test_the_key_of_an_access_is_what_stands_there() -> None:
    assert key_of(written("x = os.environ[a]")) == ("name", "a")
    assert key_of(written("os.environ[a] = b")) == ("name", "a")
    assert key_of(written("os.getenv(key=a)")) == ("name", "a")
    assert key_of(written("print(os.environ)")) is None


def test_a_name_that_is_put_together_begins_with_its_first_text() -> None:
    analysis = analysed("B = 'B_'\n")
    top = analysis.modules[0].top
    name = ("name", "x")
    assert beginning_of(analysis, ("formatted", (("string", "A_"), name)), top) == "A_"
    assert beginning_of(analysis, ("operator", "+", ("name", "B"), name), top) == "B_"
    assert beginning_of(analysis, name, top) == beginning_of(analysis, None, top) == ""


def test_who_looks_whether_a_variable_is_there_asks_for_it() -> None:
    assert "APP_A" in asked("def has(name): return f'APP_{name}' in os.environ\nhas('A')\n")
    assert "APP_B" in asked("def has(name):\n    if 'APP_' + name not in os.environ:\n        stop()\nhas('B')\n")


def test_of_two_ways_to_ask_the_one_with_a_default_says_what_replaces_a_missing_one() -> None:
    both = """
def both(name, default=None):
    if default is None:
        return os.environ[name]
    return os.getenv(name, default)
"""
    assert asked(f"{both}both('B', 'two')\n")["B"] == ("string", "two")
