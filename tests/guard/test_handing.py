"""All of the environment is followed from the call that starts a child back to where it is touched."""

import pytest

from netra.guard.handing import handings, is_elsewhere, is_within_a_function
from tests.guard.programs import analysed

HEAD = "import os, subprocess\nfrom functools import partial\n"


def _lines(body: str) -> list[int]:
    return [access.line for access in handings(analysed(f"{HEAD}{body}\n"))]


@pytest.mark.parametrize(
    "body",
    [
        "def f(): subprocess.run(['x'], env=os.environ)",
        "def f(): subprocess.run(['x'], env=os.environ | {'A': '1'})",
        "def f(): subprocess.run(['x'], env={k: v for k, v in os.environ.items()})",
        "def f(): subprocess.run(['x'], **{'env': dict(os.environ)})",
        "def f(): os.execve('/x', ['x'], os.environ)",
        "ENV = {**os.environ}\ndef f(): subprocess.run(['x'], env=ENV)",
        "def env(): return os.environ.copy()\ndef f(): subprocess.run(['x'], env=env())",
        "run = partial(subprocess.run, env=os.environ.copy())",
    ],
)
def test_a_child_gets_all(body: str) -> None:
    assert _lines(body) == [3]


def test_a_field_a_property_and_a_hook_that_is_overridden_give_all() -> None:
    text = """
class Above:
    def env(self): return {}
    def run(self): subprocess.run(['x'], env=self.env())
class Below(Above):
    def env(self): return dict(os.environ)
class Kept:
    def __init__(self): self.env = os.environ.copy()
    def run(self): subprocess.run(['x'], env=self.env)
"""
    assert _lines(text) == [8, 10]


@pytest.mark.parametrize(
    "body",
    [
        "def f(): subprocess.run(['x'], env={'PATH': os.environ['PATH']})",
        "def f(): subprocess.run(['x'], env={k: v for k, v in os.environ.items() if k in ('PATH',)})",
        "def f():\n    before = dict(os.environ)\n    subprocess.run(['x'])",
    ],
)
def test_a_child_gets_what_is_chosen(body: str) -> None:
    assert not _lines(body)


def test_a_container_inherits_nothing_by_itself() -> None:
    analysis = analysed(
        f"{HEAD}def f(): containers.run('x', environment=dict(os.environ))\nsubprocess.run('x', env=os.environ)\n"
    )
    found = [each for given in handings(analysis).values() for each in given]
    assert {(is_elsewhere(analysis, each), is_within_a_function(each)) for each in found} == {(True, True), (False, False)}


def test_a_function_that_is_given_the_environment_hands_it_on() -> None:
    text = """
def start(command, variables): return subprocess.run(command, env=variables)
def f(): start(['x'], {**os.environ, 'A': '1'})
def g(): start(['x'], {'A': '1'})
"""
    analysis = analysed(f"{HEAD}{text}")
    ((access, found),) = handings(analysis).items()
    assert access.line == 5 and [each.scope.name for each in found] == ["f"]


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("if not HIDDEN.search(k)", [5]),
        ("if SHOWN.match(k)", []),
        ("if harmless(k)", []),
        ("if k in SHOWN", []),
        ("if k.startswith('A')", []),
    ],
)
def test_what_leaves_out_the_names_of_secrets_still_hands_on_nearly_all(test: str, expected: list[int]) -> None:
    patterns = "import re\nHIDDEN = re.compile('SECRET$'); SHOWN = re.compile('PATH')\n"
    body = f"def f(): subprocess.run(['x'], env={{k: v for k, v in os.environ.items() {test}}})"
    assert _lines(patterns + body) == expected
