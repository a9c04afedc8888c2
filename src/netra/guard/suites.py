"""Tests as the rules of the family T see them: which functions are tests, and what in them can make them fail."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, PLAIN, Block, Expression, last_name
from netra.guard.program import FunctionSymbol

# What a call is named that fails a test by itself.
ASSERTING: Final = (
    "assert",
    "expect",
    "verify",
    "check",
    "should",
    "raises",
    "warns",
    "fail",
    "validate",
    "ensure",
    "must",
    "match",
)

BROAD: Final = frozenset({"Exception", "BaseException", "AssertionError"})
TIMEOUTS: Final = frozenset({"TimeoutError", "CancelledError", "ReadTimeout", "TimeoutException", "ConnectTimeout"})


def collected(analysis: Analysis) -> Iterator[FunctionSymbol]:
    """Every function that pytest collects by its name: at the top of a module, or in a class that stands there."""
    for module in analysis.modules:
        if not module.in_tests:
            continue
        for scope in module.functions:
            owner = scope.owner
            outermost = scope.facts.parent == 0 if owner is None else owner.facts.scope == 0
            named = scope.name.startswith("test") and "fixture" not in scope.decorator_names
            if named and outermost and scope.facts.sort in (PLAIN, ASYNC):
                yield scope


def asserts_by_call(name: str | None) -> bool:
    """A call of this name may fail the test."""
    return name is not None and any(word in name.lower() for word in ASSERTING)


def gives_up(scope: FunctionSymbol, handler: Block) -> bool:
    """A handler lets the test fail, or decides by what it caught: it raises, fails, skips, asserts or returns to a loop."""

    def inside(line: int) -> bool:
        return handler.line <= line <= handler.end_line

    calls = (last_name(call.callee) or "" for call in scope.facts.calls if inside(call.line))
    return (
        any(map(inside, scope.facts.raises))
        or any(inside(line) for _, line in scope.facts.asserts)
        or any(asserts_by_call(name) or name in ("skip", "xfail", "exit", "append") for name in calls)
    )


def handlers(scope: FunctionSymbol) -> Iterator[tuple[Block, Block]]:
    """Each `try` with each of its handlers."""
    blocks = scope.facts.blocks
    for number, block in enumerate(blocks):
        if block.what == "try":
            following = [each for each in blocks[number + 1 :] if each.what == "handler" and each.line > block.end_line]
            for each in following[: max(len(block.expressions), 1)]:
                if not any(other.what == "try" and block.end_line < other.line <= each.line for other in blocks):
                    yield block, each


def caught(handler: Block) -> frozenset[str]:
    """The last names of what a handler catches; nothing for a bare `except`."""
    names: set[str] = set()
    for each in handler.expressions:
        parts: tuple[Expression, ...] = each[1] if each[0] == "tuple" else (each,)
        names |= {last_name(part) or "" for part in parts}
    return frozenset(names)
