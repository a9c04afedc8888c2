"""Rows of a database that are counted in the program: read, looked at, changed, and written back as if nobody else had.

Between the two lies a way to the database, and another request reads the same row meanwhile. Of most counts nobody misses one.
Something is lost that counts where a limit is looked at first (a seat is sold twice, an account is overdrawn), and where goods
or money are counted.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import Assignment, Expression
from netra.guard.meaning.expressions import within
from netra.guard.requests.outside_keys import AT_ONCE, sends_away_at
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine

# What gives a row, and what writes it back.
FETCHING: Final = frozenset(
    """get get_or_none get_or_404 first one one_or_none scalar scalar_one scalar_one_or_none scalars get_by_id find_one
    find_by_id fetch_one""".split()
)
SAVING: Final = frozenset("save asave commit flush replace update".split())
# Who does one of these has the database see to it that nobody comes in between.
LOCKING: Final = AT_ONCE | frozenset(
    "select_for_update with_for_update for_update F begin_nested atomic in_transaction advisory_lock".split()
)
ORDERED: Final = frozenset({"Gt", "GtE", "Lt", "LtE"})

# What is goods or money, of which none may be lost.
GOODS: Final = re.compile(
    r"(?:\w+_)?(?:balance|credits?|stock|quantity|qty|on_hand|in_stock|coins|funds|inventory|cash|money)(?:_(?:left|cents|remaining))?"
)

# Dependencies between a route and the one that fetches the row: `active(user=Depends(current))`.
FURTHEST: Final = 3


class Counted(NamedTuple):
    """A field of a row is made larger or smaller after a test of it."""

    change: Assignment
    row: str
    field: str
    looked: int


def counted_rows(scope: FunctionSymbol, analysis: Analysis) -> Iterator[Counted]:
    """`if coupon.left < 1: return`, then `coupon.left -= 1` and `await coupon.save()`."""
    changes = [each for each in scope.facts.assignments if each.target[0] == "attribute" and _is_change(each)]
    if not changes or is_guarded(scope):
        return
    for each in changes:
        row = each.target[1][1]
        saved = any(call.callee[-1] in SAVING and call.line >= each.line for call in scope.facts.calls)
        if not saved or not (_is_fetched(row, scope, each.line) or _is_handed_in(row, scope, analysis)):
            continue
        for block in scope.facts.blocks:
            if block.what == "if" and block.line <= each.line and _compares(block.expressions, each.target, scope):
                around = block.line <= each.line <= block.end_line
                if around or sends_away_at(scope, block):
                    yield Counted(each, row, each.target[2], block.head)
                    break


def lost_amounts(scope: FunctionSymbol) -> Iterator[Counted]:
    """`item = Item.objects.get(sku=sku)`, `item.quantity += received` and `item.save()`, whatever the quantity is."""
    changes = [each for each in scope.facts.assignments if each.target[0] == "attribute" and _is_amount(each)]
    if not changes or is_guarded(scope):
        return
    for each in changes:
        row = each.target[1][1]
        saved = any(call.callee[-1] in SAVING and call.line >= each.line for call in scope.facts.calls)
        above = [one.line for one in scope.assigned.get(row, ()) if one.line < each.line]
        if saved and above and _is_fetched(row, scope, each.line):
            yield Counted(each, row, each.target[2], above[-1])


def _is_amount(each: Assignment) -> bool:
    """`row.balance += amount`, `row.balance = row.balance + amount`."""
    target = each.target
    if target[1][0] != "name" or target[1][1] in ("self", "cls") or not GOODS.fullmatch(target[2]):
        return False
    added = each.how == "=" and each.value[0] == "operator" and target in each.value[2:]
    return each.how == "augmented" or added


def is_guarded(scope: FunctionSymbol) -> bool:
    """The function locks the row, or lets the database count."""
    if not LOCKING.isdisjoint(scope.called):
        return True
    return any("for_update" in name for call in scope.facts.calls if call.keywords for name, _ in call.keywords)


def _is_change(each: Assignment) -> bool:
    """`row.left -= 1`, `row.left = row.left - 1`."""
    target = each.target
    if target[0] != "attribute" or target[1][0] != "name" or target[1][1] in ("self", "cls"):
        return False
    if each.how == "augmented":
        return each.value[0] in ("constant", "name", "attribute")
    return each.how == "=" and each.value[0] == "operator" and target in each.value[2:]


def _is_fetched(row: str, scope: FunctionSymbol, line: int) -> bool:
    above = [each for each in scope.assigned.get(row, ()) if each.line < line]
    if not above or row in scope.parameters or above[-1].how != "=":
        return False
    return _fetches(above[-1].value, scope)


def _fetches(value: Expression, scope: FunctionSymbol) -> bool:
    called = (scope.facts.calls[part[1]].callee for part in within(value, scope) if part[0] == "call")
    names = {callee[2] for callee in called if callee[0] == "attribute"}
    return not names.isdisjoint(FETCHING)


def _is_handed_in(row: str, scope: FunctionSymbol, analysis: Analysis) -> bool:
    """A dependency has fetched it: `async def clip(member: Member = Depends(current_member))`."""
    around, depth = scope, FURTHEST
    while depth and row in around.parameters and not around.assigned.get(row) and around.parent is not None:
        parameter = around.facts.parameters[around.parameters[row]]
        if parameter.default is None and parameter.annotation is None:
            return False
        match analysis.receivers.parameters.dependency(parameter, around.parent):
            case Routine(function=giving) if not giving.module.library and not is_guarded(giving):
                given = [each.value for each in giving.facts.returned]
                if len(given) != 1 or given[0][0] != "name":
                    return len(given) == 1 and _fetches(given[0], giving)
                if _is_fetched(given[0][1], giving, giving.facts.end_line + 1):
                    return True
                around, row, depth = giving, given[0][1], depth - 1
            case _:
                return False
    return False


def _compares(tests: tuple[Expression, ...], place: Expression, scope: FunctionSymbol) -> bool:
    return any(
        part[0] == "compare" and ORDERED & {*part[2]} and any(place in within(side, scope) for side in part[1])
        for test in tests
        for part in within(test, scope)
    )
