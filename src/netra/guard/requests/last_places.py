"""Rows that are counted against the room there is, and then one more is put in: two who count find the same last place.

taken = await Booking.filter(slot=slot).count()
if taken >= slot.capacity:
    raise Full
await Booking.create(slot=slot, member=member)  # two who find room both get here
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.facts import Block, CallSite, Expression, last_name
from netra.guard.meaning.expressions import within, written
from netra.guard.program import Program
from netra.guard.requests.outside_keys import sends_away_at
from netra.guard.requests.rows import is_guarded
from netra.guard.symbols import FunctionSymbol

COUNTING: Final = frozenset("count acount count_documents".split())
# What a statement is run by that counts, and what counts in it.
ASKING: Final = frozenset("scalar scalar_one fetchval fetch_val execute exec".split())
COUNTED: Final = re.compile(r"\s*select\s+count\s*\(.*?\)\s+(?:as\s+\w+\s+)?from\s+(\w+)", re.IGNORECASE | re.DOTALL)
INSERTED: Final = re.compile(r"\s*insert\s+into\s+(\w+)\b(.*)", re.IGNORECASE | re.DOTALL)
ADDING: Final = frozenset("create acreate insert insert_one add save asave".split())
DOING: Final = frozenset("execute exec fetchrow fetchval fetch_one".split())
ROOM: Final = frozenset({"Gt", "GtE", "Lt", "LtE"})


class LastPlace(NamedTuple):
    """One more row is put in by a call, after those that are there were counted."""

    call: CallSite
    what: str
    looked: int


def where_counted(program: Program) -> frozenset[FunctionSymbol]:
    """The functions that call something of a name that counts, and something of a name that puts one more in."""
    named = program.calls_named
    counting = {scope for name in COUNTING | ASKING for scope, _ in named.get(name, ())}
    return frozenset(counting & {scope for name in ADDING | DOING for scope, _ in named.get(name, ())})


def last_places(scope: FunctionSymbol) -> Iterator[LastPlace]:
    """Every such call of a function."""
    if not scope.facts.blocks or is_guarded(scope):
        return
    for index, call in enumerate(scope.facts.calls):
        what = _counted(call, scope)
        looked = None if not what else _is_room(index, call, scope)
        if looked is None:
            continue
        for added in scope.facts.calls:
            if added.line >= looked.line and (same := what & _added(added, scope)):
                around = looked.line <= added.line <= looked.end_line
                if around or sends_away_at(scope, looked):
                    yield LastPlace(added, min(same), looked.head)
                    return


def _counted(call: CallSite, scope: FunctionSymbol) -> frozenset[str]:
    """The classes, collections or tables whose rows a call counts."""
    name = last_name(call.callee)
    if name in COUNTING and call.callee[0] == "attribute":
        if name == "count_documents":
            return frozenset({written(call.callee[1], scope)})
        return _classes(call.callee[1], scope)
    if name in ASKING and call.arguments:
        text = call.arguments[0]
        if text[0] == "string" and (found := COUNTED.match(text[1])) is not None:
            return frozenset({found[1].lower()})
        asked = [part for part in within(text, scope) if part[0] == "call"]
        if any(last_name(scope.facts.calls[part[1]].callee) == "count" for part in asked):
            return _classes(text, scope)
    return frozenset()


def _classes(expression: Expression, scope: FunctionSymbol) -> frozenset[str]:
    """`Booking` of `select(func.count(Booking.id))`: what is called as a class."""
    names = {part[1] for part in within(expression, scope) if part[0] == "name"}
    return frozenset(each for each in names if each[:1].isupper() and not each.isupper())


def _added(call: CallSite, scope: FunctionSymbol) -> frozenset[str]:
    """What a call puts one more in."""
    name = last_name(call.callee)
    if name in DOING and call.arguments and call.arguments[0][0] == "string":
        found = INSERTED.match(call.arguments[0][1])
        # `insert into … select … where (select count(*) …) < …` counts by itself.
        return frozenset() if found is None or "select" in found[2].lower() else frozenset({found[1].lower()})
    if name not in ADDING or call.callee[0] != "attribute":
        return frozenset()
    if name == "insert_one":
        return frozenset({written(call.callee[1], scope)})
    made = _maker(call.callee[1], scope)
    if name in ("save", "asave", "insert"):
        return made
    if name == "add":
        return frozenset().union(*(_maker(each, scope) for each in call.arguments))
    return _classes(call.callee[1], scope)


def _maker(expression: Expression, scope: FunctionSymbol) -> frozenset[str]:
    """`Booking` of `Booking(slot=slot)`, also under a local name."""
    if expression[0] == "name" and expression[1] not in scope.parameters:
        given = scope.assigned.get(expression[1], ())
        expression = given[0].value if len(given) == 1 else expression
    made = last_name(scope.facts.calls[expression[1]].callee) if expression[0] == "call" else None
    return frozenset({made}) if made is not None else frozenset()


def _is_room(index: int, call: CallSite, scope: FunctionSymbol) -> Block | None:
    """The test of how many there are against how much room something has: `taken >= slot.capacity`."""
    counted: set[Expression] = {("call", index), ("await", ("call", index))}
    for each in scope.facts.assignments:
        if each.how == "=" and each.target[0] == "name" and ("call", index) in within(each.value, scope):
            counted.add(each.target)
    for block in scope.facts.blocks:
        if block.what != "if" or block.line < call.line:
            continue
        for part in (part for test in block.expressions for part in within(test, scope)):
            if part[0] != "compare" or len(part[1]) != 2 or ROOM.isdisjoint(part[2]):
                continue
            for one, other in (part[1], part[1][::-1]):
                if counted & {*within(one, scope)} and _is_of_something(other, scope):
                    return block
    return None


def _is_of_something(limit: Expression, scope: FunctionSymbol) -> bool:
    """The room is an attribute of what the function has in hand, `slot.capacity`, and no setting of the program's."""
    for part in within(limit, scope):
        root = part
        while root[0] in ("attribute", "subscript"):
            root = root[1]
        if root is not part and root[0] == "name" and root[1] in scope.bound and root[1] not in ("self", "cls"):
            return True
    return False
