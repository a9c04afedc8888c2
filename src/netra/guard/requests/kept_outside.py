"""What a library keeps for the process, and is given while somebody is served: a receiver of a signal, a handler of a logger.

Nothing of the program holds it, so nothing of the program shows that it grows; only to take it back is the program's.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.requests.origins import Origins
from netra.guard.requests.serving import SELF, Serving
from netra.guard.symbols import External, FunctionSymbol, VariableSymbol

# What takes back what each of these has given.
TAKING_BACK: Final = {"connect": "disconnect", "register": "unregister", "addHandler": "removeHandler"}


class Handover(NamedTuple):
    """A call gives a library something of one request, and nothing in the file takes it back."""

    scope: FunctionSymbol
    call: CallSite
    what: str
    back: str


def given_for_ever(analysis: Analysis) -> Iterator[Handover]:
    """Each call by which something that is made for one request or connection is given to a library for the whole process."""
    serving = analysis.once(Serving)
    for scope, _, call in analysis.calls_of(*TAKING_BACK):
        if call.callee[0] != "attribute" or not call.arguments or scope not in serving or not serving.surely(scope):
            continue
        name = call.callee[2]
        back = TAKING_BACK[name]
        if _is_taken_back(scope, back) or not _is_kept_for_all(analysis, scope, call):
            continue
        handler = call.arguments[0]
        if name == "addHandler":
            own = analysis.once(Origins).of(handler, scope, call.line) is not None
        else:
            # Below an entry point, an object may be one for all, and have seen to it that this is done once.
            entry = analysis.reach.entries.get(scope)
            own = entry is not None and entry.serves and _is_made_anew(handler, scope)
        if own:
            yield Handover(scope, call, f"{last_name(call.callee[1]) or '…'}.{name}(…)", back)


def _is_kept_for_all(analysis: Analysis, scope: FunctionSymbol, call: CallSite) -> bool:
    """A signal of Django or blinker that holds on to its receiver, `atexit`, or a logger that has a name of the program."""
    receiver = call.callee[1]
    match call.callee[2]:
        case "connect":
            return dict(call.keywords).get("weak") == ("constant", "bool", False)
        case "register":
            return analysis.program.evaluate(receiver, scope) == External("atexit")
    made, where = receiver, scope
    if receiver[0] == "name":
        match analysis.program.lookup(receiver[1], scope):
            case VariableSymbol(scope=at, name=name) if len(at.assigned.get(name, ())) == 1:
                made, where = at.assigned[name][0].value, at
    if made[0] != "call" or last_name(where.facts.calls[made[1]].callee) != "getLogger":
        return False
    return all(each[0] == "string" or each == ("name", "__name__") for each in where.facts.calls[made[1]].arguments)


def _is_made_anew(handler: Expression, scope: FunctionSymbol) -> bool:
    """A method of the object that answers, or a function that is made here."""
    functions, _ = scope.module.nested.get(scope.facts.number, ({}, {}))
    match handler:
        case ("lambda", _):
            return True
        case ("name", str(name)):
            return name in functions
        case ("attribute", inner, str(name)):
            return inner == SELF and scope.owner is not None and name in scope.owner.methods
    return False


def _is_taken_back(scope: FunctionSymbol, back: str) -> bool:
    """Something in the same file takes back what was given, or empties the list of handlers."""
    for each in scope.module.functions:
        if any(last_name(call.callee) == back for call in each.facts.calls):
            return True
        if back == "removeHandler" and any("handlers" in str(one.target) for one in each.facts.assignments):
            return True
    return False
