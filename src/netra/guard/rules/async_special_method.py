"""A120."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.rule import rule
from netra.guard.symbols import External, FunctionSymbol

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

# Decorators of libraries by which a method is called for the value that it gives, and what they make of a coroutine.
PUT_THERE: Final = "the coroutine is put there instead of the value"
ASKED_FOR: Final = {
    **{
        f"pydantic.{name}": PUT_THERE
        for name in """field_validator validator root_validator model_validator functional_validators.field_validator
        functional_validators.model_validator class_validators.validator v1.validator v1.root_validator""".split()
    },
    **{
        f"pydantic.{name}": "a coroutine cannot be serialised"
        for name in """computed_field field_serializer model_serializer functional_serializers.field_serializer
        functional_serializers.model_serializer fields.computed_field""".split()
    },
    "sqlalchemy.orm.validates": PUT_THERE,
    **{
        f"marshmallow.{name}": "it never runs, or the coroutine is taken for the data"
        for name in "validates validates_schema pre_load post_load pre_dump post_dump".split()
    },
}
BESIDE: Final = frozenset("classmethod staticmethod property".split())


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

    The same is true of what pydantic, marshmallow and `validates` of SQLAlchemy call for its value: a validator, a serializer,
    a computed field. What has to be awaited for the answer is asked before the model is made.
    """
    for scope in analysis.scopes:
        if scope.facts.sort != ASYNC or scope.owner is None or scope.module.in_tests:
            continue
        if scope.facts.decorators and (found := _asked_for(analysis, scope)) is not None:
            name, makes = found
            message = f"`{scope.facts.qualified}` is `async def`, and `{name}` awaits none: {makes}"
            mend = Mend("make it a `def`, and await what it needs before the object is made")
            yield Sighting(scope, scope.facts.line, scope.facts.column, scope.facts.line, message, (), mend)
        if scope.name not in CALLED:
            continue
        if scope.facts.yields or scope.facts.decorators:
            continue
        message = f"`{scope.facts.qualified}` is `async def`, and Python awaits none: {CALLED[scope.name]}"
        mend = Mend("write the one that is awaited (`__aenter__`, `__aexit__`, `__anext__`), or a method that makes the object")
        yield Sighting(scope, scope.facts.line, scope.facts.column, scope.facts.line, message, (), mend)


def _asked_for(analysis: Analysis, scope: FunctionSymbol) -> tuple[str, str] | None:
    """The decorator of a library that calls it for its value, and nothing beside it that might run a coroutine."""
    found = None
    for each in scope.facts.decorators:
        match analysis.program.evaluate(each.callee, scope.parent) if scope.parent is not None else None:
            case External(dotted=dotted) if dotted in ASKED_FOR and found is None:
                found = dotted.rpartition(".")[2], ASKED_FOR[dotted]
            case _ if last_name(each.callee) not in BESIDE:
                return None
    return found
