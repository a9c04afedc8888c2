"""D122."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.database.connections import SESSIONS
from netra.guard.facts import Block, CallSite, Expression
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol, name_in_library
from netra.guard.values import Instance, Step

ENDING: Final = frozenset({"commit", "rollback"})
# What asks the session for something that goes to the database, or has to be written there.
WORKING: Final = frozenset(
    """execute scalars scalar get get_one add add_all delete merge refresh stream stream_scalars commit begin_nested
    exec""".split()
)
CONNECTIONS: Final = frozenset({"sqlalchemy.engine.Connection", "sqlalchemy.ext.asyncio.AsyncConnection"})
FACTORIES: Final = ("sessionmaker", "async_sessionmaker", "Engine", "AsyncEngine")


@rule("D122", "used-after-its-end")
def used_after_its_end(analysis: Analysis) -> Iterator[Sighting]:
    """A block that begins a transaction and ends it commits in the middle, and goes on with the session.

    SQLAlchemy refuses: `InvalidRequestError: Can't operate on closed transaction inside context manager`. What was committed
    stays, and the rest is not done.

    ```python
    async with session.begin():
        session.add(order)
        await session.commit()
        session.add(Receipt(order_id=order.id))  # D122
    ```

    Leave the commit to the end of the block, use `session.flush()` where ids are needed, or begin a second block.
    """
    for scope, _, ending in analysis.calls_of(*ENDING):
        if ending.callee[0] != "attribute" or scope.module.in_tests:
            continue
        place = ending.callee[1]
        block = _begun(analysis, place, ending.line, scope)
        after = None if block is None else next(_after(place, ending, block, scope), None)
        if after is None:
            continue
        ended = written(ending.callee, scope)
        message = f"`{written(place, scope)}` refuses what follows `{ended}()` in the block that has begun the transaction"
        steps = (Step(scope.module.path, ending.line, f"`{ended}()` ends the transaction of the block"),)
        mend = Mend("leave the commit to the end of the block, or use `flush()`")
        yield Sighting(scope, after.line, after.column, after.end_line, message, steps, mend)


def _begun(analysis: Analysis, place: Expression, line: int, scope: FunctionSymbol) -> Block | None:
    """The block around a line that has begun the transaction; None where another block lies between them."""
    around = [each for each in scope.facts.blocks if each.line <= line <= each.end_line]
    inner = max(around, key=lambda each: (each.line, -each.end_line), default=None)
    if inner is None or inner.what not in ("with", "with async"):
        return None
    return inner if any(_begins(analysis, each, place, scope) for each in inner.expressions) else None


def _begins(analysis: Analysis, entered: Expression, place: Expression, scope: FunctionSymbol) -> bool:
    """`session.begin()`, or `factory.begin()` of which the block has its session."""
    if entered[0] != "call":
        return False
    callee = scope.facts.calls[entered[1]].callee
    if callee[0] != "attribute" or callee[2] != "begin":
        return False
    match analysis.receivers.value(callee[1], scope):
        case Instance(kind=kind):
            name = name_in_library(kind)
            if callee[1] == place:
                return name in SESSIONS | CONNECTIONS or name.endswith((".AsyncSession", ".Session"))
            made = any(each.target == place and each.value == entered for each in scope.facts.assignments)
            return made and name.endswith(FACTORIES)
    return False


def _after(place: Expression, ending: CallSite, block: Block, scope: FunctionSymbol) -> Iterator[CallSite]:
    for call in scope.facts.calls:
        asked = call.callee[0] == "attribute" and call.callee[1] == place and call.callee[2] in WORKING
        if asked and ending.line < call.line <= block.end_line:
            yield call
