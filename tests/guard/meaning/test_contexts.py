from netra.guard.meaning.places import Fate
from tests.guard.programs import analysed


def places(text: str) -> list[Fate]:
    return [each.fate for each in analysed(text).misuses]


def test_each_place_makes_something_else_of_a_coroutine() -> None:
    head = "async def f(): ...\nasync def g():\n    "
    for line, place in (
        ("f()", Fate.DROPPED),
        ("f().x", Fate.USED),
        ("if f(): pass", Fate.TESTED),
        ("for x in f(): pass", Fate.ITERATED),
        ("print(f())", Fate.FORMATTED),
        ("len(f())", Fate.PASSED),
        ("with f(): pass", Fate.MISMATCHED),
        ("return f()", Fate.RETURNED),
    ):
        assert places(head + line) == [place], line
    for line in ("await f()", "unknown(f())", "x = [f()]", "yield f()", "x = lambda: f()", "d['a'] = f()"):
        assert places(head + line) == [], line


def test_a_misuse_carries_what_proves_it() -> None:
    (misuse,) = analysed("async def f(): ...\ndef g(): return f()\ndef h():\n    g()\n").misuses
    assert [(step.line, step.path) for step in misuse.steps] == [(1, "example.py"), (2, "example.py")]
    assert (misuse.name, misuse.line) == ("g", 4)
