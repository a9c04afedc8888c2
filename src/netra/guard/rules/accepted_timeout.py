"""T105."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.faults import Mend, Sighting
from netra.guard.rule import rule
from netra.guard.suites import TIMEOUTS, caught, collected, gives_up, handlers
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
    """
    for scope in collected(analysis):
        for block, handler in handlers(scope):
            names = caught(handler)
            if not names or not names <= TIMEOUTS or "CancelledError" in names or gives_up(scope, handler):
                continue
            behind = [line for _, line in scope.facts.asserts if line > handler.end_line]
            left = any(how == "return" and handler.line <= line <= handler.end_line for how, line in scope.facts.jumps)
            tried = any(block.line <= line <= block.end_line for _, line in scope.facts.asserts)
            if behind and left and not tried:
                where = f"the test ends here, before it asserts anything in line {behind[0]}"
                steps = (Step(scope.module.path, handler.line, where),)
            elif tried and not behind:
                steps = (Step(scope.module.path, block.line, "all that is asserted stands in the `try`"),)
            else:
                continue  # what is asserted afterwards decides
            message = f"`{scope.name}` passes when what it waits for never comes"
            mend = Mend("let the time-out fail it")
            yield Sighting(scope, handler.line - 1, scope.facts.column, handler.line, message, steps, mend)
