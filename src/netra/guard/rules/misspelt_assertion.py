"""T103."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import SELF, CallSite, Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import within, written
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine

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

# What waits for an error where it is entered with `with`, and how many arguments it has then: one more is what it calls.
EXPECTING: Final = {"assertRaises": 1, "assertWarns": 1, "assertRaisesRegex": 2, "assertWarnsRegex": 2, "raises": 1, "warns": 1}


def _is_no_message(arguments: tuple[Expression, ...]) -> bool:
    """A number, None or an empty list stands where the message does. A tuple of what is compared may be meant as one."""
    if len(arguments) != 2:
        return False
    second = arguments[1]
    number = second[0] == "constant" and second[1] in ("int", "float", "bool")
    return number or second[0] == "none" or (second[0] in ("list", "dict", "set") and not second[1])


def _is_an_answer(analysis: Analysis, arguments: tuple[Expression, ...], scope: FunctionSymbol) -> bool:
    """The text that stands where the message does is one that the function gives whose answer is tested."""
    match arguments:
        case (("call", int(index)) | ("await", ("call", int(index))), ("string", str(text))) if text:
            match analysis.receivers.value(scope.facts.calls[index].callee, scope):
                case Routine(function=function) if not function.module.in_tests:
                    given = [part for each in function.facts.returned for part in _written_down(each.value, function)]
                    return ("string", text) in given
    return False


def _written_down(value: Expression, function: FunctionSymbol) -> Iterator[Expression]:
    """The value itself, and what a name may hold that loops go over what stands in the function, or that is set there."""
    if value[0] in ("choice", "list", "tuple"):
        for part in value[1]:
            yield from _written_down(part, function)
    elif value[0] == "name":
        for each in function.assigned.get(value[1], ()):
            yield from within(each.value, function)
    else:
        yield value


def _expects_of_nothing(call: CallSite) -> bool:
    """What waits for an error is made, and neither entered nor given anything to call: `self.assertRaises(ValueError)`."""
    name = last_name(call.callee)
    if call.where != ("statement",) or name not in EXPECTING or any(each[0] == "star" for each in call.arguments):
        return False
    of_case = call.callee[0] == "attribute" and call.callee[1] == SELF
    of_pytest = call.callee in (("attribute", ("name", "pytest"), name), ("name", name))
    if not (of_case if name.startswith("assert") else of_pytest):
        return False
    return len(call.arguments) == EXPECTING[name] and all(key in ("msg", "match", "level") for key, _ in call.keywords)


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
    self.assertRaises(Refused)  # T103: nothing is called that could raise it
    ```

    A text that stands second is a message, unless it is one that the function gives whose answer is tested:
    `assertTrue(rank(user), "gold")`.
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
                if _expects_of_nothing(call):
                    message = f"`{written(call.callee, scope)}(…)` expects an error of nothing: no block or call belongs to it"
                    mend = Mend("put what has to raise into a `with` of it")
                    yield Sighting(scope, call.line, call.column, call.end_line, message, mend=mend)
                if (
                    name in TESTING
                    and call.callee[0] == "attribute"
                    and (_is_no_message(call.arguments) or _is_an_answer(analysis, call.arguments, scope))
                ):
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
