"""What a function does only for an argument that nobody in the program passes.

def connect(env_file=None):
    if env_file:
        load_dotenv(env_file)
"""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import NOTHING, CallSite, Expression
from netra.guard.symbols import FunctionSymbol

# Functions that hand an argument of their own on, one to the next.
FURTHEST: Final = 3

EMPTY: Final = (NOTHING, ("constant", "bool", False), ("string", ""))


def is_for_nobody(line: int, scope: FunctionSymbol, analysis: Analysis) -> bool:
    """The line runs only when an argument was given that has an empty default, and that no call passes."""
    for block in scope.facts.blocks:
        if block.what == "if" and block.line <= line <= block.end_line:
            name = _asked_for(block.expressions[0])
            if name is not None and _is_left_out(name, scope, analysis, FURTHEST):
                return True
    return False


def _asked_for(test: Expression) -> str | None:
    """`path` of `if path` and `if path is not None`."""
    match test:
        case ("name", str(name)) | ("compare", (("name", str(name)), ("none",)), ("IsNot",)):
            return name
    return None


def _is_left_out(name: str, scope: FunctionSymbol, analysis: Analysis, left: int) -> bool:
    number = scope.parameters.get(name)
    if number is None or name in scope.assigned or not left:
        return False
    if scope.facts.parameters[number].default not in EMPTY:
        return False
    called = scope.owner.name if scope.owner is not None and scope.name == "__init__" else scope.name
    for caller, _, call in analysis.calls_of(called):
        if caller.module.in_tests:
            continue
        for given in _given(call, name, number):
            own = given[0] == "name" and caller is not scope and _is_left_out(given[1], caller, analysis, left - 1)
            if given not in EMPTY and not own:
                return False
    return True


def _given(call: CallSite, name: str, number: int) -> Iterator[Expression]:
    """What a call may pass for the parameter. Whether `self` is among the arguments is not asked: one more is looked at."""
    for keyword, value in call.keywords:
        if keyword in (name, "**"):
            yield value
    yield from call.arguments[max(number - 1, 0) : number + 1]
    yield from (each for each in call.arguments if each[0] == "star")
