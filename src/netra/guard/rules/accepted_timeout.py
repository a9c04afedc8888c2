"""T105."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.rule import rule
from netra.guard.suites import TIMEOUTS, caught, collected, gives_up
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

    So does one that waits with `asyncio.wait(…, timeout=…)` and asserts how many tasks are done and pending together.
    """
    for scope in collected(analysis):
        yield from _summed(scope)
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
