"""A122."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import BODY, LAMBDA, TOP, CallSite, Expression, Where
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.rule import rule
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol
from netra.guard.values import Foreign, Routine, Step, TypeOf

NAMES: Final = ("Lock", "RLock", "Semaphore", "BoundedSemaphore")
LIBRARIES: Final = frozenset({"asyncio", "anyio", "threading", "multiprocessing", "trio"})
TAKING: Final = frozenset({"with", "with async"})
ENTERED: Final = frozenset({("with",), ("with async",)})
# What is done with a lock itself, and hands it to nobody.
OWN_METHODS: Final = frozenset({"acquire", "release", "locked"})
# Branches that may not be taken, so that an older lock stays.
OPEN: Final = frozenset("if else handler case otherwise".split())


class _Made(NamedTuple):
    """A call that makes a lock, and the whole expression that gives it: `self.locks.get(user, asyncio.Lock())`."""

    scope: FunctionSymbol
    call: CallSite
    whole: Expression


@rule("A122", "lock-for-one-call")
def lock_for_one_call(analysis: Analysis) -> Iterator[Sighting]:
    """A lock is made in the very call that takes it: every call has one of its own, and it keeps nobody out.

    ```python
    async def pay(amount: int) -> None:
        async with asyncio.Lock():  # A122: nobody else knows this lock
            if account.balance >= amount:
                await bank.send(amount)
                account.balance -= amount
    ```

    The same is true of a lock that only a name of the function holds, of one that replaces that of the object in each call, of
    one that a function or a property makes for everybody who asks, and of `locks.get(user, asyncio.Lock())`, which puts nothing
    into the dictionary.

    Make it once: beside what it protects, in `__init__` or at the top of the module; one for each key by
    `locks.setdefault(key, asyncio.Lock())`. A lock that is handed on, returned, kept, or used by a function that is defined in
    the same call is left alone.
    """
    for scope, index, call in analysis.calls_of(*NAMES):
        if scope.facts.sort in (TOP, BODY, LAMBDA) or scope.module.in_tests or not _is_lock(analysis, call, scope):
            continue
        if call.where == ("return",) and [each.value for each in scope.facts.returned] == [("call", index)]:
            yield from _given_anew(analysis, scope, call)
        made = _whole(scope, index, call)
        if made is None:
            continue
        where = call.where if made.whole == ("call", index) else _where(scope, made.whole)
        if where in ENTERED:
            yield _sighting(made, call.line, "it is made where it is taken")
        elif where[0] == "assign" and (line := _taken_alone(scope, where[1], call, made.whole)):
            yield _sighting(made, line, f"`{written(where[1], scope)}` is made anew in every call")


def _sighting(made: _Made, line: int, how: str) -> Sighting:
    call, scope = made.call, made.scope
    message = f"`{written(call.callee, scope)}(…)` keeps nobody out: {how}, and nobody else knows it"
    steps = (Step(scope.module.path, line, "it is taken here"),) if line != call.line else ()
    mend = Mend("make it once: at the top of the module, in `__init__`, or one for each key by `setdefault`")
    return Sighting(scope, call.line, call.column, call.end_line, message, steps, mend)


def _given_anew(analysis: Analysis, making: FunctionSymbol, call: CallSite) -> Iterator[Sighting]:
    """Who takes what a function, or a property, makes for everybody who asks."""
    step = Step(making.module.path, call.line, f"`{making.name}` makes another one each time")
    mend = Mend("let it be made once, and kept")
    if making.decorator_names == {"property"} and making.owner is not None:
        read = ("attribute", ("name", "self"), making.name)
        for methods in making.owner.methods.values():
            for scope in methods:
                for block in scope.facts.blocks:
                    if block.what in TAKING and block.expressions == (read,):
                        message = f"`{written(read, scope)}` keeps nobody out: it is another lock for everybody who asks"
                        yield Sighting(scope, block.head, 0, block.head, message, (step,), mend)
    for scope, index in analysis.program.calls_named.get(making.name, ()) if not making.decorator_names else ():
        asked = scope.facts.calls[index]
        if asked.where not in ENTERED or scope.module.in_tests:
            continue
        match analysis.receivers.value(asked.callee, scope):
            case Routine(function=function, receiver=kind) if function is making and not _is_overridden(analysis, making, kind):
                message = f"`{written(asked.callee, scope)}(…)` keeps nobody out: it is another lock for everybody who asks"
                yield Sighting(scope, asked.line, asked.column, asked.end_line, message, (step,), mend)


def _is_overridden(analysis: Analysis, making: FunctionSymbol, kind: ClassSymbol | None) -> bool:
    below = analysis.program.subclasses.get(kind, ()) if kind is not None else ()
    return any(making.name in each.methods for each in below)


def _is_lock(analysis: Analysis, call: CallSite, scope: FunctionSymbol) -> bool:
    match analysis.receivers.value(call.callee, scope):
        case TypeOf(kind=kind):
            return kind.module.model and kind.module.name in LIBRARIES
        case Foreign(symbol=External(dotted=dotted)):
            return dotted.rpartition(".")[0] in LIBRARIES
    return False


def _whole(scope: FunctionSymbol, index: int, call: CallSite) -> _Made | None:
    """The call itself, or the lookup for which it is made where nothing is found, in a container that nobody fills."""
    own: Expression = ("call", index)
    match call.where:
        case ("argument", int(outer), 1) if scope.facts.calls[outer].callee[-1] == "get":
            callee = scope.facts.calls[outer].callee
            return (
                _Made(scope, call, ("call", outer)) if callee[0] == "attribute" and not _is_filled(callee[1], scope) else None
            )
        case ("with",) | ("with async",) | ("assign", *_):
            return _Made(scope, call, own)
    return None


def _where(scope: FunctionSymbol, whole: Expression) -> Where:
    where: Where = scope.facts.calls[whole[1]].where
    return where


def _is_filled(container: Expression, scope: FunctionSymbol) -> bool:
    """Something of the file puts a value into it, or hands it to somebody who may."""
    for each in scope.module.functions:
        if any(one.target[0] == "subscript" and one.target[1] == container for one in each.facts.assignments):
            return True
        for call in each.facts.calls:
            filling = call.callee[0] == "attribute" and call.callee[1] == container and call.callee[2] != "get"
            if filling or container in call.given:
                return True
    return False


def _taken_alone(scope: FunctionSymbol, target: Expression, call: CallSite, whole: Expression) -> int:
    """The line at which what holds the lock is entered, where nothing else is done with it; 0 if there is none."""
    facts = scope.facts
    match target:
        case ("name", str(name)) if name not in facts.globals and [each.value for each in scope.assigned[name]] == [whole]:
            if any(name in child.facts.loads for child in scope.children) or facts.yields:
                return 0
            uses = [each for each in facts.uses if each.name == name]
        case ("attribute", ("name", "self"), str(name)) if scope.owner is not None and scope.name != "__init__":
            if [each.value for each in facts.assignments if each.target == target] != [whole]:
                return 0
            if any(each.what in OPEN and each.line <= call.line <= each.end_line for each in facts.blocks):
                return 0
            if _is_known_elsewhere(scope, name) or any(target in _read(child) for child in scope.children):
                return 0
            uses = [each for each in facts.uses if each.name == f"self.{name}"]
        case _:
            return 0
    for each in uses:
        if each.where not in ENTERED and not (each.where[0] == "attribute" and each.where[1] in OWN_METHODS):
            return 0
    taken = [each.line for each in uses if each.where in ENTERED or each.where[1] == "acquire"]
    return min((line for line in taken if line > call.line), default=0)


def _is_known_elsewhere(scope: FunctionSymbol, name: str) -> bool:
    """Another function of the file reads or sets an attribute of this name, other than `__init__`, which sets it first."""
    return any(
        any(attribute[2] == name for attribute, _, _ in each.attributes_read)
        or (
            each.name != "__init__"
            and any(one.target[0] == "attribute" and one.target[2] == name for one in each.facts.assignments)
        )
        for each in scope.module.functions
        if each is not scope
    )


def _read(scope: FunctionSymbol) -> list[Expression]:
    return [attribute for attribute, _, _ in scope.attributes_read]
