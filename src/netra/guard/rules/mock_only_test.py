"""T108."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.facts import Expression, dotted, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.program import FunctionSymbol
from netra.guard.rule import rule
from netra.guard.suites import collected
from netra.guard.values import Step

MOCKS = frozenset({"Mock", "MagicMock", "AsyncMock", "NonCallableMock"})
HARMLESS = frozenset("print len str int repr dict list set tuple sorted isinstance type range sleep raises call".split())


@rule("T108", "mock-only-test")
def mock_only_test(analysis: Analysis) -> Iterator[Sighting]:
    """A test calls nothing but mocks that it made itself, and asserts what it told them to answer.

    ```python
    async def test_refund():
        billing = AsyncMock()
        billing.refund.return_value = {"status": "done"}
        result = await billing.refund(42)
        assert result["status"] == "done"  # T108: the mock is tested
    ```

    A test is left alone as soon as it calls anything else, or hands one of its mocks to somebody.
    """
    for scope in collected(analysis):
        facts = scope.facts
        mocks = {name: assigned[0].line for name, assigned in scope.assigned.items() if _is_mock(scope, assigned[0].value)}
        asserting = [line for _, line in facts.asserts]
        asserting += [each.line for each in facts.calls if (last_name(each.callee) or "").startswith("assert_")]
        if not mocks or not asserting or scope.children or not all(_is_own(each.callee, mocks) for each in facts.calls):
            continue
        if not any(_root(each.callee) in mocks for each in facts.calls) or _uses_others(scope):
            continue
        name, line = next(iter(mocks.items()))
        message = f"`{scope.name}` tests nothing but mocks that it made itself"
        step = Step(scope.module.path, line, f"`{name}` is a mock, and goes to nobody")
        yield Sighting(
            scope, facts.line, facts.column, facts.line, message, (step,), Mend("call the code under test with the mock")
        )


def _is_mock(scope: FunctionSymbol, value: Expression) -> bool:
    return value[0] == "call" and last_name(scope.facts.calls[value[1]].callee) in MOCKS


def _is_own(callee: Expression, mocks: dict[str, int]) -> bool:
    return last_name(callee) in MOCKS | HARMLESS or _root(callee) in mocks


def _root(callee: Expression) -> str:
    return (dotted(callee) or "").partition(".")[0]


def _uses_others(scope: FunctionSymbol) -> bool:
    """Something that it was given, or a decorator that puts something in its place, may be what it is about."""
    given = {each.name for each in scope.facts.parameters} - {"self", "cls"}
    return bool(given & set(scope.facts.loads)) or bool(scope.decorator_names & {"patch", "object", "multiple"})
