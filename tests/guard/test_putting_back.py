"""What puts back an earlier write is found in the same function, in the method that ends a `with`, and in who is called."""

import pytest

from netra.guard.environment import Touch, accesses
from netra.guard.putting_back import PutBack, is_in_finally, is_taking
from tests.guard.programs import analysed

HEAD = "import os\nfrom contextlib import contextmanager\n"


def repairs(text: str) -> list[int]:
    analysis = analysed(f"{HEAD}{text}\n")
    put_back = analysis.once(PutBack)
    return [each.line for each in accesses(analysis) if each.touch is Touch.WRITE and put_back.is_repair(each)]


@pytest.mark.parametrize(
    "text",
    [
        "def f():\n    os.environ['A'] = 'b'\n    try: g()\n    finally: del os.environ['A']",
        "def f():\n    os.environ['A'] = 'b'\n    g()\n    g()\n    os.environ.pop('A')",
        "async def f():\n    old = os.environ.get('A')\n    os.environ['A'] = 'b'\n    await g()\n    os.environ['A'] = old",
        "@contextmanager\ndef f():\n    os.environ['A'] = 'b'\n    yield\n    os.environ.pop('A')",
        "class C:\n    def __enter__(self): os.environ['A'] = 'b'\n    def __exit__(self, *e):\n\n        os.environ.pop('A')",
    ],
)
def test_what_puts_back_stands_below(text: str) -> None:
    assert repairs(text) == [f"{HEAD}{text}".count("\n") + 1]


@pytest.mark.parametrize(
    "text",
    [
        "def f():\n    os.putenv('A', 'b')\n    os.unsetenv('A')",
        "async def f():\n    os.environ['A'] = 'b'\n    g()\n    os.environ.pop('A')",
        "def f(b):\n    if b: os.environ['A'] = b\n    else: os.environ.pop('A')",
        "def f():\n    os.environ['A'] = 'b'\n    g()\n    os.environ['A'] = 'c'",
        "class C:\n    def begin(self): os.environ['A'] = 'b'\n    def end(self): os.environ.pop('A')",
    ],
)
def test_two_writes_alone_put_nothing_back(text: str) -> None:
    assert repairs(text) == []


def test_a_finally_calls_what_puts_back() -> None:
    text = """
def on(): os.environ['A'] = 'b'
def off(): os.environ.pop('A', None)
def other(): os.environ['B'] = 'c'
def f():
    on()
    other()
    try: g()
    finally: off()
"""
    assert repairs(text) == [5]


def test_a_write_is_asked_whether_it_takes_away_and_where_it_stands() -> None:
    text = f"{HEAD}def f():\n    try: os.environ['A'] = 'b'\n    finally: del os.environ['A']\n"
    written, taken = (each for each in accesses(analysed(text)) if each.touch is Touch.WRITE)
    assert (is_taking(written), is_taking(taken)) == (False, True)
    assert (is_in_finally(written), is_in_finally(taken)) == (False, True)
