"""What an object is where a test around it has asked: `if isinstance(session, AsyncSession):`; and what a call of it gives."""

from typing import NamedTuple

from netra.guard.facts import Block, CallSite, Expression
from netra.guard.meaning.questions import Questions
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import CoroutineOf, Instance, Routine, TypeOf

ASKING = ("name", "isinstance")


class ClassAskedFor(NamedTuple):
    """The class that a test asks for, and the block under it."""

    kind: ClassSymbol
    block: Block


def given_after_asking(call: CallSite, scope: FunctionSymbol, receivers: Questions) -> CoroutineOf | None:
    """The coroutine that a method of the class gives for which the innermost such `if` around the call has asked.

    Nothing where the object gets another value within the block, or the test asks for one of several classes.
    """
    if call.callee[0] != "attribute" or call.callee[1][0] not in ("name", "attribute") or "isinstance" not in scope.called:
        return None
    asked = class_asked_for(call.callee[1], call.line, scope, receivers)
    method = None if asked is None else receivers.attribute(Instance(asked.kind), call.callee[2])
    given = receivers.outcome(method) if isinstance(method, Routine) else None
    return given if isinstance(given, CoroutineOf) else None


def class_asked_for(asked: Expression, line: int, scope: FunctionSymbol, receivers: Questions) -> ClassAskedFor | None:
    """The class for which the innermost `if` around the line has asked, of a name or an attribute.

    Nothing where the object gets another value within the block, or the test asks for one of several classes.
    """
    if "isinstance" not in scope.called:
        return None
    around = [each for each in scope.facts.blocks if each.what == "if" and each.line <= line <= each.end_line]
    for block in sorted(around, key=lambda each: -each.line):
        kind = _asked_for(block.expressions, asked, scope)
        if kind is None:
            continue
        if any(each.target == asked and block.line <= each.line <= block.end_line for each in scope.facts.assignments):
            return None
        match receivers.value(kind, scope):
            case TypeOf(kind=found):
                return ClassAskedFor(found, block)
        return None
    return None


def _asked_for(tests: tuple[Expression, ...], asked: Expression, scope: FunctionSymbol) -> Expression | None:
    """`AsyncSession` of `isinstance(session, AsyncSession)`, which is all that the test says."""
    match tests:
        case (("call", int(index)),):
            test = scope.facts.calls[index]
            if test.callee == ASKING and len(test.arguments) == 2 and test.arguments[0] == asked:
                return test.arguments[1] if test.arguments[1][0] in ("name", "attribute") else None
    return None
