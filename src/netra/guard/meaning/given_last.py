"""What a local name certainly is at a line, though a function uses the same name for several things, one after the other."""

from netra.guard.facts import Assignment, Block
from netra.guard.symbols import FunctionSymbol


def given_last(name: str, line: int, scope: FunctionSymbol) -> Assignment | None:
    """The assignment that nothing stands between and the line: it is the last one above it, and the block around it, the
    function itself or one of its branches, has the line as well.
    """
    assignments = scope.assigned.get(name, ())
    above = [each for each in assignments if each.line < line]
    if not above or any(each.line == line for each in assignments):
        return None
    last = max(above, key=lambda each: each.line)
    around = _around(last.line, scope)
    return last if around is None or around.line <= line <= around.end_line else None


def _around(line: int, scope: FunctionSymbol) -> Block | None:
    """The innermost block that a line stands in."""
    blocks = [each for each in scope.facts.blocks if each.line <= line <= each.end_line]
    return max(blocks, key=lambda each: (each.line, -each.end_line), default=None)
