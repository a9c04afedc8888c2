"""T104."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import Block, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.rule import rule
from netra.guard.suites import BROAD, bodies, caught, gives_up
from netra.guard.symbols import FunctionSymbol
from netra.guard.trying import handlers
from netra.guard.values import Step

# What waits for an error, and the errors of which a failed assertion is one, whatever else was meant.
EXPECTING: Final = frozenset({"raises", "assertRaises"})
ANYTHING: Final = frozenset({"Exception", "BaseException"})

MEND: Final = Mend("catch the error that is expected, and nothing else")


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

    `contextlib.suppress(Exception)` around it does the same, and so does `pytest.raises(Exception)`: a failed assertion is what
    it waits for. A handler that raises, fails, skips or asserts is left alone.
    """
    for scope in bodies(analysis):
        for block in scope.facts.blocks:
            names = _suppressed(scope, block) & BROAD
            inside = [line for _, line in scope.facts.asserts if block.line <= line <= block.end_line]
            if names and inside:
                message = f"the assertion cannot fail the test: its failure is suppressed as {' or '.join(sorted(names))}"
                step = Step(scope.module.path, block.line, "whatever is raised in this block ends with it")
                yield Sighting(scope, inside[0], scope.facts.column, inside[0], message, (step,), MEND)
        for block, handler in handlers(scope):
            names = caught(handler)
            if (names and not names & BROAD) or gives_up(scope, handler):
                continue
            inside = [line for _, line in scope.facts.asserts if block.line <= line <= block.end_line]
            if inside and not _is_told_later(scope, block, handler, inside[-1]):
                what = " or ".join(sorted(names & BROAD)) or "everything"
                message = f"the assertion cannot fail the test: its failure is caught as {what}"
                step = Step(scope.module.path, handler.line, "the handler goes on as if nothing had happened")
                yield Sighting(scope, inside[0], scope.facts.column, inside[0], message, (step,), MEND)


def _is_told_later(scope: FunctionSymbol, block: Block, handler: Block, line: int) -> bool:
    """Getting past the assertion is noted, and a test without that note fails: `success = True` there, `assert success` below.

    So does what leaves from there, where whoever does not leave fails below: the loop of one who tries several times.
    """
    facts = scope.facts
    behind = [test for test, at in facts.asserts if at > handler.end_line]
    noted = {each.target for each in facts.assignments if line < each.line <= block.end_line and each.target[0] == "name"}
    if any(str(name) in str(test) for name in noted for test in behind):
        return True
    leaves = any(line < at <= block.end_line for how, at in facts.jumps if how in ("return", "break"))
    leaves = leaves or any(line < each.line <= block.end_line for each in facts.returned if each.how == "return")
    fails = [at for at in facts.raises if at > handler.end_line]
    fails += [each.line for each in facts.calls if last_name(each.callee) == "fail" and each.line > handler.end_line]
    return leaves and bool(fails or behind)


def _suppressed(scope: FunctionSymbol, block: Block) -> frozenset[str]:
    """The last names of what a `with suppress(…)` swallows, or a `with raises(Exception)` takes for what is expected."""
    match block.what, block.expressions:
        case "with", (("call", int(index)),):
            call = scope.facts.calls[index]
            expects = last_name(call.callee) in EXPECTING and not call.keywords and len(call.arguments) == 1
            if last_name(call.callee) == "suppress" or (expects and last_name(call.arguments[0]) in ANYTHING):
                return frozenset(last_name(each) or "" for each in call.arguments)
    return frozenset()
