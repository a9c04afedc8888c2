"""What has to be closed, or runs: making it twice is not only a waste of time."""

import re
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import Expression, last_name
from netra.guard.requests.sharing import Write
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Instance

# What is made twice and closed once. A value that is only fetched twice costs time, and is not reported.
RESOURCES: Final = frozenset(
    """client pool session connection conn engine browser server process task worker consumer producer channel broker
    listener subscriber connector transport playwright""".split()
)
MAKING: Final = frozenset("create connect open start launch spawn initialize init setup".split())
# So it may be called as well, where it is not only a word about one that is made: `make_session_key`.
BUILDING: Final = frozenset("make new build".split())
ABOUT: Final = frozenset("id key name path url address token config options settings info data kwargs params".split())


def is_resource(analysis: Analysis, write: Write, scope: FunctionSymbol) -> bool:
    """What is stored has to be closed, or runs: making it twice is not only a waste of time."""
    return _makes_resource(analysis, write.value, write, scope)


def _makes_resource(analysis: Analysis, value: Expression, write: Write, scope: FunctionSymbol) -> bool:
    if value[0] == "name":
        above = [each for each in scope.assigned.get(value[1], ()) if each.line < write.line]
        value = above[-1].value if above else value
    inner = value[1] if value[0] == "await" else value
    if inner[0] != "call":
        return False
    call = scope.facts.calls[inner[1]]
    kind = analysis.receivers.value(value, scope)
    if isinstance(kind, Instance) and _is_record(analysis, kind.kind):
        return any(part[0] in ("name", "call") and _makes_resource(analysis, part, write, scope) for part in call.given)
    called = last_name(call.callee) or ""
    said = words_of(called)
    if said & RESOURCES and (said & MAKING or called[:1].isupper() or words_of(write.slot.name) & RESOURCES):
        return True
    if called == "pubsub" or (said & RESOURCES and said & BUILDING and not said & ABOUT):
        return True
    if said & MAKING and words_of(write.slot.name) & RESOURCES:
        return True
    return isinstance(kind, Instance) and bool(words_of(kind.kind.name) & RESOURCES)


def _is_record(analysis: Analysis, kind: ClassSymbol) -> bool:
    """All of the class is known, and it has fields and no methods: what `EngineInfo` says of an engine needs no closing."""
    order, known = analysis.program.order(kind)
    return (
        known
        and not any(above.methods for above in order)
        and any(each.annotation is not None for above in order for each in above.body.facts.assignments)
    )


def words_of(name: str) -> frozenset[str]:
    """`make` and `pool` of `make_pool`, `http` and `client` of `HTTPClient`."""
    return frozenset(each.lower() for each in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name))
