"""Lists of objects that lie in a shared table: a room is kept as long as the process, and so is whatever its lists hold.

room = rooms.setdefault(name, Room())
room.listeners.append(tell)  # `tell` is of one connection, and nothing takes it out of any list of listeners
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import SELF, CallSite
from netra.guard.requests.emptied import Emptied
from netra.guard.requests.living import living
from netra.guard.requests.sharing import Sharing
from netra.guard.requests.slots import is_container
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Instance, Step

ADDED_BY: Final = frozenset({"append", "add"})


class HeldInTable(NamedTuple):
    """Something of one connection is added to a list of an object that all share."""

    scope: FunctionSymbol
    call: CallSite
    name: str
    why: tuple[Step, ...]


def held_in_tables(analysis: Analysis) -> Iterator[HeldInTable]:
    """Each call that adds to such a list what lives for one connection, where nothing ever takes out of one of its name."""
    emptied = analysis.once(Emptied)
    for scope, _, call in analysis.calls_of(*ADDED_BY):
        match call.callee:
            case ("attribute", ("attribute", inner, str(name)), _) if call.where == ("statement",):
                if inner in (SELF, ("name", "cls")) or len(call.arguments) != 1 or name in emptied:
                    continue
                steps = living(analysis, call.arguments[0], scope)
                match analysis.receivers.value(inner, scope) if steps else None:
                    case Instance(kind=kind) if not kind.module.library and _has_container(kind, name):
                        kept = analysis.once(_kept_kinds).get(kind)
                        if kept is not None:
                            yield HeldInTable(scope, call, name, (*steps, kept))


def _has_container(kind: ClassSymbol, name: str) -> bool:
    made = kind.set_on_self.get(name, ())
    return len(made) == 1 and made[0][0].name == "__init__" and is_container(made[0][1].value, made[0][0])


def _kept_kinds(analysis: Analysis) -> dict[ClassSymbol, Step]:
    """The classes of which each object that is made is put into a shared dictionary, out of which nothing is ever taken."""
    found: dict[ClassSymbol, Step] = {}
    sharing, emptied = analysis.once(Sharing), analysis.once(Emptied)
    for write in sharing.writes:
        if write.key is None or write.value[0] != "call" or write.slot.name in emptied or not sharing.is_plain(write.slot):
            continue
        match analysis.receivers.value(write.value, write.scope):
            case Instance(kind=kind) if not kind.module.library:
                note = f"each `{kind.name}` stays in `{write.slot.name}` for as long as the process"
                found.setdefault(kind, Step(write.scope.module.path, write.line, note))
    return found
