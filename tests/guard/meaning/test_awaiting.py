import pytest

from netra.guard.meaning.awaiting import awaited, entered
from tests.guard.programs import analysed, function, shown

TEXT = """
from contextlib import contextmanager
class Thing:
    def __enter__(self) -> "Thing": return self
class Late:
    async def __aenter__(self) -> Thing: return Thing()
async def late() -> Thing: ...
async def number() -> int: ...
@contextmanager
def held():
    yield Thing()
def f(either: Thing | Late):
    late(), held(), Thing(), Late(), number()
"""


@pytest.mark.parametrize(
    ("expression", "given"),
    [
        (("call", 0), ("Thing", "", "")),
        (("call", 1), ("", "Thing", "Thing")),
        (("call", 2), ("", "Thing", "")),
        (("call", 3), ("", "", "Thing")),
        (("call", 4), ("int", "", "")),
        (("name", "either"), ("", "Thing", "Thing")),
    ],
)
def test_what_await_with_and_async_with_give(expression: tuple[object, ...], given: tuple[str, str, str]) -> None:
    receivers = (analysis := analysed(TEXT)).receivers
    value = receivers.value(expression, function(analysis.program, "example.f"))
    found = awaited(value, receivers), entered(value, receivers, late=False), entered(value, receivers, late=True)
    assert tuple(map(shown, found)) == given
