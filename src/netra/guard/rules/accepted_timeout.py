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
            if not any(block.line <= line <= block.end_line for _, line in scope.facts.asserts):
                continue
            last = max((line for _, line in scope.facts.asserts), default=0)
            if last > handler.end_line:
                continue  # what is asserted afterwards decides
            message = f"`{scope.name}` passes when what it waits for never comes"
            step = Step(scope.module.path, block.line, "all that is asserted stands in the `try`")
            yield Sighting(
                scope, handler.line - 1, scope.facts.column, handler.line, message, (step,), Mend("let the time-out fail it")
            )
