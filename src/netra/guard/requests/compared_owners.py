"""What a client names by its id, and whose owner is compared by all who fetch it but one."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.entries.sorts import ROUTE, SOCKET
from netra.guard.facts import NOTHING, CallSite, Expression, Where, last_name
from netra.guard.meaning.expressions import within
from netra.guard.requests.askers import is_of_rights, signed_in, speaks_of_rights
from netra.guard.requests.words import CARRIERS
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine, Step

# What says whose something is, as attributes of it are called.
OWNER: Final = re.compile(
    r"(?:user|owner|creator|author|account|tenant|customer|member)(?:_?(?:id|uuid|name|email))?|created_by(?:_id)?"
)
CONVERTING: Final = frozenset({"str", "int", "UUID"})
# Parts of names of functions that may find out whether somebody may have something.
CHECKING: Final = re.compile(r"check|verif|ensure|requir|author|permi|access|own|allow|assert|can_|forbid|guard|valid")

# So many have to compare, and twice as many as do not.
ENOUGH: Final = 2
MOST_SITES: Final = 100
LONGEST: Final = 12


class Uncompared(NamedTuple):
    """A call that fetches something by an id of the client, and nobody asks whose it is."""

    scope: FunctionSymbol
    call: CallSite
    owner: str
    """The attribute that all others compare."""
    why: tuple[Step, ...]


class _Site(NamedTuple):
    scope: FunctionSymbol
    call: CallSite
    name: str
    """Under which name it is kept there."""


def uncompared(analysis: Analysis) -> Iterator[Uncompared]:
    """Every such call: at least two others fetch the same way, in the name of a client, and compare whose it is."""
    compared: dict[FunctionSymbol, dict[str, tuple[str, int]]] = {}
    for scope in analysis.scopes:
        if not scope.module.in_tests and (found := _compared_in(scope)):
            compared[scope] = found
    getters: dict[str, list[_Site]] = {}
    for scope, names in compared.items():
        for site in _fetched_in(scope):
            if site.name in names:
                getters.setdefault(last_name(site.call.callee) or "", []).append(site)
    for getter, checked in getters.items():
        if len({each.scope for each in checked}) >= ENOUGH and "_" in getter:
            yield from _deviating(analysis, getter, compared)


def _deviating(
    analysis: Analysis, getter: str, compared: dict[FunctionSymbol, dict[str, tuple[str, int]]]
) -> Iterator[Uncompared]:
    calls = analysis.calls_of(getter)
    by_what: dict[object, list[_Site]] = {}
    for scope, _, call in calls if len(calls) <= MOST_SITES else ():
        if scope.module.in_tests or (name := _kept_as(call.where)) is None:
            continue
        told = any(OWNER.search(last_name(each) or "") for each in call.given) or any(
            OWNER.search(key) for key, _ in call.keywords
        )
        if not told and any(_is_of_client(analysis, given, scope) for given in call.given):
            by_what.setdefault(_called(analysis, call, scope), []).append(_Site(scope, call, name))
    for sites in by_what.values():
        asking = [each for each in sites if each.name in compared.get(each.scope, {})]
        scopes = {each.scope for each in asking}
        left = [each for each in sites if each.scope not in scopes and each.scope.parent not in scopes]
        left = [each for each in left if not _may_ask(analysis, each)]
        if len(scopes) < max(ENOUGH, len({each.scope for each in left}) * 2):
            continue
        owner, line = compared[asking[0].scope][asking[0].name]
        note = f"here and in {len(scopes) - 1} more `{asking[0].name}.{owner}` is compared with who is asking"
        for each in left:
            yield Uncompared(each.scope, each.call, owner, (Step(asking[0].scope.module.path, line, note),))


def _called(analysis: Analysis, call: CallSite, scope: FunctionSymbol) -> object:
    match analysis.receivers.value(call.callee, scope):
        case Routine(function=function):
            return function
    return last_name(call.callee[1]) if call.callee[0] == "attribute" else None


def _compared_in(scope: FunctionSymbol) -> dict[str, tuple[str, int]]:
    """The names of a function of which something that says whose they are is compared, with that and the line."""
    found: dict[str, tuple[str, int]] = {}
    for read in scope.facts.reads:
        if read.where[0] not in ("compare", "argument"):
            continue  # so it is with nearly all of them
        match read.expression:
            case ("attribute", ("name", str(name)), str(owner)) if OWNER.fullmatch(owner) and _is_compared(read.where, scope):
                if not _is_asked_for_at_all(read.expression, scope):
                    found.setdefault(name, (owner, read.line))
    return found


def _is_compared(where: Where, scope: FunctionSymbol) -> bool:
    if where[0] == "argument" and last_name(scope.facts.calls[where[1]].callee) in CONVERTING:
        where = scope.facts.calls[where[1]].where
    return bool(where[0] == "compare")


def _is_asked_for_at_all(expression: Expression, scope: FunctionSymbol) -> bool:
    """`if note.user_id is None`: whether there is anybody, and not who."""
    tests = (part for block in scope.facts.blocks for test in block.expressions for part in within(test, scope))
    return any(part[0] == "compare" and expression in part[1] and NOTHING in part[1] for part in tests)


def _fetched_in(scope: FunctionSymbol) -> Iterator[_Site]:
    for call in scope.facts.calls:
        if call.given and (name := _kept_as(call.where)) is not None:
            yield _Site(scope, call, name)


def _kept_as(where: Where) -> str | None:
    if where[0] == "await":
        where = where[1]
    match where:
        case ("assign", ("name", str(name))):
            return name
    return None


def _is_of_client(analysis: Analysis, value: Expression, scope: FunctionSymbol) -> bool:
    """A parameter of a route, or what the function reads out of the request that it answers."""
    entry = analysis.reach.entries.get(scope)
    route = entry is not None and entry.sort in (ROUTE, SOCKET)
    for _ in range(LONGEST):
        match value:
            case ("name", str(name)) if name in CARRIERS and name not in scope.assigned:
                return True
            case ("name", str(name)) if name in scope.parameters:
                told = scope.facts.parameters[scope.parameters[name]]
                return route and not scope.assigned.get(name) and not analysis.receivers.parameters.is_injected(told, scope)
            case ("name", str(name)) if len(given := scope.assigned.get(name) or []) == 1:
                value = given[0].value
            case ("call", int(index)):
                call = scope.facts.calls[index]
                plain = call.callee[0] == "name" and last_name(call.callee) in CONVERTING and len(call.arguments) == 1
                value = call.arguments[0] if plain else call.callee
            case ("attribute", inner, _):
                value = inner
            case ("subscript", inner, _):
                value = inner
            case ("await", inner):
                value = inner
            case _:
                return False
    return False


def _may_ask(analysis: Analysis, site: _Site) -> bool:
    """It lets only some in, calls something that may find out, or hands on what it got, to somebody who may."""
    scope = site.scope
    known = signed_in(analysis, scope)
    if speaks_of_rights(scope) or (known is not None and is_of_rights(analysis, scope, known)):
        return True
    return any(
        CHECKING.search((last_name(each.callee) or "").lower()) or ("name", site.name) in each.given
        for each in scope.facts.calls
    )
