"""T106."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.faults import Mend, Sighting
from netra.guard.rule import rule


@rule("T106", "uncollected-tests")
def uncollected_tests(analysis: Analysis) -> Iterator[Sighting]:
    """A test file asserts things in functions of which pytest collects none.

    pytest collects functions called `test…` and classes called `Test…`, those without a constructor. A file in which nothing is
    called like that passes, and no report names it.

    ```python
    # tests/test_refund.py
    class RefundTests:  # T106: `TestRefund` would be collected
        def test_whole(self):
            assert refund(42) == 42
    ```
    """
    for module in analysis.modules:
        name = module.path.rpartition("/")[2]
        if not name.startswith("test_"):
            continue
        top = module.top
        collected = any(scope.name.startswith("test") and scope.facts.parent == 0 for scope in module.functions)
        classes = [each for each in module.classes if each.facts.scope == 0]
        collected = collected or any(each.name.startswith("Test") or each.facts.bases for each in classes)
        asserting = [scope for scope in module.functions if scope.facts.asserts and scope.facts.sort in ("plain", "async")]
        if asserting and not collected and "__main__" not in str(top.facts.blocks):
            scope = asserting[0]
            message = f"pytest collects nothing of this file, although `{scope.facts.qualified}` asserts something"
            mend = Mend("call functions `test_…` and classes `Test…`")
            yield Sighting(scope, scope.facts.line, scope.facts.column, scope.facts.line, message, mend=mend)
