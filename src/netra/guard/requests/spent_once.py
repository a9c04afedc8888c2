"""What may be spent once, and is spent by two: a refresh token is exchanged over an `await`, and the new one kept behind it.

held = self.held[user]
if held.expired:
    fresh = await self.exchange(grant_type="refresh_token", refresh_token=held.refresh)
    self.held[user] = fresh  # who has come in between has spent the same refresh token, and one of the two is refused
"""

from collections.abc import Iterator
from typing import Final

from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.meaning.expressions import within
from netra.guard.requests.sharing import Sharing, Write
from netra.guard.symbols import FunctionSymbol

REFRESH: Final = "refresh_token"
ASKING: Final = frozenset({"get"})
# `await post(…)`, and `async with http.post(…) as answer`.
WAITED_FOR: Final = frozenset({"await", "with async"})


def spent_once(write: Write, sharing: Sharing) -> CallSite | None:
    """The call that spends what lies in the place, under a test, before the line that puts something new there."""
    scope = write.scope
    if write.how not in ("item", "slot"):
        return None
    for call in scope.facts.calls:
        if call.where[0] not in WAITED_FOR or call.line >= write.line:
            continue
        if _is_under_test(call, scope) and any(_is_of(each, write, sharing) for each in _spent(call, scope)):
            return call
    return None


def _is_under_test(call: CallSite, scope: FunctionSymbol) -> bool:
    """Only where it is time to; or whoever finds that it is not, has left with what there is: `if now < until: return held`."""
    tests = [each for each in scope.facts.blocks if each.what == "if"]
    if any(each.line <= call.line <= each.end_line for each in tests):
        return True
    left = [each.line for each in scope.facts.returned if each.how == "return"]
    return any(each.end_line < call.line and any(each.line <= line <= each.end_line for line in left) for each in tests)


def _spent(call: CallSite, scope: FunctionSymbol) -> Iterator[Expression]:
    """What a call passes as a refresh token: by its name, or in a dictionary."""
    yield from (value for name, value in call.keywords if name == REFRESH)
    for part in (part for given in call.given for part in within(given, scope)):
        yield from (value for key, value in part[1] if key == ("string", REFRESH)) if part[0] == "dict" else ()


def _is_of(value: Expression, write: Write, sharing: Sharing, depth: int = 3) -> bool:
    """It is read of the place, also under a local name."""
    scope = write.scope
    while value[0] in ("attribute", "subscript"):
        slot = sharing.slot(value, scope) or sharing.slot(value[1], scope)
        if slot is not None and slot.key == write.slot.key:
            return True
        value = value[1]
    if value[0] == "call" and scope.facts.calls[value[1]].callee[0] == "attribute":
        callee = scope.facts.calls[value[1]].callee
        slot = sharing.slot(callee[1], scope) if last_name(callee) in ASKING else None
        return slot is not None and slot.key == write.slot.key
    if value[0] == "name" and value[1] not in scope.parameters and depth:
        return any(_is_of(each.value, write, sharing, depth - 1) for each in scope.assigned.get(value[1], ()))
    return False
