"""Whether a shared place is kept short: `if len(waiting) < most: waiting.append(user)`, `said[chat] = deque(maxlen=50)`."""

from typing import Final

from netra.guard.facts import CallSite, last_name
from netra.guard.meaning.expressions import within
from netra.guard.requests.sharing import Sharing, Write

ORDERED: Final = frozenset({"Gt", "GtE", "Lt", "LtE", "Eq"})


def is_limited(write: Write, sharing: Sharing) -> bool:
    """A test around the write, or above it, compares the length of the place, or what is added to forgets what is oldest."""
    scope = write.scope
    if _is_ring(write, sharing):
        return True
    for block in scope.facts.blocks:
        if block.what not in ("if", "loop") or block.line > write.line:
            continue
        for part in (part for test in block.expressions for part in within(test, scope)):
            if part[0] != "compare" or ORDERED.isdisjoint(part[2]):
                continue
            for each in part[1]:
                if each[0] == "call" and last_name(scope.facts.calls[each[1]].callee) == "len":
                    given = scope.facts.calls[each[1]].arguments[:1]
                    slot = sharing.slot(given[0], scope) if given else None
                    if slot is not None and slot.key == write.slot.key:
                        return True
    return False


def _is_ring(write: Write, sharing: Sharing) -> bool:
    """What is added to is a `deque` with a limit: the whole place, or what lies there under the key."""
    scope = write.scope
    if write.key is None:
        made = [*sharing.made_for(write.slot)]
        return bool(made) and all(each[0] == "call" and _has_limit(around.facts.calls[each[1]]) for each, around in made)
    for each in scope.facts.assignments:
        if each.target[0] == "subscript" and each.value[0] == "call" and _has_limit(scope.facts.calls[each.value[1]]):
            slot = sharing.slot(each.target[1], scope)
            if slot is not None and slot.key == write.slot.key:
                return True
    for value, around in sharing.made_for(write.slot):
        given = around.facts.calls[value[1]].arguments[:1] if value[0] == "call" else ()
        if given and given[0][0] == "lambda":  # `defaultdict(lambda: deque(maxlen=50))`
            function = around.module.function(given[0][1])
            returned = (each.value for each in function.facts.returned)
            if any(each[0] == "call" and _has_limit(function.facts.calls[each[1]]) for each in returned):
                return True
    return False


def _has_limit(call: CallSite) -> bool:
    return last_name(call.callee) == "deque" and (len(call.arguments) > 1 or "maxlen" in dict(call.keywords))
