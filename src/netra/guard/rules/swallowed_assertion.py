"""T104."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.faults import Mend, Sighting
from netra.guard.rule import rule
from netra.guard.suites import BROAD, caught, collected, gives_up, handlers
from netra.guard.values import Step


@rule("T104", "swallowed-assertion")
def swallowed_assertion(analysis: Analysis) -> Iterator[Sighting]:
    """An assertion stands inside a `try` whose handler catches its failure and goes on.

    ```python
    def test_answer(client):
        try:
            assert client.get("/").status_code == 200
        except Exception as error:  # T104: the assertion's failure ends here
            print(error)
    ```

    A handler that raises, fails, skips or asserts is left alone.
    """
    for scope in collected(analysis):
        for block, handler in handlers(scope):
            names = caught(handler)
            if (names and not names & BROAD) or gives_up(scope, handler):
                continue
            inside = [line for _, line in scope.facts.asserts if block.line <= line <= block.end_line]
            if inside:
                what = " or ".join(sorted(names & BROAD)) or "everything"
                message = f"the assertion cannot fail the test: its failure is caught as {what}"
                step = Step(scope.module.path, handler.line, "the handler goes on as if nothing had happened")
                mend = Mend("catch the error that is expected, and nothing else")
                yield Sighting(scope, inside[0], scope.facts.column, inside[0], message, (step,), mend)
