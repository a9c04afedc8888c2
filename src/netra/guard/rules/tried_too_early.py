"""A126."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, PLAIN, Block, Expression, Returned, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.consistency import tells_kinds_apart
from netra.guard.meaning.expressions import written
from netra.guard.meaning.registering import decorated_with
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import CoroutineOf, Step

# What goes wrong when a coroutine function is called, and not when its coroutine runs.
OF_THE_CALL: Final = frozenset("TypeError ImportError ModuleNotFoundError AttributeError NameError RuntimeError".split())


@rule("A126", "tried-too-early")
def tried_too_early(analysis: Analysis) -> Iterator[Sighting]:
    """A coroutine is returned out of a `try`, which catches nothing of what goes wrong in it.

    A coroutine runs when it is awaited, and by then the `try` has long been left: nothing is retried, no fallback is given,
    and the error reaches whoever awaits. So it is with a decorator that is not asynchronous and stands on an `async def`.

    ```python
    def retrying(function):
        def wrapper(*args):
            for _ in range(3):
                try:
                    return function(*args)  # A126: never fails here
                except ConnectionError:
                    continue

        return wrapper


    @retrying
    async def load(url): ...
    ```

    Make the function asynchronous, and `return await`. What asks whether it has a coroutine at hand is left alone, and so are
    handlers of what goes wrong in the call itself (`TypeError`).
    """
    for scope in analysis.scopes:
        if scope.facts.sort != PLAIN or scope.module.in_tests or not any(each.what == "try" for each in scope.facts.blocks):
            continue
        around = scope.parent
        if tells_kinds_apart(scope) or (around is not None and tells_kinds_apart(around)):
            continue
        for each in scope.facts.returned:
            tried = _tried(each, scope) if each.how == "return" and each.value[0] == "call" else None
            if tried is None:
                continue
            call = scope.facts.calls[each.value[1]]
            caught = Step(scope.module.path, tried.line, "this `try` is left before the coroutine runs")
            mend = Mend("make the function asynchronous, and `return await`")
            match analysis.receivers.value(each.value, scope):
                case CoroutineOf():
                    said = "leaves the `try`, which catches none of its errors"
                    message = f"the coroutine of `{written(call.callee, scope)}(…)` {said}"
                    yield Sighting(scope, each.line, call.column, call.end_line, message, (caught,), mend)
                    continue
            if standing := _standing_on(analysis, scope, call.callee):
                first = standing[0]
                whose = f"`{first.name}` and {len(standing) - 1} more" if len(standing) > 1 else f"`{first.name}`"
                message = f"this `try` catches no error of {whose} under the decorator: their coroutines run when it is left"
                under = Step(first.module.path, first.facts.line, f"`{first.facts.qualified}` is a coroutine function under it")
                yield Sighting(scope, each.line, call.column, call.end_line, message, (under, caught), mend)


def _tried(returned: Returned, scope: FunctionSymbol) -> Block | None:
    """The innermost `try` around a `return` whose handlers are for what goes wrong in what is called."""
    around = [each for each in scope.facts.blocks if each.what == "try" and each.line <= returned.line <= each.end_line]
    for block in sorted(around, key=lambda each: -each.line):
        caught = [
            name
            for each in block.expressions
            for one in (each[1] if each[0] == "tuple" else (each,))
            if (name := last_name(one))
        ]
        if any(name not in OF_THE_CALL for name in caught):
            return block
    return None


def _standing_on(analysis: Analysis, wrapper: FunctionSymbol, callee: Expression) -> list[FunctionSymbol]:
    """The coroutine functions on which a decorator stands whose only wrapper calls what it was given.

    One that has an asynchronous wrapper as well chooses between the two.
    """
    decorator = wrapper.parent
    if callee[0] != "name" or decorator is None or callee[1] in wrapper.bound:
        return []
    if any(each.facts.sort == ASYNC for each in decorator.children):
        return []
    found = decorated_with(analysis.program, decorator, callee[1], analysis.receivers.value)
    return [each for each in found if each.facts.sort == ASYNC and not each.facts.yields]
