"""What lies outside of the process is looked at in one step and changed in another, though others may change it meanwhile.

Keys of a store and rows of a database alike: each kind of these has a module of its own, and here is what is said of them.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite
from netra.guard.meaning.expressions import written
from netra.guard.requests.last_places import last_places, where_counted
from netra.guard.requests.outside_keys import claimed, counted, limited
from netra.guard.requests.rows import counted_rows, lost_amounts
from netra.guard.requests.serving import Serving
from netra.guard.requests.store_steps import in_two_calls
from netra.guard.requests.taken_rows import taken_rows
from netra.guard.requests.unique_rows import UniqueRows
from netra.guard.symbols import FunctionSymbol

AT_ONCE: Final = "set it in one step, with `nx=True`, and look at what that gives"
IN_ONE: Final = "count in one step, with `incrby`"
LOCKED: Final = "let the database look and change in one statement, or lock the row when it is read"
COUNTED: Final = "let the database count and compare in one statement, or lock the row when it is read"
ADDED: Final = "let the database add in one statement, or lock the row when it is read"
ROOM: Final = "lock the row that has the room before they are counted, or let the database compare and insert"
CONSTRAINED: Final = "let the database have a unique constraint, and refuse whoever meets it"


class OutsideChange(NamedTuple):
    """What was looked at on one line is changed on another."""

    line: int
    column: int
    end_line: int
    message: str
    looked: int
    note: str
    mend: str


def two_steps(scope: FunctionSymbol, analysis: Analysis) -> Iterator[OutsideChange]:
    """Every such change of a function."""
    yield from _of_stores(scope, analysis)
    if analysis.once(Serving).surely(scope):
        yield from _of_rows(scope, analysis)


def _at(call: CallSite, message: str, looked: int, note: str, mend: str) -> OutsideChange:
    return OutsideChange(call.line, call.column, call.end_line, message, looked, note, mend)


def _of_stores(scope: FunctionSymbol, analysis: Analysis) -> Iterator[OutsideChange]:
    may_count = "it is read here, and another request may count from now on"
    for call, store, looked in claimed(scope, analysis.program):
        message = f"two may find the same key of `{store}` free, and both get to this line"
        yield _at(call, message, looked.line, "it is asked for here, and another process may set it from now on", AT_ONCE)
    for call, store, looked in counted(scope, analysis.program):
        message = f"a key of `{store}` is written from what it was when it was read: what others count meanwhile is lost"
        yield _at(call, message, looked.line, may_count, IN_ONE)
    for call, store, looked in limited(scope, analysis.program):
        message = f"a key of `{store}` may go over its limit: two who find room both get to this line"
        yield _at(call, message, looked.line, may_count, "count first, and look at what that gives")
    for two in in_two_calls(scope, analysis):
        called = written(two.call.callee, scope)
        message = f"`{called}` writes what was read, and changed, before: what others count meanwhile is lost"
        if two.free:
            message = f"`{called}` takes what was seen to be free: two find it so, and the second takes it from the first"
        note = "it is read here, and another request may write it from now on"
        yield _at(two.call, message, two.looked.line, note, AT_ONCE if two.free else IN_ONE)


def _counting(analysis: Analysis) -> frozenset[FunctionSymbol]:
    return where_counted(analysis.program)


def _of_rows(scope: FunctionSymbol, analysis: Analysis) -> Iterator[OutsideChange]:
    told = set()
    for change, row, field, at in counted_rows(scope, analysis):
        told.add(change.line)
        message = f"`{row}.{field}` may go past its limit: two who read the row find room, and each writes what it has counted"
        yield OutsideChange(change.line, change.column, change.line, message, at, f"`{row}.{field}` is looked at here", COUNTED)
    for change, row, field, at in lost_amounts(scope):
        if change.line not in told:
            message = f"`{row}.{field}` is written from what it was when the row was read: what others change meanwhile is lost"
            yield OutsideChange(change.line, change.column, change.line, message, at, f"`{row}` is read here", ADDED)
    for taken in taken_rows(scope, analysis):
        message = f"two may find `{taken.what}` free, and both get to this line: each takes it for their own"
        yield OutsideChange(
            taken.line, taken.column, taken.line, message, taken.looked, f"`{taken.what}` is looked at here", LOCKED
        )
    for last in last_places(scope) if scope in analysis.once(_counting) else ():
        message = f"there may be more of `{last.what}` than there is room for: two who count find the same last place"
        yield _at(last.call, message, last.looked, "they are counted here", ROOM)
    for same in analysis.once(UniqueRows).twice(scope):
        message = f"two may put the same into `{same.what}`: both find none, and nothing in the database holds the second off"
        yield _at(same.call, message, same.looked, "it is looked for here", CONSTRAINED)
