"""A place is reached each time where no literal and no guard stands before it on every way."""

import pytest

from netra.guard.requests.each_time import EachTime, demands, is_once
from tests.guard.programs import analysed, function, program

TEXT = """
from functools import lru_cache
from fastapi import FastAPI
app = FastAPI()
_made = None
def end(): ...
def inner(disabled):
    if disabled:
        return []
    return end()
def middle(disabled=False):
    return inner(disabled)
def silent(disabled=True):
    return inner(disabled)
def once():
    global _made
    if _made is None:
        _made = end()
    return _made
def twice():
    global _made
    if _made is not None:
        return _made
    _made = end()
    return _made
def one_by_one():
    global _made
    if _made is not None:
        return None
    _made = end()
    _made = None
@lru_cache
def cached(): return end()
@app.get("/a")
def a():
    {line}
"""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("end()", True),
        ("middle()", True),
        ("middle(False)", True),
        ("middle(disabled=True)", False),
        ("silent()", False),
        ("silent(**options)", True),
        ("silent(*options)", True),
        ("inner(unknown)", True),
        ("once()", False),
        ("twice()", False),
        ("one_by_one()", True),
        ("cached()", False),
    ],
)
def test_a_way_leads_each_time(line: str, expected: bool) -> None:
    analysis = analysed(TEXT.replace("{line}", line))
    end = function(analysis.program, "example.end")
    assert analysis.once(EachTime).leads(end, end.facts.line) is expected


def test_what_is_blocked_on_one_way_may_be_reached_on_another() -> None:
    analysis = analysed(TEXT.replace("{line}", "middle(disabled=True); middle()"))
    end = function(analysis.program, "example.end")
    assert analysis.once(EachTime).leads(end, end.facts.line)


def test_a_line_demands_what_stands_before_and_around_it() -> None:
    text = """
def show(quiet, loud, other):
    if quiet:
        return
    if other:
        tell()
    if not loud:
        raise ValueError
    elif other:
        tell()
    return tell()
"""
    scope = function(program({"example.py": text}), "example.show")
    assert demands(scope, 6) == {("quiet", False), ("other", True)}
    assert demands(scope, 11) == {("quiet", False), ("loud", True)}
    assert not is_once(scope, 11)
