"""The smallest history that still fails: what a breach needs, without all that happened beside it.

Delta debugging (Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", 2002) over users first, then over
records: what is left can be read by a person, and loses the breach when any one record is taken away.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from netra.prove.checkers import Check
from netra.prove.history import Seen

Item = TypeVar("Item")


def shrink(records: Sequence[Seen], check: Check, most: int = 2000) -> tuple[Seen, ...]:
    """The fewest records over which `check` still finds a breach, tried at most so many times; none when it finds none."""
    left = most

    def fails(chosen: Sequence[Seen]) -> bool:
        nonlocal left
        left -= 1
        return left >= 0 and any(True for _ in check(chosen))

    if not fails(records):
        return ()
    users = sorted({record.user for record in records})
    kept = frozenset(minimal(users, lambda some: fails([record for record in records if record.user in frozenset(some)])))
    of_users = [record for record in records if record.user in kept]
    return tuple(minimal(of_users, fails))


def minimal(items: Sequence[Item], fails: Callable[[Sequence[Item]], bool]) -> Sequence[Item]:
    """Items of which none can be left out any more, as far as `fails` had patience."""
    pieces = 2
    while len(items) > 1:
        size = max(1, -(-len(items) // pieces))
        chunks = [items[at : at + size] for at in range(0, len(items), size)]
        for number in range(len(chunks)):
            rest = [item for place, chunk in enumerate(chunks) if place != number for item in chunk]
            if rest and fails(rest):
                items, pieces = rest, max(pieces - 1, 2)
                break
        else:
            if size == 1:
                break
            pieces = min(pieces * 2, len(items))
    return items
