"""Queues of which there is one for the whole process."""

from typing import Final

from netra.guard.facts import CallSite, last_name
from netra.guard.requests.sharing import Sharing
from netra.guard.requests.slots import Slot
from netra.guard.symbols import FunctionSymbol

# Each thing that is put into one of these is taken by one.
QUEUES: Final = frozenset("Queue LifoQueue PriorityQueue SimpleQueue".split())

TAKING: Final = ("get", "get_nowait")
PUTTING: Final = ("put", "put_nowait")


def queue_asked(call: CallSite, scope: FunctionSymbol, sharing: Sharing) -> Slot | None:
    """The queue, one for the whole process, of which something is asked: `events.get()`."""
    slot = sharing.slot(call.callee[1], scope) if call.callee[0] == "attribute" and not scope.module.in_tests else None
    if slot is None:
        return None
    made = [value[0] == "call" and last_name(around.facts.calls[value[1]].callee) for value, around in sharing.made_for(slot)]
    return slot if made and all(name in QUEUES for name in made) else None
