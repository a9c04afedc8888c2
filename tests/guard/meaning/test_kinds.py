import pytest

from netra.guard.values import ContextOf, CoroutineOf, GeneratorOf, Instance, Plain
from tests.guard.programs import analysed, function, of_class

TEXT = """
import functools
from contextlib import asynccontextmanager, contextmanager
from elsewhere import unknown

async def late(): return 1
def wrapper(): return late()
def deeper() -> dict: return wrapper()
def sometimes(a):
    if a: return late()
async def stream(): yield 1
def numbers(): yield 1
def value(): return 1
def nothing(): print(1)
def itself(): return itself()
@asynccontextmanager
async def session(): yield 1
@contextmanager
def file(): yield 1
@unknown
async def hidden(): ...
@functools.lru_cache
async def cached(): ...
def either(f):
    if iscoroutinefunction(f):
        @functools.wraps(f)
        async def one(): return await f()
        return one
    @functools.wraps(f)
    def two(): return f()
    return two
@either
async def chosen(): ...
@either
def unchanged(): return 1
def made_late(f):
    async def one(): return f()
    return one
@made_late
def now(): return 1
def with_options(name):
    def decorator(f):
        @functools.wraps(f)
        async def one(): return await f()
        return one
    return decorator
@with_options("a")
async def optional(): ...
def in_one_line(f):
    async def one(): return await f()
    def two():
        result = f()
        return result
    return one if iscoroutinefunction(f) else two
@in_one_line
async def by_choice(): ...
"""


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("late", CoroutineOf),
        ("wrapper", CoroutineOf),
        ("deeper", CoroutineOf),
        ("sometimes", None),
        ("stream", GeneratorOf),
        ("numbers", GeneratorOf),
        ("value", Plain),
        ("nothing", Plain),
        ("itself", None),
        ("session", ContextOf),
        ("file", ContextOf),
        ("hidden", None),
        ("cached", CoroutineOf),
        ("chosen", CoroutineOf),
        ("unchanged", Plain),
        ("now", CoroutineOf),
        ("optional", CoroutineOf),
        ("by_choice", CoroutineOf),
    ],
)
def test_a_call_gives_what_wrappers_and_decorators_make_of_it(name: str, kind: type | None) -> None:
    analysis = analysed(TEXT)
    value = analysis.receivers.kinds.outcome(function(analysis.program, f"example.{name}"))
    assert (value is None) if kind is None else isinstance(value, kind)


def test_a_chain_of_wrappers_is_the_proof() -> None:
    analysis = analysed(TEXT)
    value = analysis.receivers.kinds.outcome(function(analysis.program, "example.deeper"))
    assert isinstance(value, CoroutineOf)
    assert [step.line for step in value.chain] == [6, 7, 8]


def test_names_under_which_something_late_is_called_are_known_beforehand() -> None:
    late = analysed("async def a(): ...\ndef b(): return a()\nc = b\ndef d(): return 1\n").receivers.kinds.late_names
    assert {"a", "b", "c"} <= late and "d" not in late


@pytest.mark.parametrize(
    ("name", "kind"),
    [("same", "Base"), ("below", "Base"), ("other", "Other"), ("named", "Other"), ("unlike", None), ("shaped", "Shape")],
)
def test_an_annotation_counts_unless_the_function_makes_something_else(name: str, kind: str | None) -> None:
    analysis = analysed(
        """
        from typing import Protocol
        class Base: ...
        class Below(Base): ...
        class Other: ...
        class Shape(Protocol): ...
        def same() -> Base: return unknown()
        def below() -> Base: return Below()
        def other() -> Base: return Other()
        def named() -> Base:
            made = Other()
            return made
        def unlike(a) -> Base:
            if a: return Other()
            return unknown()
        def shaped() -> Shape: return Other()
        """
    )
    value = analysis.receivers.kinds.outcome(function(analysis.program, f"example.{name}"))
    assert value == (None if kind is None else Instance(of_class(analysis.program, f"example.{kind}")))
