"""A function that does nothing but put what it is told into variables of its module, and that nothing in the program calls.

Where it has to be told whose it is, whoever calls it has several users. Where the program has one for all who say nothing
(`tenant_id="default"`), it is a setting of whoever starts the program.
"""

from netra.guard.analysis import Analysis
from netra.guard.facts import PLAIN, TOP
from netra.guard.requests.serving import Serving
from netra.guard.requests.sharing import Write
from netra.guard.symbols import FunctionSymbol


def is_set_by_nobody(write: Write, analysis: Analysis) -> bool:
    """`def bind(service, tenant_id="default")`: whoever starts the program may call it; that a request does, nothing shows."""
    scope = write.scope
    if write.how != "slot" or not _only_sets(scope) or not _has_one_for_all(write):
        return False
    serving = analysis.once(Serving)
    return scope in serving and not serving.surely(scope) and serving.entry(scope).function is scope


def _only_sets(scope: FunctionSymbol) -> bool:
    facts = scope.facts
    at_top = scope.owner is None and scope.parent is not None and scope.parent.facts.sort == TOP
    if not at_top or facts.sort != PLAIN or facts.calls or facts.returned or facts.blocks:
        return False
    return all(
        each.target[0] == each.value[0] == "name" and each.target[1] in facts.globals and each.value[1] in scope.parameters
        for each in facts.assignments
    )


def _has_one_for_all(write: Write) -> bool:
    """What it puts there may be left out, and is then what the program says."""
    default = write.scope.facts.parameters[write.scope.parameters[write.value[1]]].default
    return default is not None and default[0] == "string" and bool(default[1])
