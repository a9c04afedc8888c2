"""Methods that take the place of one of another kind: an `async def` of a plain one, and a plain one of an `async def`.

Who calls the method above, calls whichever is below. Where a class inherits the caller with the method, it is certain that the
one meets the other.
"""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from netra.guard.facts import ASYNC, PLAIN, SELF, CallSite, Expression, last_name
from netra.guard.meaning.consistency import tells_kinds_apart
from netra.guard.meaning.receivers import Receivers
from netra.guard.program import Program
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import CoroutineOf, Either, Plain, Routine, Value

# Decorators that leave a method what it is.
HARMLESS: Final = frozenset({"abstractmethod", "override", "final"})

ENTERING: Final = frozenset({"__enter__", "__exit__"})

# Parts of an annotation of a plain method that leaves it to those below whether to wait: `Awaitable[None] | None`, `Any`.
OPEN: Final = ("wait", "outine", "Future", "Task")
ANYTHING: Final = frozenset({"Any", "object"})

# How a place takes a coroutine that it does not await, in words; None where it may well be right.
Judge = Callable[[FunctionSymbol, CallSite, CoroutineOf], str | None]


class MisfitOverride(NamedTuple):
    """A method of one kind in the place of one of the other, with the call that is wrong for it."""

    method: FunctionSymbol
    above: FunctionSymbol
    caller: FunctionSymbol
    call: CallSite
    how: str
    """What the caller makes of what the method gives."""


def misfits(program: Program, receivers: Receivers, judge: Judge) -> Iterator[MisfitOverride]:
    """The first such call of each method that is in the place of another kind."""
    for module in program.own:
        for kind in () if module.in_tests else module.classes:
            order = program.order(kind)[0]
            for name, methods in kind.methods.items() if len(order) > 1 else ():
                above = next((each.methods[name][-1] for each in order[1:] if name in each.methods), None)
                if above is not None and len(methods) == 1 and _differ(methods[0], above):
                    late = methods[0].facts.sort == ASYNC
                    if late or _gives_a_value(methods[0], receivers):
                        yield from _first(kind, methods[0], above, program, receivers, judge)


def _differ(method: FunctionSymbol, above: FunctionSymbol) -> bool:
    """One is a coroutine function and the other is not, and no decorator or annotation makes them alike."""
    sorts = {method.facts.sort, above.facts.sort}
    if sorts != {ASYNC, PLAIN} or above.module.library or method.facts.abstract:
        return False
    if method.facts.yields or above.facts.yields or not (method.decorator_names | above.decorator_names) <= HARMLESS:
        return False
    returns = above.facts.returns
    if above.facts.sort == ASYNC or returns is None:
        return True
    return last_name(returns) not in ANYTHING and not any(word in str(returns) for word in OPEN)


def _gives_a_value(method: FunctionSymbol, receivers: Receivers) -> bool:
    """A plain method comes to its end, or to a `return`, and what it gives can never be awaited."""
    if not method.facts.falls and not method.facts.returned:
        return False
    return isinstance(receivers.kinds.outcome(method), Plain)


def _first(
    kind: ClassSymbol, method: FunctionSymbol, above: FunctionSymbol, program: Program, receivers: Receivers, judge: Judge
) -> Iterator[MisfitOverride]:
    for caller, call in _inherited_calls(kind, method.name, program):
        if tells_kinds_apart(caller) or not _may_take(method, call) or not _is_run(kind, caller, program, set()):
            continue
        if method.facts.sort == ASYNC:
            value = receivers.kinds.outcome(method)
            how = judge(caller, call, value) if isinstance(value, CoroutineOf) else None
        else:
            how = "awaits it" if call.where[0] == "await" else None
        if how is not None:
            yield MisfitOverride(method, above, caller, call, how)
            return
    if method.facts.sort == ASYNC and not method.module.in_tests:
        yield from _first_outside(method, above, program, receivers, judge)


def _first_outside(
    method: FunctionSymbol, above: FunctionSymbol, program: Program, receivers: Receivers, judge: Judge
) -> Iterator[MisfitOverride]:
    """The first call of the method above on another object than `self`, where nobody in the program awaits what such a call
    gives, and nobody hands the method on.

    A call of which nothing is known may be one that awaits it, and so no call but of other methods may be unknown.
    """
    value = receivers.kinds.outcome(method)
    if not isinstance(value, CoroutineOf) or method.name.startswith("__"):
        return
    first: MisfitOverride | None = None
    for caller, index in program.calls_named.get(method.name, ()):
        call = caller.facts.calls[index]
        if call.callee[0] != "attribute":
            continue
        called = _called(receivers.value(call.callee, caller))
        if called and not any(each in (method, above) or _is_beside(each, above, program) for each in called):
            continue  # a method of something else
        how = None if tells_kinds_apart(caller) or not _may_take(method, call) else judge(caller, call, value)
        if how is None or not called:
            return
        outside = not _is_of_family(caller, call.callee) and not caller.module.in_tests
        if first is None and outside and above in called:
            first = MisfitOverride(method, above, caller, call, how)
    if first is not None and not _is_handed_on(method.name, program):
        yield first


def _called(value: Value | None) -> tuple[FunctionSymbol, ...]:
    """The functions that a callee may be; none where it is not known."""
    found = value.options if isinstance(value, Either) else (value,)
    called = tuple(each.function for each in found if isinstance(each, Routine))
    return called if len(called) == len(found) else ()


def _is_beside(function: FunctionSymbol, above: FunctionSymbol, program: Program) -> bool:
    """Another class below has a method of its own in the place of the one above."""
    return function.owner is not None and above.owner in program.order(function.owner)[0]


def _is_handed_on(name: str, program: Program) -> bool:
    """Somebody reads the method of an object without calling it there."""
    for module in program.own:
        for scope in module.functions:
            read = sum(expression[2] == name for expression, _, _ in scope.attributes_read)
            if read > sum(call.callee[0] == "attribute" and call.callee[2] == name for call in scope.facts.calls):
                return True
    return False


def _may_take(method: FunctionSymbol, call: CallSite) -> bool:
    """The method has a place for each argument by position; one that has not is not meant by the call."""
    places = [each.position for each in method.facts.parameters]
    return "arguments" in places or len(call.arguments) < places.count("positional")


def _is_run(kind: ClassSymbol, method: FunctionSymbol, program: Program, seen: set[FunctionSymbol]) -> bool:
    """Something calls an inherited method of an object of the class: from outside, or a method that the class has itself.

    A class that overrides the only one that calls it has left it behind.
    """
    if method in seen:
        return False
    seen.add(method)
    name = method.name
    if name in ENTERING and any("__aenter__" in each.methods for each in program.order(kind)[0]):
        return False  # whoever enters it does so by `async with`
    calls = program.calls_named.get(name, ())
    if name.startswith("__") or any(not _is_of_family(scope, scope.facts.calls[index].callee) for scope, index in calls):
        return True
    mentioning = [each for each in _own_methods(kind, program) if _mentions(each, name)]
    if any(_is_run(kind, each, program, seen) for each in mentioning):
        return True
    return not calls and not name.startswith("_")


def _is_of_family(scope: FunctionSymbol, callee: Expression) -> bool:
    """`self.stop()` and `super().stop()`: a class and those above it among themselves."""
    if callee[0] != "attribute":
        return False
    around: Expression = callee[1]
    if around[0] == "call":
        return bool(scope.facts.calls[around[1]].callee == ("name", "super"))
    return around == SELF


def _own_methods(kind: ClassSymbol, program: Program) -> Iterator[FunctionSymbol]:
    """The methods that an object of the class has: of each name, the first that is found."""
    taken: set[str] = set()
    for each in program.order(kind)[0]:
        for name, methods in each.methods.items():
            if name not in taken:
                yield from methods
        taken.update(each.methods)


def _mentions(method: FunctionSymbol, name: str) -> bool:
    """It calls a method of its own object, or hands it on."""
    handed = any(use.name == f"self.{name}" for use in method.facts.uses)
    return handed or any(call.callee == ("attribute", SELF, name) for call in method.facts.calls)


def _inherited_calls(kind: ClassSymbol, name: str, program: Program) -> Iterator[tuple[FunctionSymbol, CallSite]]:
    """Calls of a method on `self` in the methods that a class has from those above it."""
    seen = {*kind.methods}
    for each in program.order(kind)[0][1:]:
        for methods in (methods for other, methods in each.methods.items() if other not in seen):
            for method in methods if not each.module.library else ():
                yield from ((method, call) for call in method.facts.calls if call.callee == ("attribute", SELF, name))
        seen.update(each.methods)
