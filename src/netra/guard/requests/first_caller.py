"""What is got with one caller's credential and then kept for all who call: a token, the models of an account, a client.

A function that is told by each of its callers with what to sign in, and that looks first whether the shared place is filled,
has that for the first of them alone. All others get what belongs to that one, whatever they have given.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, BODY, NOTHING, PLAIN, TOP, Assignment, CallSite, Expression
from netra.guard.meaning.expressions import comparisons, within, written
from netra.guard.requests.origins import Origins
from netra.guard.requests.sharing import Sharing
from netra.guard.requests.slots import Slot
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine, Step

# What somebody signs in with. A `secret` and a `key` alone may be anything.
CREDENTIAL: Final = re.compile(
    r"(?:\w+_)?(?:api_?key|(?:access|auth|bearer|refresh|session|id|api|user|login|oauth|jwt)_?token)|token|jwt|cookies?"
    r"|credentials?|auth|password"
)
# Names and values that are looked through on the way from a credential to what is kept.
FURTHEST: Final = 12
ORDERED: Final = frozenset({"Gt", "GtE", "Lt", "LtE"})
# Calls of one name that are looked at.
MOST_SITES: Final = 40


class KeptForFirst(NamedTuple):
    """A function keeps what it got with the credential of one caller, and gives it to the next."""

    scope: FunctionSymbol
    each: Assignment
    slot: Slot
    credential: str
    tested: int
    """The line on which it looks whether something is there already."""
    way: tuple[Step, ...]
    """How the credential of somebody gets there; nothing where it is not known who calls."""


def kept_for_first(analysis: Analysis) -> Iterator[KeptForFirst]:
    """Every such place of a program."""
    for scope in analysis.scopes:
        if scope.facts.sort not in (PLAIN, ASYNC) or scope.module.in_tests or scope.name == "__init__":
            continue
        named = [name for name in scope.parameters if CREDENTIAL.fullmatch(name)]
        stored = [each for each in scope.facts.assignments if _may_be_shared(each, scope)] if named else []
        for name in named if stored else ():
            if (found := _kept(analysis, scope, name, stored)) is not None:
                yield found
                break


def _may_be_shared(each: Assignment, scope: FunctionSymbol) -> bool:
    target = each.target
    return each.how in ("=", "annotated", "unpack") and (
        (target[0] == "name" and target[1] in scope.facts.globals) or target[0] == "attribute"
    )


def _kept(analysis: Analysis, scope: FunctionSymbol, name: str, stored: list[Assignment]) -> KeptForFirst | None:
    if _is_compared(name, scope):
        return None
    made = _made_with(name, scope)
    sharing = analysis.once(Sharing)
    places = [each.target for each in stored]
    # What is asked for by the test comes before what is kept along with it.
    for each in sorted(stored, key=lambda one: not _is_tested(one.target, scope)):
        tested = _looked(each, scope, places) if _is_made_with(each.value, made, scope) else None
        slot = sharing.slot(each.target, scope) if tested is not None else None
        if tested is None or slot is None or slot.of_library or _is_filled(sharing, slot):
            continue
        return KeptForFirst(scope, each, slot, name, tested, _way(analysis, scope, name))
    return None


def _made_with(name: str, scope: FunctionSymbol) -> set[str]:
    """The local names of what is made with a parameter."""
    found = {name}
    for _ in range(FURTHEST):
        more = {
            each.target[1]
            for each in scope.facts.assignments
            if each.target[0] == "name"
            and each.target[1] not in found
            and each.target[1] not in scope.facts.globals
            and _is_made_with(each.value, found, scope)
        }
        if not more:
            break
        found |= more
    return found


def _is_made_with(value: Expression, names: set[str], scope: FunctionSymbol) -> bool:
    return any(part[0] == "name" and part[1] in names for part in within(value, scope))


def _is_compared(name: str, scope: FunctionSymbol) -> bool:
    """The credential is held against another: what is kept may be that of this very caller."""
    tests = [test for block in scope.facts.blocks for test in block.expressions]
    tests += [each.value for each in scope.facts.assignments]
    for test in tests:
        for parts, _ in comparisons(test):
            if any(("name", name) in within(part, scope) for part in parts) and not any(
                part[0] in ("none", "string", "constant") for part in parts
            ):
                return True
    return False


def _is_tested(place: Expression, scope: FunctionSymbol) -> bool:
    """Whether it is there is asked, and not whether it is late: `expires_at < now`."""
    for block in scope.facts.blocks:
        test = block.expressions[0] if block.what == "if" and block.expressions else NOTHING
        late = any(place in within(part, scope) for parts, signs in comparisons(test) if ORDERED & {*signs} for part in parts)
        if place in within(test, scope) and not late:
            return True
    return False


def _looked(each: Assignment, scope: FunctionSymbol, places: list[Expression]) -> int | None:
    """The line of the test by which nothing is got where the place is filled already."""
    for block in scope.facts.blocks:
        if block.what != "if" or not block.expressions:
            continue
        tested = [part for part in within(block.expressions[0], scope) if part in places]
        if not tested:
            continue
        if block.line <= each.line <= block.end_line:
            return block.head
        given = [one for one in scope.facts.returned if block.line <= one.line <= block.end_line < each.line]
        if any(one.value == each.target for one in given) and each.target in tested:
            return block.head
    return None


def _is_filled(sharing: Sharing, slot: Slot) -> bool:
    """Something is there from the beginning, so that nothing is ever got: `models = ["small", "large"]`."""
    homes = ((scope, value) for value, scope in sharing.made_for(slot) if scope.facts.sort in (TOP, BODY))
    return any(value[0] in ("list", "tuple", "set", "dict") and value[1] for _, value in homes)


def _way(analysis: Analysis, scope: FunctionSymbol, name: str) -> tuple[Step, ...]:
    """How the credential of somebody gets there: by what is known of the parameter, or by a call of a method of this name."""
    origins = analysis.once(Origins)
    if (origin := origins.of(("name", name), scope)) is not None:
        return origin.steps
    handed: tuple[Step, ...] = ()
    for caller, _, call in analysis.calls_of(scope.name)[:MOST_SITES]:
        if caller.module.in_tests or not _may_be(analysis, scope, call, caller):
            continue
        for keyword, value in call.keywords:
            if keyword == name and (origin := origins.of(value, caller, call.line)) is not None:
                note = f"and is passed to `{written(call.callee, caller)}` as `{name}`"
                return (*origin.steps, Step(caller.module.path, call.line, note))
            told = value[0] == "name" and value[1] in caller.parameters
            if told and caller is not scope and (keyword == name or _gathers(caller, value[1])):
                note = f"`{caller.facts.qualified}` hands on what it is given to sign in with"
                handed = handed or (Step(caller.module.path, call.line, note),)
    return handed


def _gathers(scope: FunctionSymbol, name: str) -> bool:
    """`**kwargs`, in which the credential may be with all the rest."""
    return scope.facts.parameters[scope.parameters[name]].position == "keywords"


def _may_be(analysis: Analysis, function: FunctionSymbol, call: CallSite, caller: FunctionSymbol) -> bool:
    """A call of this name calls the function, by all that is known, or one of many below the same class."""
    match analysis.receivers.value(call.callee, caller):
        case Routine(function=found):
            if found is function:
                return True
            above = () if function.owner is None else analysis.program.order(function.owner)[0]
            return found.owner in above
        case None:
            return function.owner is not None and call.callee[0] == "attribute"
    return False
