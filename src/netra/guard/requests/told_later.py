"""What an object that a function makes is told after it was made, and keeps: `mailer = Mailer()`, `mailer.bind(websocket)`."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.facts import SELF, Expression
from netra.guard.requests.passing import pairs
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Instance, Routine


def told_later(name: str, scope: FunctionSymbol, analysis: Analysis) -> Iterator[tuple[Expression, int]]:
    """What a function puts into an object that it has made and given a name, by an attribute or a method, with the lines."""
    made = scope.assigned.get(name, ())
    if len(made) != 1 or made[0].value[0] != "call":
        return
    match analysis.receivers.value(made[0].value, scope):
        case Instance(kind=kind) if not kind.module.library:
            pass
        case _:
            return
    place = ("name", name)
    for each in scope.facts.assignments:
        if each.how == "=" and each.target[0] == "attribute" and each.target[1] == place:
            yield each.value, each.line
    for call in scope.facts.calls:
        if call.callee[0] != "attribute" or call.callee[1] != place:
            continue
        match analysis.receivers.value(call.callee, scope):
            case Routine(function=method) if method.owner is not None:
                set_here = (each for each in method.facts.assignments if each.target[:2] == ("attribute", SELF))
                kept = {each.value[1] for each in set_here if each.value[0] == "name"}
                yield from ((given, call.line) for parameter, given in pairs(call, method, 1) if parameter in kept)
