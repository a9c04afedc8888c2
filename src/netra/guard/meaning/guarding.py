"""Decorators of the program under which a lock is held as long as the function runs on which they stand."""

from typing import NamedTuple

from netra.guard.facts import TOP, CallSite, Expression, last_name
from netra.guard.meaning.expressions import within
from netra.guard.meaning.locked import HELD, gives_one_for_each
from netra.guard.meaning.receivers import Receivers
from netra.guard.meaning.registering import decorations
from netra.guard.program import Program
from netra.guard.symbols import ClassSymbol, FunctionSymbol, VariableSymbol
from netra.guard.values import Instance, Plain, Routine, Step


class GuardedBy(NamedTuple):
    """The lock that a decorator holds around a function: of its object, of a module, or one for each value of a parameter."""

    lock: str | VariableSymbol
    key: int
    """Which parameter of the function it is kept by; -1 where there is one lock for all."""
    step: Step


def guarded(program: Program, receivers: Receivers, exclusive: frozenset[str]) -> dict[FunctionSymbol, GuardedBy]:
    """The functions under such a decorator, where their own holder cannot take the lock again."""
    found: dict[FunctionSymbol, GuardedBy] = {}
    for places in program.once(decorations).values():
        for scope, number in places:
            decorator = scope.facts.decorators[number]
            match receivers.value(decorator.callee, scope.parent or scope):
                case Routine(function=function) if not function.module.library:
                    for wrapper in receivers.kinds.wrappers(function, called=decorator.called):
                        if (held := _held(wrapper, scope, receivers, exclusive)) is not None:
                            found[scope] = held
    return found


def _held(wrapper: FunctionSymbol, scope: FunctionSymbol, receivers: Receivers, exclusive: frozenset[str]) -> GuardedBy | None:
    around = wrapper.parent
    if around is None or not around.facts.parameters or not wrapper.facts.parameters:
        return None
    given = around.facts.parameters[0].name
    calls = [each for each in wrapper.facts.calls if each.callee == ("name", given)]
    for block in wrapper.facts.blocks:
        if block.what in HELD and any(block.line <= each.line <= block.end_line for each in calls):
            lock = _lock(block.expressions[0], wrapper, scope, calls, receivers, exclusive)
            if lock is not None:
                name, key = lock
                note = f"the decorator of `{scope.name}` holds the lock while it runs"
                return GuardedBy(name, key, Step(wrapper.module.path, block.head, note))
    return None


def _lock(
    held: Expression,
    wrapper: FunctionSymbol,
    scope: FunctionSymbol,
    calls: list[CallSite],
    receivers: Receivers,
    exclusive: frozenset[str],
) -> tuple[str | VariableSymbol, int] | None:
    own = ("name", wrapper.facts.parameters[0].name)
    match held:
        case ("attribute", owner, str(name)) if owner == own and scope.owner is not None:
            return (name, -1) if _is_exclusive(receivers.of_class(scope.owner, name), exclusive) else None
        case ("name", _):
            match receivers.program.evaluate(held, wrapper):
                case VariableSymbol(scope=at) as variable if at.facts.sort == TOP:
                    return (variable, -1) if _is_exclusive(receivers.value(held, wrapper), exclusive) else None
        case ("subscript", ("attribute", owner, str(name)), key) if owner == own and scope.owner is not None:
            # `self.locks[number % len(self.locks)]`: the same parameter leads to the same lock.
            names = {part for part in within(key, wrapper) if part[0] == "name" and part[1] in wrapper.parameters} - {own}
            position = _position(names.pop(), calls) if len(names) == 1 else -1
            kept = receivers.of_class(scope.owner, name)
            one = kept.item if isinstance(kept, Plain) else None
            return (name, position) if position > 0 and _is_exclusive(one, exclusive) else None
        case ("call", int(index)) if scope.owner is not None:
            call = wrapper.facts.calls[index]
            if len(call.arguments) != 1 or call.keywords or call.arguments[0][0] != "name":
                return None
            position = _position(call.arguments[0], calls)
            match _of_object(call.callee, own, scope.owner, receivers):
                case Routine(function=function) as routine if position > 0 and len(function.facts.parameters) == 2:
                    key = function.facts.parameters[1].name
                    if gives_one_for_each(function, key) and _is_exclusive(receivers.outcome(routine), exclusive):
                        return last_name(call.callee) or "", position
    return None


def _of_object(expression: Expression, own: Expression, kind: ClassSymbol, receivers: Receivers) -> object:
    """What `self.locks.of` of a wrapper is, for the object that has the decorated method."""
    if expression == own:
        return Instance(kind)
    if expression[0] != "attribute":
        return None
    owner = _of_object(expression[1], own, kind, receivers)
    return receivers.attribute(owner, expression[2]) if isinstance(owner, Instance) else None


def _position(name: Expression, calls: list[CallSite]) -> int:
    """At which place the wrapper hands that parameter on to the function."""
    places = {call.arguments.index(name) if name in call.arguments else -1 for call in calls}
    return places.pop() if len(places) == 1 else -1


def _is_exclusive(value: object, exclusive: frozenset[str]) -> bool:
    return isinstance(value, Instance) and value.kind.full_name in exclusive
