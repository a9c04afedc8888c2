"""T103."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.rule import rule

# Each of them is an attribute of a mock like any other, and true; behind it, what was meant.
MEANT = {
    "called_with": "assert_called_with",
    "called_once_with": "assert_called_once_with",
    "called_once": "assert_called_once",
    "has_calls": "assert_has_calls",
    "not_called": "assert_not_called",
    "awaited_with": "assert_awaited_with",
    "awaited_once_with": "assert_awaited_once_with",
    "awaited_once": "assert_awaited_once",
    "not_awaited": "assert_not_awaited",
}


# Mocks of servers have a property `called_once`.
OF_LIBRARIES: Final = frozenset({"mocker", "requests_mock", "m", "adapter"})


TESTING: Final = frozenset({"assertTrue", "assertFalse"})


def _is_no_message(arguments: tuple[Expression, ...]) -> bool:
    """A number, None or an empty list stands where the message does. A tuple of what is compared may be meant as one."""
    if len(arguments) != 2:
        return False
    second = arguments[1]
    number = second[0] == "constant" and second[1] in ("int", "float", "bool")
    return number or second[0] == "none" or (second[0] in ("list", "dict", "set") and not second[1])


@rule("T103", "misspelt-assertion")
def misspelt_assertion(analysis: Analysis) -> Iterator[Sighting]:
    """An assertion of a mock is misspelt or not called, and so it is true whatever happened.

    A mock has every attribute that it is asked for. `mock.called_with(1)` is a call of the mock, `mock.assert_called_once`
    without parentheses only names the method.

    ```python
    sender.called_once_with("hello")  # T103
    assert sender.called_once  # T103
    sender.assert_called_once  # T103
    self.assertTrue(len(sent), 3)  # T103: `assertEqual` is meant, 3 is the message
    ```
    """
    for module in analysis.modules:
        if not module.in_tests:
            continue
        for scope in module.functions:
            for call in scope.facts.calls:
                name = last_name(call.callee)
                if name in MEANT and call.callee[0] == "attribute" and call.where in (("statement",), ("truth",)):
                    message = f"`{written(call.callee, scope)}(…)` asserts nothing: it is a call of the mock"
                    mend = Mend(f"`{MEANT[name]}` is meant")
                    yield Sighting(scope, call.line, call.column, call.end_line, message, mend=mend)
                if name in TESTING and call.callee[0] == "attribute" and _is_no_message(call.arguments):
                    message = f"`{written(call.callee, scope)}(…)` compares nothing: what stands second is the message"
                    yield Sighting(scope, call.line, call.column, call.end_line, message, mend=Mend("`assertEqual` is meant"))
            for test, line in scope.facts.asserts:
                match test:
                    case ("attribute", owner, str(name)) if name in MEANT and last_name(owner) not in OF_LIBRARIES:
                        message = f"`{written(test, scope)}` is an attribute of the mock, and always true"
                        yield Sighting(scope, line, scope.facts.column, line, message, mend=Mend(f"`{MEANT[name]}()` is meant"))
            for read in scope.facts.reads:
                if read.where == ("statement",) and read.expression[2] in MEANT:
                    message = f"`{written(read.expression, scope)}` is an attribute of the mock, and asserts nothing"
                    mend = Mend(f"`{MEANT[read.expression[2]]}()` is meant")
                    yield Sighting(scope, read.line, read.column, read.line, message, mend=mend)
            for mention in scope.facts.mentions:
                if mention.where in (("statement",), ("truth",)) and (last_name(mention.expression) or "").startswith(
                    "assert_"
                ):
                    message = f"`{written(mention.expression, scope)}` is not called, and asserts nothing"
                    yield Sighting(scope, mention.line, mention.column, mention.line, message, mend=Mend("call it"))
