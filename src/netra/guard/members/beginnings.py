"""Whether it is worth a look of which classes something is made: by the names of what it begins with, and nothing else."""

from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.meaning.outcomes import MAKING_MODELS
from netra.guard.members.queries import may_query
from netra.guard.members.rows import NAMES
from netra.guard.symbols import FunctionSymbol

# What gives a row of a mapped class, whatever else is called so.
ROWS: Final = NAMES - {"get", "first"}


def may_be_made(analysis: Analysis, inner: Expression, scope: FunctionSymbol) -> bool:
    """What it begins with is `self`, or comes out of a call of something that the program defines under that name."""
    while inner[0] == "attribute":
        inner = inner[1]
    if inner == ("name", "self"):
        return True
    if inner[0] == "name" and inner[1] not in scope.assigned:
        return False  # so it is with most names: parameters, and what a module has
    given = [each.value for each in scope.assigned.get(inner[1], ())] if inner[0] == "name" else [inner]
    given = [one for each in given for one in _begun_with(each, scope)]
    walked = (
        [each.value for each in scope.assigned.get(inner[1], ()) if each.how in ("for", "for async")]
        if inner[0] == "name"
        else []
    )
    given += [one.value for each in walked if each[0] == "name" for one in scope.assigned.get(each[1], ())]
    called = [each[1] if each[0] == "await" else each for each in given]
    calls = [scope.facts.calls[each[1]] for each in called if each[0] == "call"]
    names = [last_name(each.callee) for each in calls]
    if any(each in analysis.once(_defined) or each in ROWS for each in names):
        return True
    if not MAKING_MODELS.isdisjoint(names):
        return True
    return any(_takes_a_class(each, analysis) or may_query(each, scope) for each in calls)


def _begun_with(given: Expression, scope: FunctionSymbol) -> list[Expression]:
    """What the name was given on which `visit.patient` begins; anything else as it is."""
    if given[0] != "attribute":
        return [given]
    while given[0] == "attribute":
        given = given[1]
    return [each.value for each in scope.assigned.get(given[1], ())] if given[0] == "name" else [given]


def _takes_a_class(call: CallSite, analysis: Analysis) -> bool:
    """`session.get(User, number)`."""
    first = call.arguments[0] if len(call.arguments) > 1 and call.callee[-1] == "get" else ()
    return bool(first) and last_name(first) in analysis.program.classes_named


def _defined(analysis: Analysis) -> frozenset[str]:
    """The names of the program's own functions and methods that return anything."""
    return frozenset(scope.name for scope in analysis.scopes if scope.facts.returned)
