"""A119."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, Block, Expression
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.meaning.locked import held_blocks
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Instance, Step

# Locks for threads; whoever waits for one of these stops the whole thread.
STOPPING: Final = frozenset({"threading.Lock", "threading.Semaphore", "threading.BoundedSemaphore"})
# One that lets in again whoever has it is held by the thread, and so by every coroutine on it.
OPEN_TO_ALL: Final = "threading.RLock"


@rule("A119", "thread-lock-over-await")
def thread_lock_over_await(analysis: Analysis) -> Iterator[Sighting]:
    """A coroutine holds a lock of `threading` while it awaits.

    While it awaits, others run on the same thread. The next one that wants the lock stops the thread, and with it the holder,
    which can never give it back: the server stands still.

    ```python
    async def charge(self, amount: int) -> None:
        with self._lock:  # a `threading.Lock`
            await self.bank.charge(amount)  # A119: the second coroutine to get here stops the event loop for good
    ```

    An `RLock` stops nobody, and keeps nobody out either: all coroutines of the loop are one thread.

    Use an `asyncio.Lock` and `async with`; or take the lock around what does not await, and let it go before. So it is with
    what stands between `lock.acquire()` and `lock.release()`.
    """
    for scope in analysis.scopes:
        if scope.facts.sort != ASYNC or scope.module.in_tests:
            continue
        for block in held_blocks(scope, analysis.program):
            awaited = _awaits_in(block, scope) if block.what == "with" else 0
            for lock in block.expressions if awaited else ():
                kind = _kind(analysis, lock, scope)
                if not kind:
                    continue
                named = written(lock, scope)
                stops = "stops the event loop for good" if kind != OPEN_TO_ALL else "is let in, as all run on one thread"
                message = f"`{named}` is a `{kind}` and held over an `await`: the next coroutine that wants it {stops}"
                step = Step(scope.module.path, awaited, "others run here, on the same thread")
                mend = Mend("use an `asyncio.Lock`, or let it go before the `await`")
                yield Sighting(scope, block.head, 0, block.head, message, (step,), mend)
                break


def _kind(analysis: Analysis, lock: Expression, scope: FunctionSymbol) -> str:
    match analysis.receivers.value(lock, scope):
        case Instance(kind=kind) if kind.full_name in STOPPING or kind.full_name == OPEN_TO_ALL:
            return kind.full_name
    return ""


def _awaits_in(block: Block, scope: FunctionSymbol) -> int:
    """The line of the first `await` while it is held; 0 if there is none."""
    lines = [line for _, line, _, _ in scope.facts.awaits if block.line <= line <= block.end_line]
    lines += [
        each.head
        for each in scope.facts.blocks
        if each.what == "with async" and block.line <= each.head <= block.end_line and each.line > block.line
    ]
    return min(lines, default=0)
