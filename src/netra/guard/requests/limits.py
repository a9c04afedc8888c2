"""Whether whoever adds to a shared place looks first how much there is: `if len(waiting) < most: waiting.append(user)`."""

from typing import Final

from netra.guard.facts import last_name
from netra.guard.meaning.expressions import within
from netra.guard.requests.sharing import Sharing, Write

ORDERED: Final = frozenset({"Gt", "GtE", "Lt", "LtE", "Eq"})


def is_limited(write: Write, sharing: Sharing) -> bool:
    """A test around the write, or above it, compares the length of the place."""
    scope = write.scope
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
