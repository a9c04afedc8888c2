from netra.guard.meaning.guarding import guarded
from tests.guard.programs import analysed

TEXT = """
import asyncio
import functools

def locked(method):
    @functools.wraps(method)
    async def wrapper(self, *args):
        async with self.lock:
            return await method(self, *args)
    return wrapper

def for_each(method):
    @functools.wraps(method)
    async def wrapper(self, key, *args):
        async with self.of(key):
            return await method(self, key, *args)
    return wrapper

def counted(method):
    @functools.wraps(method)
    async def wrapper(self, *args):
        return await method(self, *args)
    return wrapper

class Desk:
    def __init__(self):
        self.lock = asyncio.Lock()
        self.locks = {}

    def of(self, key):
        if key not in self.locks:
            self.locks[key] = asyncio.Lock()
        return self.locks[key]

    @locked
    async def one(self): ...

    @for_each
    async def two(self, key): ...

    @counted
    async def three(self): ...
"""


def test_a_decorator_holds_a_lock_of_the_object_or_one_for_each_key() -> None:
    analysis = analysed(TEXT)
    found = guarded(analysis.program, analysis.receivers, frozenset({"asyncio.Lock"}))
    assert {function.name: each[:2] for function, each in found.items()} == {"one": ("lock", -1), "two": ("of", 1)}
