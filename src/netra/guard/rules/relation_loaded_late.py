"""D118."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.database.rows_in_hand import ASYNCHRONOUS, RowInHand, RowsInHand
from netra.guard.facts import ASYNC, PLAIN, Expression
from netra.guard.faults import Mend, Sighting
from netra.guard.members.mapped import MappedClasses
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step

# What may load a relation, or works with it where it may wait.
LOADING: Final = frozenset(
    """refresh run_sync greenlet_spawn selectinload joinedload subqueryload contains_eager set_committed_value expunge
    load_only immediateload""".split()
)


@rule("D118", "relation-loaded-late")
def relation_loaded_late(analysis: Analysis) -> Iterator[Sighting]:
    """A relation of a row is read that its query has not loaded, where it can no longer be.

    A relation that says nothing else is loaded when somebody reads it. An asynchronous session cannot do so in the middle of
    an expression (`MissingGreenlet`), and a row whose session is closed has nobody to ask (`DetachedInstanceError`).

    ```python
    user = await session.get(User, number)
    return [post.title for post in user.posts]  # D118: MissingGreenlet
    ```

    Load it with the row, by `select(User).options(selectinload(User.posts))` or `relationship(lazy="selectin")`. Guard
    knows relations to several rows, of classes of the program; one to a single row may be there already, when the session has
    that row.
    """
    rows, mapped = analysis.once(RowsInHand), analysis.once(MappedClasses)
    names = _relations(analysis)
    if not names:
        return
    for scope in analysis.scopes:
        if scope.module.in_tests or scope.facts.sort not in (ASYNC, PLAIN) or names.isdisjoint(
            [read[2] for read, _, _ in scope.attributes_read]
        ):  # fmt: skip
            continue
        if LOADING & scope.called:
            continue
        told: set[Expression] = set()
        for read, line, column in scope.attributes_read:
            if read[2] not in names or read[1][0] != "name" or read in told or _is_put(read, scope):
                continue
            row = rows.row(read[1][1], scope, line)
            if row is None or row.added or not row.plain or not mapped.is_several_late(row.kind, read[2]):
                continue
            late = rows.session(row.session, scope) == ASYNCHRONOUS
            over = _is_over(row, scope, line)
            if not late and (not over or any(each == read and at < line for each, at, _ in scope.attributes_read)):
                continue
            told.add(read)
            fails = "DetachedInstanceError" if over else "MissingGreenlet"
            message = f"`{read[1][1]}.{read[2]}` is not loaded with the row, and cannot be here: {fails}"
            step = Step(scope.module.path, row.line, "the query asks for the row alone")
            mend = Mend(f"load it with the row: `.options(selectinload({row.kind.name}.{read[2]}))`")
            yield Sighting(scope, line, column, line, message, (step,), mend)


def _relations(analysis: Analysis) -> frozenset[str]:
    """The names of all relations that are loaded when they are read, by the calls that make them."""
    found = set()
    for scope, _, call in analysis.calls_of("relationship", "relation", "Relationship"):
        if call.where[0] == "assign" and call.where[1][0] == "name" and not scope.module.in_tests:
            found.add(call.where[1][1])
    return frozenset(found)


def _is_put(read: Expression, scope: FunctionSymbol) -> bool:
    return any(each.target == read for each in scope.facts.assignments)


def _is_over(row: RowInHand, scope: FunctionSymbol, line: int) -> bool:
    """The row was loaded in a `with` of its session that has ended."""
    for block in scope.facts.blocks:
        if block.what.startswith("with") and block.line <= row.line <= block.end_line < line:
            bound = [each for each in scope.facts.assignments if each.how == block.what and each.target == row.session]
            if any(each.value in block.expressions for each in bound):
                return True
    return False
