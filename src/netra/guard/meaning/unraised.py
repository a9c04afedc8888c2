"""Handlers of an error that nothing in their `try` raises.

try:
    price = PRICES.get(name)
except KeyError:
    price = guess(name)
"""

from typing import Final

from netra.guard.facts import Block, Expression, last_name
from netra.guard.meaning.receivers import Receivers
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Plain

# What an asked dictionary is given by a program that means no other error.
SIMPLE: Final = frozenset({"name", "string", "none", "constant"})


def is_never_entered(line: int, scope: FunctionSymbol, receivers: Receivers) -> bool:
    """The handler in this line is for a KeyError, and all that stands in its `try` asks dictionaries by `get`."""
    tried = _tried_before(line, scope)
    if tried is None or not tried.expressions or any(last_name(each) != "KeyError" for each in tried.expressions):
        return False
    within = [each for each in scope.facts.assignments if tried.line <= each.line <= tried.end_line]
    calls = [call for call in scope.facts.calls if tried.line <= call.line <= tried.end_line]
    if len(within) != 1 or len(calls) != 1 or within[0].target[0] != "name" or within[0].value[0] != "call":
        return False
    match calls[0].callee:
        case ("attribute", asked, "get") if _is_dictionary(asked, scope, receivers):
            return all(each[0] in SIMPLE for each in calls[0].given)
    return False


def _tried_before(line: int, scope: FunctionSymbol) -> Block | None:
    """The `try` whose handler begins in the line."""
    if not any(each.what == "handler" and each.head <= line <= each.line for each in scope.facts.blocks):
        return None
    before = [each for each in scope.facts.blocks if each.what == "try" and each.end_line < line]
    return max(before, key=lambda each: each.end_line, default=None)


def _is_dictionary(asked: Expression, scope: FunctionSymbol, receivers: Receivers) -> bool:
    match receivers.value(asked, scope):
        case Plain(name="dict"):
            return True
    return False
