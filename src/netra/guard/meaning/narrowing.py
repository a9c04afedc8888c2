"""What code has found out about an object before it uses it: by `isinstance`, `hasattr`, `match`, or by catching what fails.

Whoever asks is believed, whatever the answer: what an expression is after such a question is not worked out.
"""

import re
from collections.abc import Iterator
from typing import Final

from netra.guard.facts import LAMBDA, Block, CallSite, Expression, last_name
from netra.guard.symbols import FunctionSymbol
from netra.guard.trying import handlers, raises_again

ASKING: Final = frozenset("isinstance issubclass hasattr getattr callable type is_dataclass isclass vars dir signature".split())

# How functions are called that tell kinds of objects apart.
GUARDING: Final = re.compile("_*(is|has|can|supports|check|validate)")

# Where a call stands whose result is only asked for being true.
TESTED: Final = ("truth",)

# What takes the errors that it is called with, so that raising them is what the line is for.
EXPECTING: Final = frozenset("raises assertRaises assertRaisesRegex suppress".split())

# What conditions read under which a branch is for another Python, or for another release of what is imported.
VERSIONS: Final = frozenset(
    """version_info hexversion version PY2 PY3 python_version python_version_tuple __version__ __version_info__ VERSION
    version_tuple""".split()
)

# What takes every error, as a handler without a name does.
ALL: Final = frozenset({"Exception", "BaseException"})

OF_DICTIONARIES: Final = frozenset("get items keys values setdefault".split())


def is_told_apart(expression: Expression, name: str, scope: FunctionSymbol) -> bool:
    """The scope, or one around it, asks what the object is, or whether it has that name."""
    at: FunctionSymbol | None = scope
    while at is not None:
        # Most calls ask nothing, and by their names or places that is seen at once.
        asking = [each for each in at.facts.calls if each.callee[-1] in ASKING or each.where == TESTED]
        if any(_asks(call, expression, name) for call in asking):
            return True
        for block in at.facts.blocks:
            if block.what == "case" and any(_is_part(expression, each) for each in block.expressions):
                return True
        at = at.parent
    return False


def is_asked_but_for_its_class(expression: Expression, name: str, scope: FunctionSymbol) -> bool:
    """The same, of all that is asked but by `isinstance` of the very expression."""
    asking = [each for each in scope.facts.calls if each.callee[-1] in ASKING or each.where == TESTED]
    others = [each for each in asking if each.callee != ("name", "isinstance") or each.arguments[:1] != (expression,)]
    around = scope.parent is not None and is_told_apart(expression, name, scope.parent)
    return around or any(_asks(call, expression, name) for call in others)


def is_asked_about(expression: Expression, line: int, scope: FunctionSymbol) -> bool:
    """The line stands under an `if` that hands the expression itself to a call: `if is_overridden(self.send): self.send(…)`."""
    return any(
        block.what in ("if", "else")
        and block.line <= line <= block.end_line
        and any(expression in call.arguments for test in block.expressions for call in _calls_in(test, scope))
        for block in scope.facts.blocks
    )


def _calls_in(test: Expression, scope: FunctionSymbol) -> Iterator[CallSite]:
    if test[0] == "call":
        yield scope.facts.calls[test[1]]
        return
    for part in test[1:]:
        if isinstance(part, tuple):  # else a name, or the value of a constant
            for each in (part,) if part and isinstance(part[0], str) else part:
                if isinstance(each, tuple) and each and isinstance(each[0], str):
                    yield from _calls_in(each, scope)


def is_dictionary(expression: Expression, name: str, scope: FunctionSymbol) -> bool:
    """The object is used as a dictionary, whatever its annotation says: what came out of JSON is often annotated as a class."""
    if name in OF_DICTIONARIES:
        return True
    written = expression[1] if expression[0] == "name" else ""
    return any(use.name == written and use.where[0] == "subscript" for use in scope.facts.uses)


def _asks(call: CallSite, expression: Expression, name: str) -> bool:
    asked = last_name(call.callee)
    if asked in ASKING or (call.where == TESTED and GUARDING.match(asked or "")):
        if any(_is_part(expression, each) for each in call.arguments):
            return True
        return asked in ("hasattr", "getattr") and len(call.arguments) > 1 and call.arguments[1] == ("string", name)
    return False


def _is_part(expression: Expression, asked: Expression) -> bool:
    """What was asked about is the expression, or an object that it is read from."""
    return any(each == asked for each in _objects(expression))


def _objects(expression: Expression) -> Iterator[Expression]:
    yield expression
    while expression[0] in ("attribute", "subscript", "await"):
        expression = expression[1]
        yield expression


def is_caught(line: int, scope: FunctionSymbol, *kinds: str) -> bool:
    """A `try` around the line catches one of these errors, or keeps all without a name; or a test expects it there."""
    for block in scope.facts.blocks:
        if block.line <= line <= block.end_line:
            if block.what == "try" and _takes(block, scope, kinds):
                return True
            if block.what in ("with", "with async") and any(_expects(each, scope, kinds) for each in block.expressions):
                return True
    around = scope.parent
    if scope.facts.sort == LAMBDA and around is not None:
        # `assertRaises(TypeError, lambda: f(1))`
        return any(
            ("lambda", scope.facts.number) in call.arguments and _is_expecting(call, kinds) for call in around.facts.calls
        )
    return False


def _takes(block: Block, scope: FunctionSymbol, kinds: tuple[str, ...]) -> bool:
    """One of the errors is meant: it is named; or the handlers take all errors, and do not only look on (`log(…); raise`)."""
    named = {"" if each == ("none",) else last_name(each) for each in block.expressions}
    if named & (set(kinds) - ALL):
        return True
    if not named & ({"", *kinds} & {"", *ALL}):
        return False
    taking = [handler for tried, handler in handlers(scope) if tried is block]
    return not taking or not raises_again(taking[-1], scope)


def _expects(entered: Expression, scope: FunctionSymbol, kinds: tuple[str, ...]) -> bool:
    return entered[0] == "call" and _is_expecting(scope.facts.calls[entered[1]], kinds)


def _is_expecting(call: CallSite, kinds: tuple[str, ...]) -> bool:
    """`pytest.raises(…)`, `assertRaises(…)` or `suppress(…)` of one of these errors, or of any."""
    if last_name(call.callee) not in EXPECTING:
        return False
    given = [*call.arguments[:1], *(value for name, value in call.keywords if name == "expected_exception")]
    if last_name(call.callee) == "suppress":
        given = [*call.arguments]
    named = [part for each in given for part in (each[1] if each[0] in ("tuple", "list") else (each,))]
    return any(last_name(each) in kinds or last_name(each) in ("Exception", "BaseException") for each in named)


def is_for_other_version(line: int, scope: FunctionSymbol) -> bool:
    """The line stands under a test of some version: it is for another Python, or for another release of a package."""
    at: FunctionSymbol | None = scope
    while at is not None:
        around = [block for block in at.facts.blocks if block.what in ("if", "else") and block.line <= line <= block.end_line]
        if any(_asks_for_version(test) for block in around for test in block.expressions):
            return True
        at = at.parent
    return False


def _asks_for_version(test: Expression) -> bool:
    return last_name(test) in VERSIONS or any(_asks_for_version(part) for part in test if isinstance(part, tuple))
