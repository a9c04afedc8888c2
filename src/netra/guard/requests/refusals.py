"""Where somebody is sent away who may not do what they ask for: an answer with 403, or an exception that is called so."""

import re
from collections.abc import Iterator
from typing import Final

from netra.guard.facts import NOTHING, Block, CallSite, Expression, last_name
from netra.guard.meaning.expressions import within
from netra.guard.symbols import FunctionSymbol

FORBIDDEN: Final[Expression] = ("constant", "int", 403)
# How exceptions, answers and constants are called that say so.
_REFUSING: Final = re.compile(r"forbid|permission|denied|unauthori|not_?allowed|not_?authori|access_?error", re.IGNORECASE)


def forbids(block: Block, scope: FunctionSymbol) -> bool:
    """The lines of a block answer or raise that this may not be."""
    return any(block.line <= call.line <= block.end_line and says_forbidden(call) for call in scope.facts.calls)


def says_forbidden(call: CallSite) -> bool:
    """`HTTPException(403)`, `abort(status.HTTP_403_FORBIDDEN)`, `PermissionError(…)`."""
    if FORBIDDEN in call.given or any("403" in (last_name(each) or "") for each in call.given):
        return True
    name = last_name(call.callee) or ""
    # A question is no answer: `has_permission(user)`.
    return name[:1].isupper() and _REFUSING.search(name) is not None


def is_forbidden_by(parts: set[Expression], scope: FunctionSymbol, *, where_missing: bool) -> bool:
    """A test of one of these stands before a refusal; with `where_missing` also one that only asks whether it is there."""
    return any(
        parts & {*_asked(test, scope, where_missing=where_missing)}
        for block in scope.facts.blocks
        if block.what in ("if", "else") and forbids(block, scope)
        for test in block.expressions
    )


def _asked(test: Expression, scope: FunctionSymbol, *, where_missing: bool) -> Iterator[Expression]:
    match test:
        case ("choice", tests):
            for each in tests:
                yield from _asked(each, scope, where_missing=where_missing)
        case ("not", inner):
            yield from _asked(inner, scope, where_missing=where_missing)
        case ("compare", sides, _) if NOTHING not in sides or where_missing:
            yield from within(test, scope)
        case ("call" | "await", _):
            yield from within(test, scope)
        case _ if where_missing:
            yield test
