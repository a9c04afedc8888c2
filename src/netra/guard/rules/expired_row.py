"""D117."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.database.rows_in_hand import ASYNCHRONOUS, RowInHand, RowsInHand
from netra.guard.entries.sorts import VERBS
from netra.guard.facts import ASYNC, PLAIN, Block, CallSite, Expression
from netra.guard.faults import Mend, Sighting
from netra.guard.members.mapped import MappedClasses
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step

# After these of a session, an object of it is still as it was.
LEAVING_IT: Final = frozenset("add add_all commit flush close aclose rollback delete".split())
CLOSING: Final = frozenset({"close", "aclose"})
# What takes an object out of a session, or works with it where it may wait.
OTHERWISE: Final = frozenset("expunge expunge_all make_transient run_sync greenlet_spawn expire_on_commit".split())
ALTERNATIVES: Final = frozenset({"else", "case", "handler", "finally", "otherwise"})
MEND: Final = Mend("make the sessions with `expire_on_commit=False`, or refresh the row behind the commit")


@rule("D117", "expired-row")
def expired_row(analysis: Analysis) -> Iterator[Sighting]:
    """An attribute of a row is read after a commit, where it can no longer be loaded.

    A commit expires all that a session holds: the next attribute that is read asks the database again. An asynchronous session
    cannot do so in the middle of an expression (`MissingGreenlet`), and one that is closed cannot at all
    (`DetachedInstanceError`).

    ```python
    Session = async_sessionmaker(engine)


    async def sign_up(session: AsyncSession, name: str) -> int:
        user = User(name=name)
        session.add(user)
        await session.commit()
        return user.id  # D117: MissingGreenlet
    ```

    Make the sessions with `expire_on_commit=False`, or `await session.refresh(user)`, or read before the commit. Guard
    tells of it where everything in the program that makes such sessions leaves `expire_on_commit` out, and where nothing
    between the commit and the line may have loaded the row again.
    """
    rows, mapped = analysis.once(RowsInHand), analysis.once(MappedClasses)
    told: set[tuple[FunctionSymbol, Expression]] = set()
    for scope, _, commit in analysis.calls_of("commit"):
        if scope.module.in_tests or scope.facts.sort not in (ASYNC, PLAIN) or commit.callee[0] != "attribute":
            continue
        if OTHERWISE & scope.called:
            continue
        session = commit.callee[1]
        kind = rows.session(session, scope)
        if not kind or not rows.expires(scope, kind) or (kind == ASYNCHRONOUS and commit.where[0] != "await"):
            continue
        for read, line, column in scope.attributes_read:
            if read[1][0] != "name" or line <= commit.end_line or (scope, read[1]) in told:
                continue
            row = rows.row(read[1][1], scope, line)
            if row is None or row.session != session or not row.line < commit.line or not mapped.column(row.kind, read[2]):
                continue
            over = _ends(session, commit, scope, line)
            if (kind != ASYNCHRONOUS and not over) or not _still_expired(row, read, commit, scope, line):
                continue
            told.add((scope, read[1]))
            name = f"{read[1][1]}.{read[2]}"
            fails = "DetachedInstanceError" if over else "MissingGreenlet"
            message = f"`{name}` is read after the commit, which has expired it: {fails}"
            steps = (
                Step(scope.module.path, row.line, f"`{read[1][1]}` belongs to the session from here on"),
                Step(scope.module.path, commit.line, "the commit expires it; nothing says `expire_on_commit=False`"),
            )
            yield Sighting(scope, line, column, line, message, steps, MEND)
        if kind == ASYNCHRONOUS and not VERBS.isdisjoint(scope.decorator_names):
            yield from _answered(rows, session, commit, scope, told)


def _answered(
    rows: RowsInHand, session: Expression, commit: CallSite, scope: FunctionSymbol, told: set[tuple[FunctionSymbol, Expression]]
) -> Iterator[Sighting]:
    """A route returns the row, and its attributes are read to answer with them."""
    models = (dict(each.keywords).get("response_model") for each in scope.facts.decorators if each.called)
    if all(each is None or each[0] == "none" for each in models) and scope.facts.returns in (None, ("none",)):
        return
    for each in scope.facts.returned:
        value = each.value
        if value[0] != "name" or each.how == "yield" or each.line <= commit.end_line or (scope, value) in told:
            continue
        row = rows.row(value[1], scope, each.line)
        if row is None or row.session != session or not row.line < commit.line:
            continue
        if not _still_expired(row, ("attribute", value, ""), commit, scope, each.line):
            continue
        told.add((scope, value))
        message = f"`{value[1]}` is answered with after the commit, which has expired it: reading it is a MissingGreenlet"
        step = Step(scope.module.path, commit.line, "the commit expires it; nothing says `expire_on_commit=False`")
        yield Sighting(scope, each.line, each.column, each.line, message, (step,), MEND)


def _ends(session: Expression, commit: CallSite, scope: FunctionSymbol, line: int) -> bool:
    """The session is closed between the commit and the line, by the end of a `with` or a call."""
    for block in scope.facts.blocks:
        if block.what.startswith("with") and block.line <= commit.line <= block.end_line < line:
            bound = [each for each in scope.facts.assignments if each.how == block.what and each.target == session]
            if any(block.head <= each.line <= block.line or each.value in block.expressions for each in bound):
                return True
    closing = [each for each in scope.facts.calls if each.callee[0] == "attribute" and each.callee[1] == session]
    return any(each.callee[2] in CLOSING and commit.line < each.line < line and _leads(each, scope, line) for each in closing)


def _still_expired(row: RowInHand, read: Expression, commit: CallSite, scope: FunctionSymbol, line: int) -> bool:
    """The way from the commit to the line loads nothing."""
    if not _leads(commit, scope, line):
        return False
    for call in scope.facts.calls:
        if not commit.end_line < call.line <= line and not (call.line == commit.line and call.column > commit.end_column):
            continue
        if call.callee[0] == "attribute" and call.callee[1] == row.session:
            if call.callee[2] not in LEAVING_IT:
                return False
        elif row.session in call.given or (read[1] in call.given and call.where[0] == "await") or _is_own(call, row.session):
            return False
    return not any(each.target == read and commit.line < each.line <= line for each in scope.facts.assignments)


def _is_own(call: CallSite, session: Expression) -> bool:
    """A method of the object that has the session, which may work with it."""
    return session[0] == "attribute" and call.callee[:2] == ("attribute", ("name", "self"))


def _leads(call: CallSite, scope: FunctionSymbol, line: int) -> bool:
    """Whoever has made the call may get to the line, by the blocks around both."""
    left = [each for each in scope.facts.blocks if _has(each, call.line) and not _has(each, line)]
    entered = [each for each in scope.facts.blocks if _has(each, line) and not _has(each, call.line)]
    if any(each.what in ALTERNATIVES for each in entered):
        return False
    if any(each.what in ("handler", "finally") for each in left):
        return False
    leaving = [
        *(each.line for each in scope.facts.returned if each.how != "yield"),
        *scope.facts.raises,
        *(at for _, at in scope.facts.jumps),
    ]
    return not any(call.line <= at <= each.end_line for each in left for at in leaving if not each.what.startswith("with"))


def _has(block: Block, line: int) -> bool:
    return block.line <= line <= block.end_line
