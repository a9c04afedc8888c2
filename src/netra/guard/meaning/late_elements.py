"""Coroutines that come out of something: the elements of a list of them, what `asyncio.as_completed` gives, and properties that
are declared `async def`. No call of theirs stands where they are used.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from netra.guard.facts import ASYNC, Assignment, Expression, Where, last_name
from netra.guard.meaning.consistency import tells_kinds_apart
from netra.guard.meaning.places import PLAINLY_WRONG, RESPONSES, CoroutinePlaces, Fate
from netra.guard.meaning.receivers import Receivers
from netra.guard.program import Program
from netra.guard.symbols import External, FunctionSymbol
from netra.guard.values import CoroutineOf, Foreign, Plain, Routine, Step, Value

AS_COMPLETED: Final = "asyncio.as_completed"
FILLED: Final = frozenset({"list", "dict", "set"})
PROPERTY: Final = frozenset({"property"})
CALLED: Final[Where] = ("called",)
WRONG: Final = PLAINLY_WRONG | {Fate.TESTED, Fate.FORMATTED}


class LateValue(NamedTuple):
    """An expression that is a coroutine, taken for what it would give."""

    scope: FunctionSymbol
    expression: Expression
    line: int
    column: int
    how: str
    steps: tuple[Step, ...]


def late_elements(program: Program, receivers: Receivers, places: CoroutinePlaces) -> Iterator[LateValue]:
    """Every name that `for` binds to one coroutine after the other, and that is used as if it were what each gives."""
    for scope in program.scopes:
        for each in scope.facts.assignments:
            if each.how != "for" or each.target[0] != "name" or len(scope.assigned[each.target[1]]) != 1:
                continue
            if (found := _element(each, scope, receivers)) is None or tells_kinds_apart(scope):
                continue
            value, source = found
            name = each.target[1]
            if any(name in child.facts.loads for child in scope.children):
                continue
            uses = [use for use in scope.facts.uses if use.name == name]
            judged = [(use, places.of(value, use.where, scope)) for use in uses]
            if any(use.where[0] == "await" for use in uses) or any(fate is Fate.TAKEN for _, (fate, _, _) in judged):
                continue
            told = PLAINLY_WRONG | ({Fate.TESTED} if _is_all_called(each.value, scope) else frozenset())
            wrong = [(use, how, steps) for use, (fate, how, steps) in judged if fate in told]
            if wrong:
                use, how, steps = wrong[0]
                step = Step(scope.module.path, each.line, f"`{name}` is {source}")
                yield LateValue(scope, each.target, use.line, use.column, how, (step, *steps))


def _element(each: Assignment, scope: FunctionSymbol, receivers: Receivers) -> tuple[Value, str] | None:
    if each.value[0] == "call":
        match receivers.value(scope.facts.calls[each.value[1]].callee, scope):
            case Foreign(symbol=External(dotted=dotted)) if dotted == AS_COMPLETED:
                return Plain("value"), f"something to await, as all that `{dotted}` gives"
    match receivers.value(each.value, scope):
        case Plain(name="list" | "tuple" | "set", item=CoroutineOf(function=function) as item):
            return item, f"a coroutine of `{function.name}`, as all in there"
    return None


def _is_all_called(value: Expression, scope: FunctionSymbol) -> bool:
    """`[load(each) for each in ids]`, by its only name: each is a coroutine, and none of them None."""
    given = scope.assigned.get(value[1], ()) if value[0] == "name" and value[1] not in scope.parameters else ()
    made = given[0].value if len(given) == 1 and given[0].how == "=" else value
    return bool(made[0] == "comprehension" and made[2][0] == "call")


def answered_in_lists(serving: Iterable[FunctionSymbol], receivers: Receivers) -> Iterator[LateValue]:
    """Every list or dictionary that a handler fills with coroutines, and returns as its answer."""
    for scope in sorted(serving, key=lambda each: (each.module.path, each.facts.line)):
        for each in scope.facts.returned:
            for part in _answered(each.value, scope) if each.how == "return" else ():
                made = scope.assigned.get(part[1], [])
                if len(made) != 1 or made[0].how != "=" or not _is_empty(made[0].value, scope):
                    continue
                match receivers.value(part, scope):
                    case Plain(name=name, item=CoroutineOf(function=function)) if name in FILLED:
                        step = Step(
                            scope.module.path, made[0].line, f"`{part[1]}` is filled with coroutines of `{function.name}`"
                        )
                        how = "they are part of a response, and cannot be serialised"
                        yield LateValue(scope, part, each.line, each.column, how, (step,))


def _answered(value: Expression, scope: FunctionSymbol) -> Iterator[Expression]:
    """The names that stand in what is returned: by themselves, in a display, or in the response that is made of them."""
    match value:
        case ("name", _):
            yield value
        case ("list" | "tuple" | "set", parts):
            for part in parts:
                yield from _answered(part, scope)
        case ("dict", pairs):
            for _, part in pairs:
                yield from _answered(part, scope)
        case ("call", int(index)) if last_name(scope.facts.calls[index].callee) in RESPONSES:
            for part in scope.facts.calls[index].given:
                yield from _answered(part, scope)


def _is_empty(value: Expression, scope: FunctionSymbol) -> bool:
    if value[0] == "call":
        call = scope.facts.calls[value[1]]
        return last_name(call.callee) in FILLED and not call.given
    return value[0] in FILLED and not value[1]


def late_properties(program: Program, receivers: Receivers, places: CoroutinePlaces) -> Iterator[LateValue]:
    """Every read of a property that is declared `async def`, and used as if it were what it gives."""
    names = program.once(_names_of_late_properties)
    if not names:
        return
    for scope in program.scopes:
        for expression, where, line, column in _reads(scope, names):
            if tells_kinds_apart(scope) or (found := _late(receivers, scope, expression)) is None:
                continue
            fate, how, steps = places.of(found, where, scope)
            if fate in WRONG:
                function = found.function
                step = Step(function.module.path, function.facts.line, f"`{function.name}` is a property, and an `async def`")
                yield LateValue(scope, expression, line, column, how, (step, *steps))


def _names_of_late_properties(program: Program) -> frozenset[str]:
    found = set()
    for module in program.own:
        for scope in module.functions if "property" in module.decorator_names else ():
            if scope.facts.sort == ASYNC and scope.decorator_names == PROPERTY and scope.owner is not None:
                found.add(scope.name)
    return frozenset(found)


def _reads(scope: FunctionSymbol, names: frozenset[str]) -> Iterator[tuple[Expression, Where, int, int]]:
    """Each attribute with such a name, and what is done with it: in `order.owner.name`, `.name` is read of `order.owner`."""
    # Every attribute that a program reads comes by here.
    for read in scope.facts.reads:
        at, place = read.expression, read.where
        while at[0] == "attribute":
            if at[2] in names:
                yield at, place, read.line, read.column
            at, place = at[1], ("attribute", at[2])
    for call in scope.facts.calls:
        at, place = call.callee, CALLED
        while at[0] == "attribute":
            if at[2] in names:
                yield at, place, call.line, call.column
            at, place = at[1], ("attribute", at[2])


def _late(receivers: Receivers, scope: FunctionSymbol, expression: Expression) -> CoroutineOf | None:
    """What reading it gives, where it is such a property for every class that the object may be of."""
    match receivers.value(expression, scope):
        case CoroutineOf(function=function) as found if _is_property(function):
            return found
        case Routine(function=function) as routine if _is_property(function):
            given = receivers.outcome(routine)
            return given if isinstance(given, CoroutineOf) else None
    return None


def _is_property(function: FunctionSymbol) -> bool:
    return function.facts.sort == ASYNC and function.decorator_names == PROPERTY and not function.module.library
