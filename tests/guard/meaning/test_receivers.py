import pytest

from netra.guard.values import Either, Instance, Plain, Routine
from tests.guard.programs import analysed, function

TEXT = """
from typing import Annotated, Optional
from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import sessionmaker

class Thing:
    inner: "Other"
    def __enter__(self) -> "Self": return self
    def me(self): return self
class Other: ...
class Child(Thing):
    def __init__(self): self.kept = Other()

made = Thing()
factory = async_sessionmaker()
legacy = sessionmaker(class_=AsyncSession)
def get() -> AsyncSession: ...
async def opened():
    async with factory() as session: yield session
Dep = Annotated[AsyncSession, Depends(get)]
def helper(given): return given
def two_kinds(mixed): return mixed

async def f(
    a: Thing, b: Optional[Thing], c: Thing | None, d: Dep, things: list[Thing], either: Thing | Other, e=Depends(opened)
):
    g = Thing()
    child = Child()
    h = child.kept
    i = child.inner
    with Thing() as j: ...
    async with factory() as k: ...
    async with legacy() as l: ...
    for m in things: ...
    n = await k.execute("x")
    o = made
    p = g.me()
    q = 1 if a else None
    r = Thing() if a else Other()
    s = r
    s = s.next()
    helper(Thing())
    two_kinds(Thing())
    two_kinds(Other())
    return locals()
"""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *((name, "Thing") for name in "abcgjmop"),
        *((name, "AsyncSession") for name in "dekl"),
        *((name, "Other") for name in "hi"),
        ("n", "Result"),
        ("q", "int"),
        ("s", None),
        *((name, "Thing or Other") for name in ("r", "either")),
    ],
)
def test_what_a_name_is(name: str, expected: str | None) -> None:
    analysis = analysed(TEXT)
    match analysis.receivers.value(("name", name), function(analysis.program, "example.f")):
        case Instance(kind=kind):
            assert kind.name == expected
        case Plain(name=found):
            assert found == expected
        case Either(options=options):
            assert " or ".join(each.kind.name for each in options if isinstance(each, Instance)) == expected
        case value:
            assert value is None and expected is None


def test_what_is_far_away_is_found_from_nearer_even_when_it_was_too_far_first() -> None:
    count = 80
    chain = "".join(f"def made{number}(): return made{number + 1}()\n" for number in range(count))
    analysis = analysed(f"class Thing: ...\n{chain}def made{count}(): return Thing()\n")
    values = [analysis.receivers.outcome(Routine(function(analysis.program, f"example.made{each}"))) for each in (0, count - 3)]
    assert values[0] is None
    assert isinstance(values[1], Instance)
