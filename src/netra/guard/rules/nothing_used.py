"""M118."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.entries.unused import NamesUsed
from netra.guard.facts import ASYNC, PLAIN, CallSite, Where
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.meaning.narrowing import is_caught, is_told_apart
from netra.guard.members.outside import OutsideWrites
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Plain, Routine, Step

# Methods of containers that change them and give nothing.
CHANGING: Final = {
    "list": frozenset("append extend insert remove reverse sort clear".split()),
    "set": frozenset("add update discard remove clear".split()),
    "dict": frozenset("update clear".split()),
}
# What is done with a value that nothing cannot bear.
USING: Final = {
    "subscript": "subscripted",
    "iterate": "gone over",
    "unpack": "unpacked",
    "operator": "calculated with",
    "attribute": "asked for an attribute",
}
MEASURING: Final = frozenset("len sorted sum min max enumerate reversed".split())
# Decorators under which a method gives what it gives.
BARE: Final = frozenset({"staticmethod", "classmethod"})
ASKING: Final = frozenset({"truth", "compare"})


class _Use(NamedTuple):
    how: str
    line: int


@rule("M118", "nothing-used")
def nothing_used(analysis: Analysis) -> Iterator[Sighting]:
    """The result of a call that gives nothing is used as if it gave something.

    `list.sort()` and `list.append()` change the list and give `None`; so does a function of the program without a `return` that
    has a value. What is done with it raises a `TypeError` or an `AttributeError`.

    ```python
    def save(user: User) -> None:
        session.add(user)


    saved = save(user)
    return saved.id  # M118: `save` gives nothing
    ```

    Return what is meant, or use what was given. A result that is only handed on or tested is left alone, and so is a method
    that gives something in a class below, and a function under a decorator.
    """
    used = analysis.program.once(NamesUsed)
    outside = analysis.once(OutsideWrites)
    names = {name for of_type in CHANGING.values() for name in of_type} | {
        function.name
        for module in analysis.modules
        for function in module.functions
        if function.facts.sort in (PLAIN, ASYNC) and all(each.value[0] == "none" for each in function.facts.returned)
    }
    for scope in analysis.scopes:
        if scope.module.in_tests:
            continue
        for call in scope.facts.calls:
            if call.callee[-1] not in names:
                continue
            awaited = call.where[0] == "await" and len(call.where) > 1
            where = call.where[1] if awaited else call.where
            if where[0] not in USING and where[0] not in ("assign", "argument"):
                continue
            use = _use(call, where, scope)
            if use is None:
                continue
            giver = _gives_nothing(analysis, call, scope, outside, awaited=awaited)
            if giver is None or is_caught(use.line, scope, "TypeError", "AttributeError") or used.is_unused(scope):
                continue
            message = f"`{written(call.callee, scope)}(…)` gives nothing, which is {use.how}: a TypeError or AttributeError"
            mend = Mend("use what was changed, or return what is meant")
            yield Sighting(scope, use.line, call.column, use.line, message, (giver,), mend)


def _use(call: CallSite, where: Where, scope: FunctionSymbol) -> _Use | None:
    """The first thing that is done with the result, where `None` cannot bear it."""
    match where:
        case ("argument", int(index), 0):
            callee = scope.facts.calls[index].callee
            measured = callee[0] == "name" and callee[1] in MEASURING
            return _Use(f"given to `{callee[1]}`", call.line) if measured else None
        case ("argument", *_):
            return None
        case ("assign", ("tuple" | "list", _)):
            return _Use("unpacked", call.line)
        case ("assign", ("name", str(name))):
            return _use_of_name(name, scope)
        case ("assign", _):
            return None
    return _Use(USING[where[0]], call.line)


def _use_of_name(name: str, scope: FunctionSymbol) -> _Use | None:
    """What the scope does with the only value that a name of its own has, and never asks about."""
    if len(scope.assigned.get(name, ())) != 1 or name in scope.parameters or name in scope.facts.globals:
        return None
    if scope.parent is None or any(name in each.facts.loads for each in scope.children):
        return None
    uses = [each for each in scope.facts.uses if each.name == name]
    if any(each.where[0] in ASKING for each in uses) or is_told_apart(("name", name), "", scope):
        return None
    made = scope.assigned[name][0].line
    for each in sorted(uses, key=lambda one: one.line):
        if each.where[0] in USING and each.line > made:
            return _Use(USING[each.where[0]], each.line)
    return None


def _gives_nothing(
    analysis: Analysis, call: CallSite, scope: FunctionSymbol, outside: OutsideWrites, *, awaited: bool
) -> Step | None:
    """What shows that the call gives `None` whenever it comes back."""
    if call.callee[0] == "attribute" and not awaited and any(call.callee[2] in names for names in CHANGING.values()):
        match analysis.receivers.value(call.callee[1], scope):
            case Plain(name=name) if call.callee[2] in CHANGING.get(name, ()):
                return Step(scope.module.path, call.line, f"`{name}.{call.callee[2]}` changes the {name} and gives nothing")
    match analysis.receivers.value(call.callee, scope):
        case Routine(function=function) as routine if not function.module.library:
            below = () if function.owner is None else analysis.program.subclasses.get(routine.receiver or function.owner, ())
            candidates = [function, *(each for kind in below for each in kind.methods.get(function.name, ()))]
            if function.name in outside.rivals or not all(_returns_nothing(each, awaited=awaited) for each in candidates):
                return None
            if function.owner is not None and outside.is_written(routine.receiver or function.owner, function.name):
                return None
            return Step(function.module.path, function.facts.line, f"`{function.facts.qualified}` returns nothing")
    return None


def _returns_nothing(function: FunctionSymbol, *, awaited: bool) -> bool:
    facts = function.facts
    if facts.sort != (ASYNC if awaited else PLAIN) or facts.abstract or not function.decorator_names <= BARE:
        return False
    around = function.parent
    if around is None or len(function.module.nested.get(around.facts.number, ({}, {}))[0].get(function.name, ())) != 1:
        return False
    comes_back = facts.falls or any(how == "return" for how, _ in facts.jumps)
    return comes_back and all(each.how == "return" and each.value[0] == "none" for each in facts.returned)
