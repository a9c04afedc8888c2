"""Rows that several have, as the tables of a program say: a room of which many are members is found by one of them.

room = get_object_or_404(Room, slug=slug, members=request.user)  # with `members = models.ManyToManyField(…)`
"""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import TypeOf

# How one row is asked for, by the class or by what stands for all of its rows.
BESIDE: Final = frozenset({"get_object_or_404", "aget_object_or_404"})
OF_ALL: Final = frozenset({"get", "aget"})
OBJECTS: Final = "objects"

MANY: Final = "ManyToManyField"


def is_of_several(analysis: Analysis, part: Expression, scope: FunctionSymbol) -> bool:
    """A row, or something of one, that was found as one of those which several have: its id tells nobody from the others."""
    while part[0] == "attribute":
        part = part[1]
    if part[0] != "name" or part[1] in scope.parameters:
        return False
    made = scope.assigned.get(part[1], ())
    if len(made) != 1 or made[0].how not in ("=", "annotated"):
        return False
    value = made[0].value[1] if made[0].value[0] == "await" else made[0].value
    if value[0] != "call":
        return False
    call = scope.facts.calls[value[1]]
    kind = _kind(analysis, call, scope)
    if kind is None:
        return False
    many = {*_of_many(analysis, kind)}
    return any(name.partition("__")[0] in many for name, _ in call.keywords)


def _kind(analysis: Analysis, call: CallSite, scope: FunctionSymbol) -> ClassSymbol | None:
    """The class of the row that a call looks for."""
    match call.callee:
        case ("attribute", ("attribute", asked, manager), str(name)) if name in OF_ALL and manager == OBJECTS:
            pass
        case _ if last_name(call.callee) in BESIDE and call.arguments:
            asked = call.arguments[0]
        case _:
            return None
    match analysis.receivers.value(asked, scope):
        case TypeOf(kind=kind) if not kind.module.library:
            return kind
    return None


def _of_many(analysis: Analysis, kind: ClassSymbol) -> Iterator[str]:
    for each in analysis.program.order(kind)[0]:
        for name, given in each.body.assigned.items():
            calls = (each.body.facts.calls[one.value[1]] for one in given if one.value[0] == "call")
            if any(last_name(call.callee) == MANY for call in calls):
                yield name
