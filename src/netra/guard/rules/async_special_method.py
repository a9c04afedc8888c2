"""A120."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC
from netra.guard.faults import Mend, Sighting
from netra.guard.rule import rule

# What Python calls of an object by itself, and what it makes of a coroutine there.
CALLED: Final = {
    "__init__": "making an object fails: it has to return None",
    "__del__": "it never runs",
    "__len__": "`len` fails: it needs a number",
    "__bool__": "every test fails: it needs True or False",
    "__str__": "`str` fails: it needs a text",
    "__repr__": "`repr` fails: it needs a text",
    "__hash__": "`hash` fails: it needs a number",
    "__iter__": "`for` fails: a coroutine is no iterator",
    "__next__": "each item is a coroutine, and there is no end",
    "__contains__": "`in` always holds: a coroutine is true",
    "__eq__": "`==` always holds: a coroutine is true",
    "__enter__": "`with` gives the coroutine, and never runs it",
    "__exit__": "`with` swallows every error: a coroutine is true, and never runs",
    "__post_init__": "it never runs",
    "__aiter__": "`async for` fails: it needs the iterator, and not a coroutine",
}


@rule("A120", "async-special-method")
def async_special_method(analysis: Analysis) -> Iterator[Sighting]:
    """A special method that Python calls by itself is `async def`, and nobody awaits what it gives.

    ```python
    class Store:
        async def __init__(self, url: str) -> None:  # A120: `Store(url)` is a TypeError
            self.connection = await connect(url)

        async def __exit__(self, kind, error, trace):  # A120: swallows every error, and closes nothing
            await self.connection.close()
    ```

    Make a class method that is awaited (`await Store.open(url)`), and write `__aenter__`, `__aexit__` and `__anext__` where the
    object is entered by `async with` or gone through by `async for`. A generator (`async def __aiter__` with a `yield`) is one
    that gives an iterator, and is left alone.
    """
    for scope in analysis.scopes:
        if scope.facts.sort != ASYNC or scope.owner is None or scope.name not in CALLED or scope.module.in_tests:
            continue
        if scope.facts.yields or scope.facts.decorators:
            continue
        message = f"`{scope.facts.qualified}` is `async def`, and Python awaits none: {CALLED[scope.name]}"
        mend = Mend("write the one that is awaited (`__aenter__`, `__aexit__`, `__anext__`), or a method that makes the object")
        yield Sighting(scope, scope.facts.line, scope.facts.column, scope.facts.line, message, (), mend)
