"""Rows of a database that somebody takes: seen to be free, and then written for one, as if nobody else had looked meanwhile.

coupon = await db.get(Coupon, code)
if coupon.redeemed_by is not None:
    raise AlreadyRedeemed
coupon.redeemed_by = user_id  # two who find it free both get here
await db.commit()
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import NOTHING, Block, Expression, last_name
from netra.guard.meaning.expressions import within
from netra.guard.requests.identities import SignedIn
from netra.guard.requests.outside_keys import sends_away_at
from netra.guard.requests.rows import FETCHING, SAVING, is_guarded
from netra.guard.requests.serving import WHOM
from netra.guard.symbols import FunctionSymbol

GETTING: Final = FETCHING | frozenset("aget afirst aget_or_none get_object_or_404 aget_object_or_404 fetchrow fetchone".split())
ASKING: Final = frozenset("fetch fetchrow fetchval fetchone fetch_one fetch_val execute scalar".split())
DOING: Final = frozenset({"execute"})
SELECT: Final = re.compile(r"\s*select\s+(.+?)\s+from\s+(\w+)\b(.*)", re.IGNORECASE | re.DOTALL)
UPDATE: Final = re.compile(r"\s*update\s+(\w+)\s+set\s+(.+?)\s+where\s+(.*)", re.IGNORECASE | re.DOTALL)


class TakenRow(NamedTuple):
    """What was seen to be free is written for one."""

    line: int
    column: int
    what: str
    looked: int


def taken_rows(scope: FunctionSymbol, analysis: Analysis) -> Iterator[TakenRow]:
    """Every such line of a function."""
    calls = scope.facts.calls
    if not scope.facts.blocks or not calls:
        return
    changes = "attribute" in [each.target[0] for each in scope.facts.assignments if each.how == "="]
    if (not changes and DOING.isdisjoint(scope.called)) or is_guarded(scope):
        return
    yield from _by_field(scope, analysis)
    if not DOING.isdisjoint(scope.called):
        yield from _by_statement(scope)


def _by_field(scope: FunctionSymbol, analysis: Analysis) -> Iterator[TakenRow]:
    for each in scope.facts.assignments:
        target = each.target
        if each.how != "=" or target[0] != "attribute" or target[1][0] != "name" or target[1][1] in ("self", "cls"):
            continue
        row, field = target[1][1], target[2]
        saved = any(call.callee[-1] in SAVING and call.line >= each.line for call in scope.facts.calls)
        if not saved or row in scope.parameters or not _is_somebody(each.value, scope, analysis):
            continue
        given = [one for one in scope.assigned.get(row, ()) if one.line < each.line]
        if len(given) != 1 or not _is_got(given[0].value, scope):
            continue
        for block in scope.facts.blocks:
            if block.end_line < each.line and _goes_where_taken(block, target, scope):
                yield TakenRow(each.line, each.column, f"{row}.{field}", block.head)
                break


def _is_somebody(value: Expression, scope: FunctionSymbol, analysis: Analysis) -> bool:
    if value[0] == "name" and value[1] in scope.parameters and value[1] in WHOM:
        return True
    return analysis.once(SignedIn).of(value, scope) is not None


def _is_got(value: Expression, scope: FunctionSymbol) -> bool:
    called = (scope.facts.calls[part[1]].callee for part in within(value, scope) if part[0] == "call")
    return any(last_name(callee) in GETTING for callee in called)


def _goes_where_taken(block: Block, place: Expression, scope: FunctionSymbol) -> bool:
    """`if row.taken_by: raise`, `if row is None or row.taken_by is not None: raise`."""
    if block.what != "if" or not sends_away_at(scope, block):
        return False
    tests = [part for test in block.expressions for part in (test[1] if test[0] == "choice" else (test,))]
    same = {place, ("attribute", place[1], f"{place[2]}_id"), ("attribute", place[1], place[2].removesuffix("_id"))}
    return any(test in same or any(test == ("compare", (one, NOTHING), ("IsNot",)) for one in same) for test in tests)


# --- statements ------------------------------------------------------------------------------------------------------


def _by_statement(scope: FunctionSymbol) -> Iterator[TakenRow]:
    """`select rider from bikes where id = $1`, a look at it, and `update bikes set rider = $2 where id = $1`."""
    for call in scope.facts.calls:
        if last_name(call.callee) not in DOING or not call.arguments:
            continue
        changed = UPDATE.match(_text(call.arguments[0], scope))
        if changed is None:
            continue
        table, condition = changed[1].lower(), changed[3].lower()
        columns = {each.strip().lower() for each in re.findall(r"(\w+)\s*=", changed[2])}
        for name, asked, line in _looked_up(scope, table):
            taken = columns & asked
            if not taken or any(re.search(rf"\b{each}\b", condition) for each in taken) or line >= call.line:
                continue
            between = (each for each in scope.facts.blocks if line < each.head and each.end_line < call.line)
            for block in (each for each in between if each.what == "if" and sends_away_at(scope, each)):
                if any(_is_looked_at(test, name, taken, scope) for test in block.expressions):
                    yield TakenRow(call.line, call.column, f"{table}.{min(taken)}", block.head)
                    return


def _looked_up(scope: FunctionSymbol, table: str) -> Iterator[tuple[str, set[str], int]]:
    """The names that get something of a table, with the columns that are asked for."""
    for each in scope.facts.assignments:
        value = each.value[1] if each.value[0] == "await" else each.value
        if each.target[0] != "name" or each.how != "=" or value[0] != "call":
            continue
        call = scope.facts.calls[value[1]]
        if last_name(call.callee) in ASKING and call.arguments:
            found = SELECT.match(_text(call.arguments[0], scope))
            if found is not None and found[2].lower() == table and "for update" not in found[3].lower():
                yield each.target[1], {one.lower() for one in re.findall(r"\w+", found[1])}, each.line


def _is_looked_at(test: Expression, name: str, columns: set[str], scope: FunctionSymbol) -> bool:
    """`current is not None`, `row["rider"]`: what was asked for, and not only whether there is a row."""
    for part in within(test, scope):
        match part:
            case ("subscript", ("name", str(row)), ("string", str(column))) | ("attribute", ("name", str(row)), str(column)):
                if row == name and column in columns:
                    return True
            case ("compare", (("name", str(row)), against), (operator,)) if row == name and len(columns) == 1:
                if (against == NOTHING and operator == "IsNot") or operator in ("Lt", "LtE", "Gt", "GtE"):
                    return True
    return False


def _text(value: Expression, scope: FunctionSymbol) -> str:
    """The text of a statement: as it stands, or under a name, also where a function of a library makes a statement of it."""
    if value[0] == "call" and len(scope.facts.calls[value[1]].arguments) == 1:
        value = scope.facts.calls[value[1]].arguments[0]
    return value[1] if value[0] == "string" else ""
