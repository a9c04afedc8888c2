"""A place for one connection at a time: the second is refused, or closes the first and takes its place, and who goes clears it.

Nobody's value gets to somebody else there: whoever finds it taken knows so.
"""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import NOTHING, Block, Expression, last_name
from netra.guard.meaning.expressions import within
from netra.guard.meaning.reaching import always_leaves
from netra.guard.requests.interleaving import Interleaving
from netra.guard.requests.resources import words_of
from netra.guard.requests.sharing import Sharing, Write
from netra.guard.symbols import FunctionSymbol

# How connections are called.
CONNECTIONS: Final = frozenset("ws websocket socket sock connection conn writer peer".split())
# What is done to the one whose place another takes.
ENDING: Final = frozenset("close aclose disconnect cancel stop terminate".split())


def is_exclusive(write: Write, analysis: Analysis) -> bool:
    """A connection is put where there is room for one, after a look at who is there, and is taken out when it ends."""
    if write.how != "slot" or not words_of(last_name(write.value) or "") & CONNECTIONS:
        return False
    sharing = analysis.once(Sharing)
    places = frozenset({part for part in _places(write.scope) if _is_there(part, write, write.scope, sharing)})
    if not places or not (_is_refused(write, places, analysis) or _is_replaced(write, places)):
        return False
    return any(
        each.value == NOTHING and _is_at_an_end(scope, each.line, analysis)
        for scope, each in sharing.stores.get(write.slot.name, ())
        if _is_there(each.target, write, scope, sharing)
    )


def _places(scope: FunctionSymbol) -> Iterator[Expression]:
    """What the tests and the assignments of a function look at."""
    looked = [test for each in scope.facts.blocks if each.what == "if" for test in each.expressions]
    looked += [each.value for each in scope.facts.assignments]
    return (part for each in looked for part in within(each, scope) if part[0] in ("name", "attribute"))


def _is_there(place: Expression, write: Write, scope: FunctionSymbol, sharing: Sharing) -> bool:
    if last_name(place) != write.slot.name:
        return False
    return (found := sharing.slot(place, scope)) is not None and found.key == write.slot.key


def _is_refused(write: Write, places: frozenset[Expression], analysis: Analysis) -> bool:
    """`if self.socket is not None: … return`, and nobody else has a turn before it is put there."""
    scope = write.scope
    for block in scope.facts.blocks:
        if block.what != "if" or block.end_line >= write.line or not _asks_whether_taken(block, places):
            continue
        if analysis.once(Interleaving).on_the_way(scope, block.head, write.line) is None and _leaves(block, write):
            return True
    return False


def _asks_whether_taken(block: Block, places: frozenset[Expression]) -> bool:
    match block.expressions:
        case (("compare", (place, other), ("IsNot",)),):
            return place in places and other == NOTHING
        case (place,):
            return place in places
    return False


def _leaves(block: Block, write: Write) -> bool:
    """Whoever finds it taken leaves at once, or notes that (`rejected = True`), beside the way that takes it, and goes then."""
    scope = write.scope
    if always_leaves(block, scope):
        return True
    if not any(
        each.what == "else" and each.head == block.end_line and each.line <= write.line <= each.end_line
        for each in scope.facts.blocks
    ):
        return False
    noted = {
        each.target
        for each in scope.facts.assignments
        if block.line <= each.line <= block.end_line and each.value == ("constant", "bool", True)
    }
    return any(
        each.what == "if" and each.line > block.end_line and each.expressions[0] in noted and always_leaves(each, scope)
        for each in scope.facts.blocks
    )


def _is_replaced(write: Write, places: frozenset[Expression]) -> bool:
    """`before = self.socket`, and then `await before.close()`."""
    scope = write.scope
    before = {each.target for each in scope.facts.assignments if each.value in places and each.line < write.line}
    return any(
        call.callee[0] == "attribute" and call.callee[2] in ENDING and call.callee[1] in before and call.line > write.line
        for call in scope.facts.calls
    )


def _is_at_an_end(scope: FunctionSymbol, line: int, analysis: Analysis) -> bool:
    """It stands in a `finally`, or in a function that is called from one."""
    if _is_in_finally(scope, line):
        return True
    return any(_is_in_finally(caller, at) for caller, at in analysis.reach.callers(scope))


def _is_in_finally(scope: FunctionSymbol, line: int) -> bool:
    return any(each.what == "finally" and each.line <= line <= each.end_line for each in scope.facts.blocks)
