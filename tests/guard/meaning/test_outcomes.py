import pytest

from netra.guard.meaning.outcomes import Outcomes
from netra.guard.values import CoroutineOf
from tests.guard.programs import analysed, function, shown

TEXT = """
import copy
from typing import cast
class Thing:
    def me(self) -> "Thing": ...
    def alike(self) -> int: ...
    def other(self) -> int: ...
    def __call__(self) -> int: ...
class Below(Thing):
    def alike(self) -> int: ...
    def other(self) -> str: ...
async def late() -> Thing: ...
def f(thing: Thing):
    Thing()
    thing.me()
    thing.alike()
    thing.other()
    thing()
    late()
    copy.deepcopy(thing)
    cast(Thing, unknown)
    sorted([thing])
    len(thing)
    str(thing)
    unknown()
"""


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("Thing", "Thing"),
        ("me", "Thing"),
        ("alike", "int"),
        ("other", ""),
        ("thing", "int"),
        ("late", "coroutine of Thing"),
        ("deepcopy", "Thing"),
        ("cast", "Thing"),
        ("sorted", "list of Thing"),
        ("len", "value"),
        ("str", "str"),
        ("unknown", ""),
    ],
)
def test_what_a_call_gives(call: str, expected: str) -> None:
    analysis = analysed(TEXT)
    scope = function(analysis.program, "example.f")
    index = next(index for index, each in enumerate(scope.facts.calls) if each.callee[-1] == call)
    assert shown(Outcomes(analysis.receivers).called(index, scope)) == expected


def test_a_method_that_is_put_there_anew_gives_nothing_that_is_known() -> None:
    analysis = analysed("""
        class Crawler:
            def run(self) -> int: ...
        def f(crawler: Crawler):
            crawler.run = traced(crawler.run)
            crawler.run()
        """)
    scope = function(analysis.program, "example.f")
    assert Outcomes(analysis.receivers).called(1, scope) is None


def test_a_method_of_one_class_or_another_is_awaited_only_when_it_is_in_both() -> None:
    text = """
    class Late:
        async def save(self): ...
        async def load(self): ...
    class Soon:
        def save(self): ...
        async def load(self): ...
    def work(db: Late | Soon):
        db.save()
        db.load()
    """
    analysis = analysed(text)
    work = function(analysis.program, "example.work")
    assert analysis.receivers.value(("call", 0), work) is None
    assert isinstance(analysis.receivers.value(("call", 1), work), CoroutineOf)
