"""Calls that nobody comes back from.

def fail(message: str) -> None:
    print(message, file=sys.stderr)
    sys.exit(2)

def require(holds: bool, message: str) -> None:
    if not holds:
        raise ContractError(message)

require(False, "no such policy")
"""

from collections.abc import Mapping
from typing import Final

from netra.guard.facts import OTHER, CallSite, Expression, last_name
from netra.guard.meaning.reaching import is_shut, known_of, left, passed
from netra.guard.meaning.receivers import Receivers
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Instance, Routine

# What a function is said to return that never does.
OF_NOBODY: Final = ("NoReturn", "Never")

# Where a call stands whose result nobody asks for.
ALONE: Final = (("statement",), ("await", ("statement",)))

NO_NAMES: Final[Mapping[str, Expression]] = {}


def ends_in_call(first: int, last: int, scope: FunctionSymbol, receivers: Receivers) -> bool:
    """In these lines stands a call of a function that always raises or ends the process, or says that it does."""
    alone = (call for call in scope.facts.calls if first <= call.line <= last and call.where in ALONE)
    return any(_is_the_last(call, scope, receivers) for call in alone)


def ends_behind(first: int, last: int, line: int, scope: FunctionSymbol, receivers: Receivers) -> bool:
    """Whoever comes through these lines gives a name there a plain value with which a call between them and the other line does
    not come back: `accepted = False`, and behind it `require(accepted, "refused")`.
    """
    given = [each for each in scope.facts.assignments if first <= each.line <= last and each.how == "="]
    told = {each.target[1]: each.value for each in given if each.target[0] == "name" and known_of(each.value) is not None}
    for call in scope.facts.calls if told else ():
        if last < call.line < line and call.where in ALONE and not told.keys().isdisjoint(each[-1] for each in call.given):
            passed_by = any(
                block.line <= call.line <= block.end_line and not block.line <= line <= block.end_line
                for block in scope.facts.blocks
            )
            if not passed_by and _is_the_last(call, scope, receivers, told):
                return True
    return False


def _is_the_last(
    call: CallSite, scope: FunctionSymbol, receivers: Receivers, told: Mapping[str, Expression] = NO_NAMES
) -> bool:
    if last_name(call.callee) == "assert_never":
        return True
    match receivers.value(call.callee, scope):
        case Routine(function=function):
            return last_name(function.facts.returns or OTHER) in OF_NOBODY or _never_returns(function, call, told)
    return _is_declared_so(call.callee, scope, receivers)


def _is_declared_so(callee: Expression, scope: FunctionSymbol, receivers: Receivers) -> bool:
    """`stop: Callable[[str], NoReturn]`, as a parameter or as a field of an object."""
    declared = None
    match callee:
        case ("name", str(name)):
            around: FunctionSymbol | None = scope
            while around is not None and name not in around.parameters and not around.assigned.get(name):
                around = around.parent
            if around is not None and name in around.parameters and not around.assigned.get(name):
                declared = around.facts.parameters[around.parameters[name]].annotation
        case ("attribute", owner, str(name)):
            match receivers.value(owner, scope):
                case Instance(kind=kind):
                    declared = next((each.annotation for each in kind.body.assigned.get(name, ()) if each.annotation), None)
    match declared:
        case ("subscript", what, ("tuple", (_, answer))):
            return last_name(what) == "Callable" and last_name(answer) in OF_NOBODY
    return False


def _never_returns(function: FunctionSymbol, call: CallSite, values: Mapping[str, Expression]) -> bool:
    """No way through it comes to a `return` or to its end, of those that the arguments of the call leave open; `values` are
    those of names that it may be given.
    """
    facts = function.facts
    if facts.returned or any(how == "return" for how, _ in facts.jumps):
        return False
    if not facts.falls:
        return True
    given = passed(function, call, bound=call.callee[0] == "attribute")
    if given is None or not facts.raises:
        return False
    known = {name: values.get(value[-1], value) if value[0] == "name" else value for name, value in given.items() if value}
    told = {name: found for name, value in known.items() if (found := known_of(value)) is not None}
    unsaid = left(each for each in facts.parameters if given.get(each.name) is None)
    return is_shut(function, facts.end_line + 1, unsaid | told)
