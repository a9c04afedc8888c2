"""Who is told only so that it can be asked whether they may: what a function gives is made of something else.

async def opened(number, user):
    room = rooms[number]
    if user.id not in room.members:
        raise HTTPException(404)
    return room  # the same for all who may enter
"""

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Expression
from netra.guard.meaning.expressions import within
from netra.guard.requests.identities import SignedIn, parts
from netra.guard.requests.passing import pairs
from netra.guard.requests.serving import WHOM
from netra.guard.requests.sharing import Write
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine


def is_only_let_in(analysis: Analysis, write: Write) -> bool:
    """What is kept by a call is got above with calls that are told who asks, and only ask whether they may have it."""
    scope, identities = write.scope, analysis.once(SignedIn)
    calls = (scope.facts.calls[each[1]] for each in parts(write.value, scope) if each[0] == "call")
    told = [
        (call, given)
        for call in calls
        for given in call.given
        if (given[0] == "name" and given[1] in WHOM) or identities.of(given, scope) is not None
    ]
    return bool(told) and all(call.line < write.line and only_checks(analysis, call, given, scope) for call, given in told)


def only_checks(analysis: Analysis, call: CallSite, given: Expression, scope: FunctionSymbol) -> bool:
    """A function of the program asks something of what a call gives it, and makes nothing of that which it returns."""
    match analysis.receivers.value(call.callee, scope):
        case Routine(function=function, bound=bound) if not function.module.library:
            told = pairs(call, function, 1 if bound and function.owner is not None else 0)
            taking = next((name for name, value in told if value == given), None)
            return taking is not None and _refuses(function) and _is_only_asked(taking, function)
    return False


def _refuses(function: FunctionSymbol) -> bool:
    return bool(function.facts.raises) and bool(function.facts.returned)


def _is_only_asked(taking: str, function: FunctionSymbol) -> bool:
    facts = function.facts
    made: set[str] = set()
    for each in facts.returned:
        made |= _names(each.value, function)
    asked = [test for block in facts.blocks if block.what == "if" for test in block.expressions]
    if taking in made or not any(taking in _names(each, function) for each in asked):
        return False
    # `db.for_user(user)`, and then `return db.rows()`
    told = [(call.callee, each) for call in facts.calls for each in call.given if ("name", taking) in within(each, function)]
    entered = [each for block in facts.blocks if block.what.startswith("with") for each in block.expressions]
    return not any(taking in _names(each, function) for each in entered) and not any(
        callee[0] == "attribute" and not made.isdisjoint(_names(callee[1], function)) for callee, _ in told
    )


def _names(expression: Expression, scope: FunctionSymbol) -> set[str]:
    return {each[1] for each in parts(expression, scope) if each[0] == "name"}
