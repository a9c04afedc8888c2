"""D105."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.database.connections import SESSIONS, is_migration
from netra.guard.database.transactions import BEGINNING, COMMITS, HERE, ROLLS_BACK, UNKNOWN, WRITES, Tracked, Transactions
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.contexts import written
from netra.guard.meaning.flow import FALLS, RAISES, RETURNS, Flow, Happening, Stretch, WayOut
from netra.guard.rule import rule
from netra.guard.values import Step

CLEAN = -1


@rule("D105", "uncommitted-write")
def uncommitted_write(analysis: Analysis) -> Iterator[Sighting]:
    """Something is written in a session that this function opened, and a way out of the function does not commit it.

    Closing a session rolls back. The caller gets its answer, and the row is not there.

    ```python
    def rename(number: int, name: str) -> bool:
        with SessionLocal() as session:
            session.execute(update(Person).where(Person.id == number).values(name=name))  # D105
            if number in PINNED:
                return True
            session.commit()
            return True
    ```

    Who returns None or False where others commit says that nothing was done, and is left alone. A session that comes from a
    caller, from `factory.begin()` or from a dependency that commits is somebody else's to commit.
    """
    transactions = analysis.once(Transactions)
    for tracked in transactions.tracked(WRITING_METHODS):
        if tracked.library in SESSIONS and transactions.owner(tracked) == HERE and not is_migration(tracked.scope.module):
            yield from _lost(transactions, tracked)


WRITING_METHODS = frozenset("add add_all delete merge execute exec bulk_save_objects".split())


def _lost(transactions: Transactions, tracked: Tracked) -> Iterator[Sighting]:
    scope, name = tracked.scope, tracked.name
    connections = transactions.connections
    calls = scope.facts.calls
    if any(
        call.callee[0] == "attribute" and call.callee[1] == ("name", name) and call.callee[2] in BEGINNING for call in calls
    ):
        return
    if connections.is_kept(scope, name):
        return
    effects = [transactions.effects(tracked, index) for index in range(len(calls))]
    ever = any(COMMITS in each for each in effects)

    def move(event: Happening, state: int) -> Iterator[tuple[str, int]]:
        does = effects[event.at] if event.what == "call" else frozenset()
        after = state
        if does & {COMMITS, ROLLS_BACK, UNKNOWN}:
            after = CLEAN
        elif WRITES in does and state == CLEAN:
            after = event.at
        yield FALLS, after
        if event.what == "call":
            yield RAISES, state

    def skipped(stretch: Stretch, state: int) -> int:
        # `if changed: session.commit()`: whoever asks first knows.
        commits = any(each.what == "call" and COMMITS in effects[each.at] for each in stretch.events())
        return CLEAN if commits else state

    def caught(*_: object) -> None:
        return None  # what a handler makes of an error is not asked here

    # Who answers None or False says that it did nothing, and means to lose what it had begun.
    nothing = (("none",), ("constant", "bool", False))
    giving_up = {each.line for each in scope.facts.returned if each.value in nothing}
    giving_up |= {line for how, line in scope.facts.jumps if how == "return"}
    found: dict[int, WayOut[int]] = {}
    for way in Flow(scope.facts).ways(CLEAN, move, skipped, caught):
        loses = way.how in (FALLS, RETURNS) and way.state != CLEAN
        if loses and (not ever or way.line not in giving_up):
            found.setdefault(way.state, way)
    for index, way in found.items():
        call = calls[index]
        line = min(way.line, scope.facts.end_line)
        how = f"when `{scope.name}` is left at line {line}" if ever else "and the session is closed at the end"
        message = f"what `{written(call.callee, scope)}(…)` writes is not committed {how}"
        steps = (
            Step(scope.module.path, call.line, f"`{name}` is opened by `{scope.name}`, and written to"),
            Step(scope.module.path, line, f"`{scope.name}` is left, and nothing has committed"),
        )
        mend = Mend(f"commit on this way as well, or open the session in `with factory.begin() as {name}`")
        yield Sighting(scope, call.line, call.column, call.end_line, message, steps, mend)
