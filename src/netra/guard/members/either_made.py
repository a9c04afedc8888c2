"""What a function of the program makes for its caller, where that is one of several classes: `provider_for(model)`."""

from typing import NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Expression
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Routine, Step


class EitherMade(NamedTuple):
    """A function that gives objects of these classes, each with the place where it makes one."""

    function: FunctionSymbol
    kinds: dict[ClassSymbol, Step]


def made_for(name: str, line: int, scope: FunctionSymbol, analysis: Analysis) -> EitherMade | None:
    """What the name holds in a line of the scope, where any of the classes may be it.

    None where what the caller passes decides it, as a text does that stands there, or where he may have asked what he has: by
    a branch, or by leaving before.
    """
    given = scope.assigned.get(name, ())
    if name in scope.parameters or len(given) != 1 or given[0].how != "=" or _is_decided(given[0].line, line, scope):
        return None
    value = given[0].value[1] if given[0].value[0] == "await" else given[0].value
    if value[0] != "call" or not _is_open(scope.facts.calls[value[1]], scope):
        return None
    match analysis.receivers.value(scope.facts.calls[value[1]].callee, scope):
        case Routine(function=function) if not function.module.library and not function.facts.decorators:
            kinds = _made(function, analysis)
            return EitherMade(function, kinds) if len(kinds) > 1 else None
    return None


def _is_decided(first: int, line: int, scope: FunctionSymbol) -> bool:
    facts = scope.facts
    for block in facts.blocks:
        if block.what in ("if", "else", "case", "try", "handler", "otherwise") and (
            block.line <= line <= block.end_line or block.line <= first <= block.end_line
        ):
            return True
    left = [at for _, at in facts.jumps] + [each.line for each in facts.returned] + [*facts.raises]
    return any(at < line for at in left) or any(at < line for _, at in facts.asserts)


def _is_open(call: CallSite, scope: FunctionSymbol) -> bool:
    """What it passes is all of what the scope was given itself, and there is something."""
    return bool(call.given) and all(_root(each) in scope.parameters for each in call.given)


def _root(value: Expression) -> str:
    while value[0] in ("attribute", "await", "subscript"):
        value = value[1]
    return str(value[1]) if value[0] == "name" and value[1] not in ("self", "cls") else ""


def _made(function: FunctionSymbol, analysis: Analysis) -> dict[ClassSymbol, Step]:
    found: dict[ClassSymbol, Step] = {}
    for each in function.facts.returned:
        if each.how == "return" and each.value[0] == "call":
            match analysis.program.evaluate(function.facts.calls[each.value[1]].callee, function):
                case ClassSymbol() as kind:
                    found[kind] = Step(function.module.path, each.line, f"`{function.name}` gives a `{kind.name}` here")
    return found
