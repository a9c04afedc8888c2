"""A123."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, Block, Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import within
from netra.guard.meaning.without_return import ends_in_call
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.trying import handlers
from netra.guard.values import Step

CANCELLATION: Final = "CancelledError"
# What catches a cancellation; `Exception` has not since Python 3.8.
CATCHING: Final = frozenset({CANCELLATION, "BaseException"})
# Who asks one of these tells its own cancellation from that of a task that it waits for.
ASKING: Final = frozenset("cancelled cancelling uncancel".split())
# What ends the process.
ENDING: Final = frozenset("exit _exit quit abort kill".split())
# What waits for tasks that somebody else may cancel.
WAITING: Final = frozenset("wait_for shield gather wait".split())


class _Swallowed(NamedTuple):
    """The lines from which a cancellation comes, and where it ends."""

    first: int
    last: int
    where: Block
    what: str


@rule("A123", "swallowed-cancellation")
def swallowed_cancellation(analysis: Analysis) -> Iterator[Sighting]:
    """An endless loop catches its own cancellation and goes on: the task cannot be ended.

    `task.cancel()` raises CancelledError at the `await`. A bare `except`, `except BaseException` or `except CancelledError`
    that neither raises it again nor leaves the loop swallows it. Whoever cancels the task and waits for it waits for ever, and
    so does `asyncio.run` at the end of the process.

    ```python
    async def worker(queue: asyncio.Queue) -> None:
        while True:
            try:
                await handle(await queue.get())
            except BaseException:  # A123: the cancellation as well
                log.exception("again")
    ```

    Catch `Exception`, which is everything else, or raise the cancellation again. Told of are loops without a condition; where
    another way leads out of the loop (`if self.closed: break`), where the handler asks who was cancelled, and where it only
    waits for tasks that others may cancel, guard is silent.
    """
    for scope in analysis.scopes:
        if scope.facts.sort != ASYNC or scope.module.in_tests:
            continue
        loops = [each for each in scope.facts.blocks if each.what == "loop" and _is_endless(each)]
        if not loops:
            continue
        for each in _swallowing(scope):
            around = [loop for loop in loops if loop.line <= each.first and each.where.end_line <= loop.end_line]
            awaited = _awaited(scope, each.first, each.last)
            if not around or not awaited or _is_left(analysis, scope, each, around[-1]):
                continue
            if each.what == CANCELLATION and all(_is_of_others(scope, one) for one, _ in awaited):
                continue
            message = f"`{scope.name}` cannot be cancelled: {each.what} is caught here, and the loop goes on"
            step = Step(scope.module.path, awaited[0][1], "a cancellation is raised here")
            mend = Mend("catch `Exception`, which a cancellation is none of, or raise it again")
            yield Sighting(scope, each.where.head, scope.facts.column, each.where.head, message, (step,), mend)


def _is_endless(loop: Block) -> bool:
    return bool(loop.expressions) and loop.expressions[0][:2] in (("constant", "bool"), ("constant", "int"))


def _swallowing(scope: FunctionSymbol) -> Iterator[_Swallowed]:
    """Of each `try` the first handler that a cancellation gets to, and each `with suppress(…)` of one."""
    done: list[Block] = []
    for tried, handler in handlers(scope):
        if tried in done:
            continue
        names = _names(handler.expressions)
        if not handler.expressions or not names.isdisjoint(CATCHING):
            done.append(tried)
            what = CANCELLATION if CANCELLATION in names else "everything"
            yield _Swallowed(tried.line, tried.end_line, handler, what)
    for block in scope.facts.blocks:
        match block.what, block.expressions:
            case "with", (("call", int(index)),) if last_name(scope.facts.calls[index].callee) == "suppress":
                names = _names(scope.facts.calls[index].arguments)
                if not names.isdisjoint(CATCHING):
                    what = CANCELLATION if CANCELLATION in names else "everything"
                    yield _Swallowed(block.line, block.end_line, block, what)


def _names(expressions: tuple[Expression, ...]) -> frozenset[str]:
    parts = [part for each in expressions for part in (each[1] if each[0] == "tuple" else (each,))]
    return frozenset(last_name(part) or "" for part in parts)


def _awaited(scope: FunctionSymbol, first: int, last: int) -> list[tuple[Expression, int]]:
    """What is waited for in these lines, in order."""
    facts = scope.facts
    found = [(each, line) for each, line, _, _ in facts.awaits if first <= line <= last]
    entered = [each for each in facts.blocks if each.what == "with async" and each.line > first]
    found += [(each.expressions[0], each.head) for each in entered if first <= each.head <= last]
    found += [(each.value, each.line) for each in facts.assignments if each.how == "for async" and first <= each.line <= last]
    return sorted(found, key=lambda each: each[1])


def _is_of_others(scope: FunctionSymbol, awaited: Expression) -> bool:
    """It is a task or future under a name, which somebody else may cancel: the handler may be for that."""
    if awaited[0] == "call":
        return last_name(scope.facts.calls[awaited[1]].callee) in WAITING
    return awaited[0] in ("name", "attribute", "subscript")


def _is_left(analysis: Analysis, scope: FunctionSymbol, swallowed: _Swallowed, loop: Block) -> bool:
    """The handler leaves the loop or asks who was cancelled, or the loop has another way out than by what it waits for."""
    facts, where = scope.facts, swallowed.where
    first, last = (where.line, where.end_line) if where.what == "handler" else (1, 0)
    left = [line for how, line in facts.jumps if how in ("break", "return")]
    left += [each.line for each in facts.returned if each.how == "return"]
    out = [*left, *facts.raises]
    if any(first <= line <= last for line in out) or ends_in_call(first, last, scope, analysis.receivers):
        return True
    if any(loop.line <= call.line <= loop.end_line and call.callee[-1] in ASKING for call in facts.calls):
        return True
    if any(first <= call.line <= last and call.callee[-1] in ENDING for call in facts.calls):
        return True
    for line in left:
        tried = swallowed.first <= line <= swallowed.last
        if loop.line <= line <= loop.end_line and (not tried or _is_told_to_stop(scope, line)):
            return True
    noted = {each.target for each in facts.assignments if first <= each.line <= last and each.how == "="}
    tests = (
        part for each in facts.blocks if each.what in ("if", "loop") for one in each.expressions for part in within(one, scope)
    )
    return bool(noted) and any(part in noted for part in tests)


def _is_told_to_stop(scope: FunctionSymbol, line: int) -> bool:
    """The line is run whatever comes, or when something that others set is true: an attribute, an event."""
    around = [each for each in scope.facts.blocks if each.line <= line <= each.end_line]
    innermost = max((each.line for each in around if each.what in ("try", "loop")), default=0)
    tests = [each.expressions for each in around if each.what in ("if", "else", "case") and each.line > innermost]
    parts = (part for each in tests for one in each for part in within(one, scope))
    return not tests or any(part[0] == "attribute" for part in parts)
