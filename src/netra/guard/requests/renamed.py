"""What all share, and what is changed in place under another name: a local one for it, or a copy that is not deep enough.

lines = INSTRUCTIONS
lines += [wish]  # the list of the module gets longer

style = STYLES[kind].copy()
style["margins"]["top"] = 30  # the margins are those of the module
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import Expression, last_name
from netra.guard.requests.emptied import REMOVING
from netra.guard.requests.sharing import MUTATING, Sharing
from netra.guard.requests.slots import Slot
from netra.guard.symbols import FunctionSymbol

COPYING: Final = frozenset({"dict", "list", "copy"})
HOLDING: Final = frozenset("dict list set comprehension".split())


class ChangedInPlace(NamedTuple):
    """A function changes what all share, under a name of its own."""

    scope: FunctionSymbol
    line: int
    column: int
    name: str
    slot: Slot
    copied: bool
    """It is a copy, and what is changed is within what the copy has of the other."""


def changed_in_place(analysis: Analysis) -> Iterator[ChangedInPlace]:
    """Every such change while somebody is served."""
    sharing = analysis.once(Sharing)
    for scope in sharing.served:
        for each in scope.facts.assignments:
            if each.how == "augmented" and each.target[0] == "name":
                meant = _only(each.target[1], scope)
                slot = sharing.slot(meant, scope) if meant[0] in ("name", "attribute") else None
                # Whatever is added to a list by `+=`, it stays the same list, and gets longer.
                if slot is not None and _is_list(slot, sharing):
                    yield ChangedInPlace(scope, each.line, each.column, each.target[1], slot, copied=False)
            elif each.target[0] == "subscript" and each.how in ("=", "augmented", "delete"):
                yield from _in_copy(each.target[1], scope, each.line, each.column, sharing)
        for call in scope.facts.calls:
            if call.callee[0] == "attribute" and call.callee[2] in MUTATING | REMOVING:
                yield from _in_copy(call.callee[1], scope, call.line, call.column, sharing)


def _in_copy(place: Expression, scope: FunctionSymbol, line: int, column: int, sharing: Sharing) -> Iterator[ChangedInPlace]:
    """`style["margins"]` of a copy is what the other has as well."""
    if place[0] != "subscript" or place[1][0] != "name" or place[2][0] != "string":
        return
    name, key = place[1][1], place[2][1]
    source = _copied(_only(name, scope), scope)
    anew = any(each.target == place and each.line < line for each in scope.facts.assignments)
    if source is None or anew:
        return
    root = source
    while root[0] == "subscript":
        root = root[1]
    slot = sharing.slot(root, scope) if root[0] in ("name", "attribute") else None
    if slot is not None and any(_has_within(value, source, key) for value, _ in sharing.made_for(slot)):
        yield ChangedInPlace(scope, line, column, name, slot, copied=True)


def _only(name: str, scope: FunctionSymbol) -> Expression:
    """What a local name is given once, whatever is added to it later."""
    if name in scope.parameters or name in scope.facts.globals:
        return ("other",)
    given = [each for each in scope.assigned.get(name, ()) if each.how != "augmented"]
    return given[0].value if len(given) == 1 and given[0].how in ("=", "annotated") else ("other",)


def _copied(value: Expression, scope: FunctionSymbol) -> Expression | None:
    """Of what something is a copy, one level deep: `STYLES[kind].copy()`, `dict(DEFAULTS)`, `copy.copy(DEFAULTS)`."""
    if value[0] != "call":
        return None
    call = scope.facts.calls[value[1]]
    if last_name(call.callee) not in COPYING:
        return None
    if call.callee[0] == "attribute" and not call.arguments:
        return call.callee[1] if call.callee[2] == "copy" else None
    return call.arguments[0] if len(call.arguments) == 1 and (call.callee[0] == "name" or call.callee[2] == "copy") else None


def _has_within(value: Expression, source: Expression, key: str) -> bool:
    """What is written down at the start has, at that place, a list or dictionary under the key."""
    asked: list[Expression] = []
    while source[0] == "subscript":
        asked.append(source[2])
        source = source[1]
    found = [value]
    for each in reversed(asked):
        pairs = [pair for one in found if one[0] == "dict" for pair in one[1]]
        found = [kept for name, kept in pairs if each[0] != "string" or name == each]
    return any(kept[0] in HOLDING for one in found if one[0] == "dict" for name, kept in one[1] if name == ("string", key))


def _is_list(slot: Slot, sharing: Sharing) -> bool:
    made = [value for value, _ in sharing.made_for(slot)]
    return bool(made) and all(value[0] == "list" for value in made)


def said_of(found: ChangedInPlace) -> str:
    """What is wrong, in a sentence."""
    if found.copied:
        return f"`{found.name}` is a copy of `{found.slot.name}` one level deep: what is changed here is that of all"
    return f"`{found.name}` is another name for `{found.slot.name}`, which is one for all, and this adds to it"
