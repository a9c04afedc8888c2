"""What a `try` makes of errors: its handlers, and which of them let nothing pass without raising again."""

from collections.abc import Iterator

from netra.guard.facts import Block
from netra.guard.symbols import FunctionSymbol


def handlers(scope: FunctionSymbol) -> Iterator[tuple[Block, Block]]:
    """Each `try` with each of its handlers."""
    blocks = scope.facts.blocks
    for number, block in enumerate(blocks):
        if block.what == "try":
            following = [each for each in blocks[number + 1 :] if each.what == "handler" and each.line > block.end_line]
            for each in following[: max(len(block.expressions), 1)]:
                if not any(other.what == "try" and block.end_line < other.line <= each.line for other in blocks):
                    yield block, each


def raises_again(handler: Block, scope: FunctionSymbol) -> bool:
    """Whoever comes into the handler leaves it with an error, the same or another."""
    inner = [
        each
        for each in scope.facts.blocks
        if each is not handler and handler.line <= each.line and each.end_line <= handler.end_line
    ]
    within = [line for line in scope.facts.raises if handler.line <= line <= handler.end_line]
    left = [line for how, line in scope.facts.jumps if how == "return"]
    left += [each.line for each in scope.facts.returned if each.how == "return"]
    return any(not any(each.line <= line <= each.end_line for each in inner) for line in within) and not any(
        handler.line <= line <= handler.end_line for line in left
    )
