"""What is counted in a shared place, and what only leaves it: neither keeps anything of the request that it is done for.

How much is added may depend on a request: what lies there afterwards is a number, a time or what has been there before.
"""

from typing import Final

from netra.guard.facts import Expression, last_name
from netra.guard.requests.sharing import Sharing, Write
from netra.guard.symbols import FunctionSymbol

# Constants that can be counted up, and what gives such a number.
NUMBERS: Final = frozenset("int float complex".split())
COUNTING: Final = frozenset(
    "int float len sum round abs count time time_ns monotonic monotonic_ns perf_counter Decimal".split()
)
# What these give is some of what they are given, or all of it in another order.
PICKING: Final = frozenset("list tuple set sorted filter reversed deque".split())

# Local names that are followed.
FURTHEST: Final = 2


def keeps_nothing(write: Write, sharing: Sharing) -> bool:
    """A number is made larger or smaller, or a collection is made anew out of some of what has been in it."""
    return _is_counted(write, sharing) or _is_left_over(write, sharing)


def _is_counted(write: Write, sharing: Sharing) -> bool:
    """`self.total_bytes -= self.sizes.pop(name, 0)`, where the total has been a number from the beginning."""
    if write.how != "augmented" or write.key is not None:
        return False
    made = [*sharing.made_for(write.slot)]
    return bool(made) and all(is_number(value, scope) for value, scope in made)


def is_number(value: Expression, scope: FunctionSymbol) -> bool:
    """`0`, `len(rows)`, `time.monotonic()`, `sum(sizes) / 2`."""
    match value:
        case ("constant", str(kind), *_):
            return kind in NUMBERS
        case ("call", int(index)):
            return last_name(scope.facts.calls[index].callee) in COUNTING
        case ("operator", _, one, other):
            return is_number(one, scope) and is_number(other, scope)
    return False


def _is_left_over(write: Write, sharing: Sharing) -> bool:
    """`self.failures = [each for each in self.failures if now - each < self.window]`, `self.failures[-20:]`."""
    return write.how == "slot" and _is_part_of(write.value, write, sharing, FURTHEST)


def _is_part_of(value: Expression, write: Write, sharing: Sharing, depth: int) -> bool:
    """Some of what lies in the place already, or all of it, and nothing else."""
    scope = write.scope
    match value:
        case ("comprehension", _, ("name", str(name))):
            over = [each for each in scope.assigned.get(name, ()) if each.how in ("for", "for async")]
            over = [each for each in over if each.line == write.line] or over
            return bool(over) and all(_is_there(each.value, write, sharing) for each in over)
        case ("subscript", inner, _):
            return _is_there(inner, write, sharing)
        case ("call", int(index)):
            call = scope.facts.calls[index]
            given = [each for each in call.arguments if each[0] not in ("lambda", "constant", "none")]
            picks = call.callee[0] == "name" and call.callee[1] in PICKING and bool(given)
            return picks and all(_is_there(each, write, sharing) or _is_part_of(each, write, sharing, depth) for each in given)
        case ("name", str(name)) if depth and name not in scope.parameters:
            named = scope.assigned.get(name, [])
            one = len(named) == 1 and named[0].how in ("=", "annotated")
            return one and _is_part_of(named[0].value, write, sharing, depth - 1)
    return False


def _is_there(place: Expression, write: Write, sharing: Sharing) -> bool:
    if place[0] not in ("name", "attribute"):
        return False
    slot = sharing.slot(place, write.scope)
    return slot is not None and slot.key == write.slot.key
