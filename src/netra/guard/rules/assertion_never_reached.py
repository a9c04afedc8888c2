"""T110."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.facts import Block, Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.rule import rule
from netra.guard.suites import bodies
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step

# `assert False` stands where nobody may get to.
FAILS = ("constant", "bool", False)
EXPECTING = frozenset("raises assertRaises assertRaisesRegex".split())


@rule("T110", "assertion-never-reached")
def assertion_never_reached(analysis: Analysis) -> Iterator[Sighting]:
    """An assertion stands behind the call that is expected to raise, in the same block, and never runs.

    ```python
    with pytest.raises(NotFound) as caught:
        fetch("nobody")
        assert caught.value.status == 404  # T110: `fetch` has raised by then
    ```

    An assertion that may itself raise what is expected is left alone: one that calls something, or reads an attribute of
    anything but the error. So is one in a block that expects an `AssertionError` and nothing else; where that is one of several
    errors, the assertion's failure passes for what is expected.
    """
    for scope in bodies(analysis):
        for block in scope.facts.blocks:
            expected = _expected(scope, block)
            if block.what not in ("with", "with async") or expected <= {"AssertionError"}:
                continue
            caught = [
                each.target for each in scope.facts.assignments if each.how == block.what and each.value == block.expressions[0]
            ]
            called = [
                each.line
                for each in scope.facts.calls
                if block.line <= each.line <= block.end_line and each.where[0] != "truth"
            ]
            for test, line in scope.facts.asserts:
                if not block.line < line <= block.end_line or not called or min(called) >= line or test == FAILS:
                    continue
                if max(called) > line:
                    continue  # what is expected to raise may be what follows
                if _stands_deeper(scope, block, line) or not _is_still(test, caught):
                    continue
                message = "the assertion never runs: what stands before it in the block is expected to raise"
                if "AssertionError" in expected:
                    message = "the assertion cannot fail the test: its failure is among what the block expects"
                step = Step(scope.module.path, min(called), "it is expected to raise here")
                mend = Mend("move the assertion behind the block")
                yield Sighting(scope, line, scope.facts.column, line, message, (step,), mend)


def _expected(scope: FunctionSymbol, block: Block) -> frozenset[str]:
    """The last names of the errors that a block expects; nothing when it expects none."""
    match block.expressions:
        case (("call", int(index)),):
            call = scope.facts.calls[index]
            given = call.arguments[:1] or tuple(value for name, value in call.keywords if name == "expected_exception")
            if last_name(call.callee) in EXPECTING and given:
                parts: tuple[Expression, ...] = given[0][1] if given[0][0] == "tuple" else given
                return frozenset(last_name(each) or "" for each in parts)
    return frozenset()


def _stands_deeper(scope: FunctionSymbol, block: Block, line: int) -> bool:
    """It stands in a loop or branch within the block, and may have its turn before anything is raised."""
    return any(
        each is not block and block.line <= each.line <= line <= each.end_line <= block.end_line
        for each in scope.facts.blocks
        if each.expressions != block.expressions
    )


def _is_still(test: Expression, caught: list[Expression]) -> bool:
    """Nothing in it can raise, as far as one sees: names, literals, and attributes of the error that was caught."""
    match test:
        case ("name" | "string" | "constant" | "none", *_):
            return True
        case ("attribute", inner, _):
            return inner in caught or (inner[0] == "attribute" and _is_still(inner, caught))
        case ("compare" | "choice" | "list" | "tuple" | "set", parts, *_):
            return all(_is_still(part, caught) for part in parts)
        case ("dict", pairs):
            return all(_is_still(part, caught) for pair in pairs for part in pair)
        case ("not", inner):
            return _is_still(inner, caught)
        case ("call", _):
            return False
    return False
