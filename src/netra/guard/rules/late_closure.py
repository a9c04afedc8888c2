"""S116."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, LAMBDA, PLAIN, Block, CallSite, Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import within
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step

# They run what they are given when the loop has gone on.
LATER: Final = frozenset(
    """start_soon create_task ensure_future call_later call_soon call_at call_soon_threadsafe add_task submit
    add_done_callback run_in_executor add_callback spawn run_later""".split()
)


@rule("S116", "late-closure")
def late_closure(analysis: Analysis) -> Iterator[Sighting]:
    """A function that is made in a loop reads what the loop goes over, and runs when the loop has gone on.

    It does not keep the value that it was made with. All of them find the last one: every mail goes to the last user.

    ```python
    async with anyio.create_task_group() as group:
        for user in users:

            async def tell():
                await send(user.email)

            group.start_soon(tell)  # S116
    ```

    Pass the value: `group.start_soon(tell, user)`, or keep it in a default: `async def tell(user=user)`.
    """
    for scope, _, call in analysis.calls_of(*LATER):
        if scope.module.in_tests:
            continue
        loops = [each for each in scope.facts.blocks if each.what == "loop" and each.line <= call.line <= each.end_line]
        if not loops:
            continue
        loop = max(loops, key=lambda each: each.line)
        if _is_left(scope, call, loop):
            continue
        going = _goes_over(scope, loop)
        for function in _given(call, scope):
            read = sorted(name for name in going if name in _reads(function) and name not in function.bound)
            made_here = loop.line <= function.facts.line <= loop.end_line
            if read and made_here and not _is_awaited(scope, call, loop):
                message = f"`{read[0]}` is read when this runs, and by then the loop has gone on: all of them find the last one"
                step = Step(scope.module.path, function.facts.line, f"it reads `{read[0]}`, and does not keep it")
                mend = Mend(f"pass `{read[0]}` on, or keep it in a default")
                yield Sighting(scope, call.line, call.column, call.end_line, message, (step,), mend)
                break


def _goes_over(scope: FunctionSymbol, loop: Block) -> frozenset[str]:
    """The names to which a loop gives a value in every round."""
    heads = range(loop.head, loop.line + 1)
    return frozenset(
        each.target[1]
        for each in scope.facts.assignments
        if each.target[0] == "name" and each.how in ("for", "for async", "unpack") and each.line in heads
    )


def _given(call: CallSite, scope: FunctionSymbol) -> Iterator[FunctionSymbol]:
    """The functions that stand in this one and are handed over: by name, called for their coroutine, or as lambdas."""
    functions, _ = scope.module.nested.get(scope.facts.number, ({}, {}))
    for each in call.given:
        at: Expression = scope.facts.calls[each[1]].callee if each[0] == "call" else each
        if at[0] == "lambda":
            yield scope.module.function(at[1])
        elif at[0] == "name" and at[1] in functions:
            yield from (scope.module.function(number) for number in functions[at[1]])


def _reads(function: FunctionSymbol) -> frozenset[str]:
    found = {*function.facts.loads}
    for child in function.children:
        if child.facts.sort in (PLAIN, ASYNC, LAMBDA):
            found |= _reads(child) - child.bound
    return frozenset(found)


def _is_left(scope: FunctionSymbol, call: CallSite, loop: Block) -> bool:
    """Behind the call the loop may be left, or a `with` within it waits for what was started."""
    gone = [line for _, line in scope.facts.jumps] + [each.line for each in scope.facts.returned if each.how == "return"]
    if any(call.line <= line <= loop.end_line for line in gone):
        return True
    return any(
        each.what.startswith("with") and loop.line <= each.head and each.line <= call.line <= each.end_line <= loop.end_line
        for each in scope.facts.blocks
    )


def _is_awaited(scope: FunctionSymbol, call: CallSite, loop: Block) -> bool:
    """The round waits for it: what is started is awaited on the spot, or under its name before the next round."""
    if call.where[0] == "await":
        return True
    if call.where[0] != "assign" or call.where[1][0] != "name":
        return False
    waited = (
        part for each, line, *_ in scope.facts.awaits if loop.line <= line <= loop.end_line for part in within(each, scope)
    )
    return call.where[1] in waited or any(
        last_name(each.callee) in ("result", "join") and each.callee[1] == call.where[1] for each in scope.facts.calls
    )
