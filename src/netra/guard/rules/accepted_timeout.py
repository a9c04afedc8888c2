"""T105."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.facts import Assignment, Block, CallSite, Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.rule import rule
from netra.guard.suites import TIMEOUTS, asserts_by_call, bodies, caught, gives_up
from netra.guard.symbols import FunctionSymbol
from netra.guard.trying import handlers
from netra.guard.values import Step


@rule("T105", "accepted-timeout")
def accepted_timeout(analysis: Analysis) -> Iterator[Sighting]:
    """A test waits for something and passes as well when it never comes.

    ```python
    async def test_event(socket):
        try:
            event = await asyncio.wait_for(socket.recv(), 5)
            assert event
        except asyncio.TimeoutError:  # T105: no event, and the test passes
            pass
    ```

    So does one that has `suppress(TimeoutError)` around all that it asserts, and one that waits with
    `asyncio.wait(…, timeout=…)` and asserts how many tasks are done and pending together, or asserts something of each that is
    done, of which there may be none.
    """
    for scope in bodies(analysis):
        yield from _summed(scope)
        yield from _of_those_in_time(scope)
        yield from _suppressed(scope)
        for block, handler in handlers(scope):
            names = caught(handler)
            if not names or not names <= TIMEOUTS or "CancelledError" in names or gives_up(scope, handler):
                continue
            behind = [line for _, line in scope.facts.asserts if line > handler.end_line]
            left = any(how == "return" and handler.line <= line <= handler.end_line for how, line in scope.facts.jumps)
            tried = [test for test, line in scope.facts.asserts if block.line <= line <= block.end_line]
            if tried and all(map(_denies, tried)):
                continue  # nothing is to come, and running out of time is what is expected
            if behind and left and not tried:
                where = f"the test ends here, before it asserts anything in line {behind[0]}"
                steps = (Step(scope.module.path, handler.line, where),)
            elif tried and not behind:
                steps = (Step(scope.module.path, block.line, "what is asserted of it stands in the `try`"),)
            else:
                continue  # what is asserted afterwards decides
            message = f"`{scope.name}` passes when what it waits for never comes"
            mend = Mend("let the time-out fail it")
            yield Sighting(scope, handler.head, scope.facts.column, handler.line, message, steps, mend)


def _denies(test: Expression) -> bool:
    """`assert not await stream.receive()`, `assert False`, `assert event is None`."""
    match test:
        case ("not", _) | ("constant", "bool", False) | ("compare", (_, ("none",)), ("Is",)):
            return True
    return False


def _suppressed(scope: FunctionSymbol) -> Iterator[Sighting]:
    """All that is asserted stands in a `with suppress(TimeoutError)`."""
    for block in scope.facts.blocks:
        match block.what, block.expressions:
            case "with", (("call", int(index)),) if last_name(scope.facts.calls[index].callee) == "suppress":
                names = {last_name(each) or "" for each in scope.facts.calls[index].arguments}
            case _:
                continue
        inside = [(test, line) for test, line in scope.facts.asserts if block.line <= line <= block.end_line]
        outside = [call.line for call in scope.facts.calls if asserts_by_call(last_name(call.callee))]
        outside = [line for line in outside if not block.line <= line <= block.end_line]
        if not names or not names <= TIMEOUTS or "CancelledError" in names or not inside or outside or scope.facts.raises:
            continue
        if len(inside) < len(scope.facts.asserts) or all(_denies(test) for test, _ in inside):
            continue
        message = f"`{scope.name}` passes when what it waits for never comes"
        step = Step(scope.module.path, inside[0][1], "it is not asserted then, and nothing else is")
        mend = Mend("let the time-out fail it")
        yield Sighting(scope, block.head, scope.facts.column, block.head, message, (step,), mend)


def _of_those_in_time(scope: FunctionSymbol) -> Iterator[Sighting]:
    """All that is asserted is asserted of each task in `done`, and nobody asks whether there is one."""
    facts = scope.facts
    for each in facts.assignments:
        match each.target, each.value:
            case ("name", str(done)), ("await", ("call", int(number))) if each.how == "unpack" and facts.asserts:
                call = facts.calls[number]
            case _:
                continue
        if last_name(call.callee) != "wait" or "timeout" not in dict(call.keywords) or len(scope.assigned[done]) != 1:
            continue
        both = [one for one in facts.assignments if one.how == "unpack" and one.value == each.value]
        if len(both) != 2 or both[0] is not each or facts.raises:
            continue
        over = [one for one in facts.assignments if one.how == "for" and one.value == each.target]
        loops = [block for block in facts.blocks if block.what == "loop" and block.expressions == (each.target,)]
        uses = [one.where for one in facts.uses if one.name == done]
        counted = any(where[0] != "iterate" for where in uses) or len(uses) != len(over)
        if counted or any(done in child.facts.loads for child in scope.children) or _is_asked(scope, both[1].target):
            continue
        tests = [(test, line) for test, line in facts.asserts if not _is_of_each(scope, test, line, loops, over)]
        others = [one for one in facts.calls if asserts_by_call(last_name(one.callee))]
        if not tests and not others:
            line = facts.asserts[0][1]
            message = f"`{scope.name}` passes when what it waits for never comes"
            step = Step(scope.module.path, call.line, f"when time runs out, nothing is in `{done}`, and nothing asserted")
            mend = Mend(f"assert that nothing is pending, or how many are in `{done}`")
            yield Sighting(scope, line, scope.facts.column, line, message, (step,), mend)


def _is_of_each(scope: FunctionSymbol, test: Expression, line: int, loops: list[Block], over: list[Assignment]) -> bool:
    """It stands in a loop over them, or is `all(… for each in done)`."""
    if any(block.line <= line <= block.end_line for block in loops):
        return True
    match test:
        case ("call", int(number)) if scope.facts.calls[number].callee == ("name", "all"):
            return any(each.line == line for each in over)
    return False


def _is_asked(scope: FunctionSymbol, pending: Expression) -> bool:
    """More is done with what is pending than to cancel each of it."""
    name = pending[1]
    if any(name in child.facts.loads for child in scope.children):
        return True
    return any(use.name == name and use.where[0] != "iterate" for use in scope.facts.uses)


def _summed(scope: FunctionSymbol) -> Iterator[Sighting]:
    """Assertions of the number of those that are done and those that are not: it is what was waited for, whatever happens."""
    calls = scope.facts.calls
    for test, line in scope.facts.asserts:
        match test:
            case ("compare", (("operator", "+", ("call", int(left)), ("call", int(right))), *_), ("Eq",)):
                counted = [calls[each].arguments[0] for each in (left, right) if _is_count(calls[each])]
            case _:
                continue
        names = [str(each[1]) for each in counted if each[0] == "name"]
        assigned = [scope.assigned.get(name, ()) for name in names]
        if len(set(names)) != 2 or any(len(each) != 1 for each in assigned):
            continue
        first, second = (only for each in assigned for only in each)
        if first.how != "unpack" or first.value != second.value:
            continue
        match first.value:
            case ("await", ("call", int(number))) if last_name(calls[number].callee) == "wait":
                call = calls[number]
            case _:
                continue
        if "timeout" not in dict(call.keywords):
            continue
        message = f"`{scope.name}` passes when what it waits for never comes"
        step = Step(scope.module.path, call.line, "what is not done in time is pending, and is counted as well")
        mend = Mend("assert that nothing is pending")
        yield Sighting(scope, line, scope.facts.column, line, message, (step,), mend)


def _is_count(call: CallSite) -> bool:
    return call.callee == ("name", "len") and len(call.arguments) == 1
