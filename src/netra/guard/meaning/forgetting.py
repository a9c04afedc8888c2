"""What becomes of a task that is started: whether anything is left that refers to it when its function has gone on."""

from typing import Final, NamedTuple

from netra.guard.facts import LAMBDA, CallSite, Expression, Use, last_name
from netra.guard.meaning.callbacks import CALLING
from netra.guard.meaning.receivers import Receivers
from netra.guard.program import Program
from netra.guard.symbols import External, FunctionSymbol
from netra.guard.values import Foreign, Routine

# What is asked of a task, or told it, by whoever does not keep it. `cancel` counts as well: it ends the task, if it is called.
TELLING: Final = frozenset("add_done_callback remove_done_callback set_name get_name done cancelled get_coro".split())
# What a task is asked for by a callback that sees to its errors.
SEEING: Final = frozenset({"exception", "result"})

WEAK: Final = frozenset({"weakref.WeakSet", "weakref.WeakValueDictionary", "weakref.WeakKeyDictionary"})
PUTTING: Final = frozenset({"add", "append"})


class Forgotten(NamedTuple):
    """Nothing keeps a task: how that is, and what is known of it."""

    how: str
    kept: str = ""
    """The name that holds it as long as its function runs."""
    weakly: bool = False
    """Somebody meant to keep it, in what refers to it only weakly."""
    seen: bool = False
    """A callback sees to its errors."""


def forgotten(scope: FunctionSymbol, index: int, call: CallSite, receivers: Receivers) -> Forgotten | None:
    """How a task that a call starts is forgotten; None where something may keep it."""
    match call.where:
        case ("statement",):
            return Forgotten("nothing keeps it")
        case ("attribute", str(told)) if told in TELLING:
            outer = _called_on(("call", index), scope)
            if outer is not None and outer.where == ("statement",):
                return Forgotten(f"`{told}` does not keep it", seen=_sees(scope, [outer], receivers))
        case ("assign", ("name", str(name))):
            return _in_name(scope, name, receivers)
        case ("element", ("assign", ("name", str(name)))) if not _is_read(scope, name):
            return Forgotten(f"`{name}` is never read again", kept=name)
        case ("argument", int(outer_index), 0):
            outer = scope.facts.calls[outer_index]
            if outer.where == ("statement",) and last_name(outer.callee) in PUTTING and outer.callee[0] == "attribute":
                return _in_container(scope, outer.callee[1], receivers)
        case ("assign", ("subscript", container, _)) if _is_weak(container, scope, receivers):
            return Forgotten("what it is kept in refers to it only weakly", weakly=True)
        case ("lambda",) | ("return",) if scope.facts.sort == LAMBDA and _is_of_the_loop(scope):
            return Forgotten("whoever calls the lambda throws it away")
    return None


def _in_name(scope: FunctionSymbol, name: str, receivers: Receivers) -> Forgotten | None:
    if name in scope.facts.globals or any(name in child.facts.loads for child in scope.children):
        return None
    uses = [use for use in scope.facts.uses if use.name == name]
    if not uses and name not in scope.facts.loads:
        return Forgotten(f"`{name}` is never read again", kept=name)
    told = [_told(scope, use, receivers) for use in uses]
    if not told or None in told:
        return None
    if any(each is not None and each.weakly for each in told):
        return next(each for each in told if each is not None and each.weakly)
    seen = any(each is not None and each.seen for each in told)
    return Forgotten(f"`{name}` holds it only as long as the function runs", kept=name, seen=seen)


def _told(scope: FunctionSymbol, use: Use, receivers: Receivers) -> Forgotten | None:
    """What one use of the name makes of the task, where that keeps it nowhere."""
    match use.where:
        case ("attribute", str(told)) if told in TELLING:
            calls = [each for each in scope.facts.calls if each.callee == ("attribute", ("name", use.name), told)]
            return Forgotten("", seen=_sees(scope, calls, receivers))
        case ("argument", int(index), 0):
            outer = scope.facts.calls[index]
            if last_name(outer.callee) in PUTTING and outer.callee[0] == "attribute":
                found = _in_container(scope, outer.callee[1], receivers)
                return found if found is not None and found.weakly else None
            return None
    return None


def _in_container(scope: FunctionSymbol, container: Expression, receivers: Receivers) -> Forgotten | None:
    """The task is put into what refers to it weakly."""
    if _is_weak(container, scope, receivers):
        return Forgotten("what it is kept in refers to it only weakly", weakly=True)
    return None


def _is_read(scope: FunctionSymbol, name: str) -> bool:
    """Anybody reads the name. What is done with a list is not looked at."""
    if name in scope.facts.globals or any(name in child.facts.loads for child in scope.children):
        return True
    return name in scope.facts.loads


def _is_weak(container: Expression, scope: FunctionSymbol, receivers: Receivers) -> bool:
    """All that the container is ever given is a set or dictionary of weak references."""
    made = _made(container, scope, receivers.program)
    return bool(made) and all(
        value[0] == "call" and _is_named_weak(at.facts.calls[value[1]].callee, at, receivers) for at, value in made
    )


def _made(container: Expression, scope: FunctionSymbol, program: Program) -> list[tuple[FunctionSymbol, Expression]]:
    match container:
        case ("attribute", ("name", "self" | "cls"), str(name)) if scope.owner is not None:
            order = program.order(scope.owner)[0]
            found = [(at, each.value) for kind in order for at, each in kind.set_on_self.get(name, ())]
            return found + [(kind.body, each.value) for kind in order for each in kind.body.assigned.get(name, ())]
        case ("name", str(name)):
            at: FunctionSymbol | None = scope
            while at is not None and name not in at.bound:
                at = at.parent
            return [] if at is None else [(at, each.value) for each in at.assigned.get(name, ())]
    return []


def _is_named_weak(callee: Expression, scope: FunctionSymbol, receivers: Receivers) -> bool:
    match receivers.value(callee[1] if callee[0] == "subscript" else callee, scope):
        case Foreign(symbol=External(dotted=dotted)):
            return dotted in WEAK
    return False


def _called_on(expression: Expression, scope: FunctionSymbol) -> CallSite | None:
    """The call of a method of what this expression gives."""
    return next((each for each in scope.facts.calls if each.callee[:2] == ("attribute", expression)), None)


def _sees(scope: FunctionSymbol, calls: list[CallSite], receivers: Receivers) -> bool:
    """A callback that is added asks for the error, or is not known."""
    for call in calls:
        if last_name(call.callee) == "add_done_callback" and call.arguments:
            given = call.arguments[0]
            function = scope.module.function(given[1]) if given[0] == "lambda" else None
            if function is None:
                match receivers.value(given, scope):
                    case Routine(function=found):
                        function = found
                    case _:
                        return given[-1] not in ("discard", "remove")
            if any(last_name(each.callee) in SEEING for each in function.facts.calls):
                return True
    return False


def _is_of_the_loop(scope: FunctionSymbol) -> bool:
    """The lambda is a callback of the loop, of a signal or of another task: nobody looks at what it gives."""
    around = scope.parent
    if around is None:
        return False
    number = scope.facts.number
    for call in around.facts.calls:
        row = CALLING.get(last_name(call.callee) or "")
        if row is not None and row.position >= 0 and ("lambda", number) in call.arguments[row.position : row.position + 1]:
            return bool(call.callee[0] == "attribute")
    return False
