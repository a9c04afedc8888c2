"""T112."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import Expression
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import within
from netra.guard.rule import rule
from netra.guard.suites import collected
from netra.guard.symbols import FunctionSymbol

COMPARED: Final = ("compare",)
# How far each level stands in from the one around it.
INDENT: Final = 4
# So many lines the test of an `if` may take.
LONGEST: Final = 10


@rule("T112", "idle-comparison")
def idle_comparison(analysis: Analysis) -> Iterator[Sighting]:
    """A test compares two things in a line of its own, and nobody looks at the result.

    ```python
    def test_total(order):
        order.total() == 30  # T112: `assert` is missing
    ```

    Put `assert` in front of it. Comparisons in a `with` or `try` are left alone, as those may ask whether comparing raises.
    """
    for scope in collected(analysis):
        found = list(_compared(scope))
        if not found:
            continue
        left = {(line, column) for expression, line, column in found if not _is_in_a_test(expression, line, scope)}
        for line, column in sorted(left):
            if _is_statement(scope, line, column):
                message = f"`{scope.name}` compares two things here and does nothing with the result: it cannot fail"
                yield Sighting(scope, line, column, line, message, mend=Mend("put `assert` in front of it"))


def _compared(scope: FunctionSymbol) -> Iterator[tuple[Expression, int, int]]:
    """What is compared, and where it stands."""
    facts = scope.facts
    yield from ((("call", number), each.line, each.column) for number, each in enumerate(facts.calls) if each.where == COMPARED)
    yield from ((each.expression, each.line, each.column) for each in facts.reads if each.where == COMPARED)
    yield from ((("name", each.name), each.line, each.column) for each in facts.uses if each.where == COMPARED)
    awaited = {("call", number) for number, each in enumerate(facts.calls) if each.where == ("await", COMPARED)}
    yield from ((expression, line, column) for expression, line, column, _ in facts.awaits if expression in awaited)


def _is_in_a_test(expression: Expression, line: int, scope: FunctionSymbol) -> bool:
    """It stands in what an `if` or a loop a few lines below asks for, over several lines."""
    return any(
        line <= block.head < line + LONGEST and any(expression in within(each, scope) for each in block.expressions)
        for block in scope.facts.blocks
    )


def _is_statement(scope: FunctionSymbol, line: int, column: int) -> bool:
    """It begins a statement of the test that is nothing else, as far as its place tells."""
    facts = scope.facts
    around = [each for each in facts.blocks if each.line <= line <= each.end_line]
    if any(not each.what.startswith(("if", "else", "loop")) for each in around):
        return False
    in_one_line = facts.line == facts.end_line
    if not in_one_line and (column != facts.column + INDENT * (1 + len(around)) or line == facts.line):
        return False
    if in_one_line and (len(facts.calls) > 1 or facts.parameters):
        return False
    taken = {at for _, at in facts.asserts} | {each.line for each in facts.assignments} | {each.line for each in facts.returned}
    taken |= {each.head for each in facts.blocks} | {at for _, at in facts.jumps}
    return line not in taken
