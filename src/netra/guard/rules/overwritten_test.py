"""T109."""

import itertools
from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.faults import Mend, Sighting
from netra.guard.rule import rule
from netra.guard.suites import collected
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step

# Decorators that only mark a test: another may have kept it somewhere before its name was taken.
MARKING = frozenset(
    "asyncio anyio parametrize skip skipif xfail usefixtures slow integration patch object given settings".split()
)


@rule("T109", "overwritten-test")
def overwritten_test(analysis: Analysis) -> Iterator[Sighting]:
    """A second test of the same name takes the place of the first, which never runs.

    ```python
    def test_refund():  # T109: only the second one is ever run
        assert refund(42) == 42


    def test_refund():
        assert refund(0) == 0
    ```

    Definitions in two branches of a condition are left alone.
    """
    by_name: dict[tuple[str, int, str], list[FunctionSymbol]] = {}
    for scope in collected(analysis):
        by_name.setdefault((scope.module.path, scope.facts.parent, scope.name), []).append(scope)
    for found in by_name.values():
        for first, second in itertools.pairwise(found):
            if _is_alternative(first) or _is_alternative(second) or not first.decorator_names <= MARKING:
                continue
            if first.name in second.facts.loads or _is_used_between(first, second):
                continue
            line = first.facts.line
            message = f"`{first.facts.qualified}` never runs: a test of the same name takes its place"
            step = Step(second.module.path, second.facts.line, f"`{second.name}` is defined again")
            yield Sighting(first, line, first.facts.column, line, message, (step,), Mend("give each test a name of its own"))


def _is_alternative(scope: FunctionSymbol) -> bool:
    """It stands in a branch, so that only one of the two is there."""
    around = scope.parent
    assert around is not None
    return any(each.line <= scope.facts.line <= each.end_line for each in around.facts.blocks)


def _is_used_between(first: FunctionSymbol, second: FunctionSymbol) -> bool:
    """The first one is kept under another name, before the second is defined."""
    around = first.parent
    assert around is not None
    calls = any(first.facts.line < each.line < second.facts.line for each in around.facts.calls)
    return first.name in around.facts.loads and (calls or bool(around.facts.assignments))
