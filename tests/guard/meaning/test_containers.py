import pytest

from netra.guard.values import Instance
from tests.guard.programs import analysed, function

HELD = """
import asyncio
from contextlib import AsyncExitStack, asynccontextmanager

class Thing:
    async def load(self) -> "Other": ...
    async def __aenter__(self) -> "Self": ...
class Other: ...
class Above:
    def made(self) -> Thing: ...
class Below(Above):
    async def f(self, named: dict[str, Thing], listed: list[Thing], pair: tuple[Thing, Other], both: Thing | Other, mixed):
        a = named["x"]
        b = named.get("x")
        for c in named.values(): ...
        for _, d in named.items(): ...
        for _, e in enumerate(listed): ...
        f, g = pair
        h, i = await asyncio.gather(Thing().load(), other())
        (j,) = [each for each in listed]
        k = listed[-1]
        l = next(iter(listed))
        for m in await asyncio.gather(*(each.load() for each in listed)): ...
        n = super().made()
        async with both as o: ...
        async with AsyncExitStack() as stack:
            p = await stack.enter_async_context(entered())
        later = []
        later.append(Thing())
        q = later[0]
        table = {"x": Thing()}
        table["y"] = mixed
        r = table["x"]
        for s, t in [(Thing(), Other())]: ...

async def other() -> Other: ...
@asynccontextmanager
async def entered():
    yield Thing()
"""


@pytest.mark.parametrize(
    ("name", "expected"),
    [*((name, "Thing") for name in "abcdefklnopqs"), *((name, "Other") for name in "ghimt"), *((name, None) for name in "jr")],
)
def test_what_comes_out_of_a_container(name: str, expected: str | None) -> None:
    analysis = analysed(HELD)
    found = analysis.receivers.value(("name", name), function(analysis.program, "example.Below.f"))
    assert (found.kind.name if isinstance(found, Instance) else found) == expected


def test_an_annotation_is_believed_whatever_goes_in() -> None:
    text = """
    class Thing: ...
    def work(mixed):
        things: list[Thing] = []
        things.append(mixed)
        return things[0]
    """
    analysis = analysed(text)
    work = function(analysis.program, "example.work")
    assert isinstance(analysis.receivers.value(("subscript", ("name", "things"), ("constant", "int")), work), Instance)


def test_what_a_class_puts_into_its_list_is_all_that_comes_out() -> None:
    text = """
    class Thing: ...
    class Kept:
        def __init__(self): self.things = []; self.others = [Thing()]
        def keep(self): self.things.append(Thing())
        def fill(self, more): self.others.extend(more)
        def work(self):
            a = self.things[0]
            b = self.others[0]
    """
    analysis = analysed(text)
    work = function(analysis.program, "example.Kept.work")
    assert isinstance(analysis.receivers.value(("name", "a"), work), Instance)
    assert analysis.receivers.value(("name", "b"), work) is None
