"""Calls of the function that a decorator was given, in the function that it puts in its place: `return f(*args)`.

No call passes the function, so what it gives is known by what the decorator stands on. Where all of that are coroutine
functions, the wrapper has a coroutine in its hands.
"""

from collections.abc import Iterator

from netra.guard.facts import ASYNC, PLAIN, CallSite, last_name
from netra.guard.meaning.consistency import tells_kinds_apart
from netra.guard.meaning.receivers import Receivers
from netra.guard.meaning.registering import decorated_with
from netra.guard.program import Program
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import CoroutineOf

Wrapped = tuple[FunctionSymbol, CallSite, CoroutineOf, list[FunctionSymbol]]


def wrapped_calls(program: Program, receivers: Receivers) -> Iterator[Wrapped]:
    """Each such call in a wrapper that is a coroutine function, with what it gives and the functions that it may call."""
    for scope in program.scopes:
        around = scope.parent
        if scope.facts.sort != ASYNC or around is None or around.facts.sort != PLAIN or not around.facts.parameters:
            continue
        if tells_kinds_apart(scope) or tells_kinds_apart(around) or scope.module.in_tests:
            continue
        for call in scope.facts.calls:
            if call.callee[0] == "name" and call.callee[1] in around.parameters and call.callee[1] not in scope.bound:
                functions = decorated_with(program, around, call.callee[1], receivers.value)
                given = [_given(each, around, receivers) for each in functions]
                first = given[0] if given else None
                if first is not None and None not in given and not around.assigned.get(call.callee[1]):
                    yield scope, call, first, functions


def _given(function: FunctionSymbol, decorator: FunctionSymbol, receivers: Receivers) -> CoroutineOf | None:
    """What a call of the decorated function gives, where nothing stands between it and the decorator."""
    nearest = last_name(function.facts.decorators[-1].callee)
    if nearest not in (decorator.name, decorator.parent.name if decorator.parent is not None else None):
        return None
    value = receivers.kinds.bare(function)
    return value if isinstance(value, CoroutineOf) else None
