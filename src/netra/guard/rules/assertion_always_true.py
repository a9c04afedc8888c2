"""T107."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import OTHER, SELF, Block, Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.rule import rule
from netra.guard.suites import asserts_by_call
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.trying import handlers
from netra.guard.values import Instance, Plain, Routine, Step

# Decorators that leave a method a method; any other may make a property of it.
BOUND = frozenset({"classmethod", "staticmethod", "abstractmethod", "override"})

# Errors that are no `Exception`, by the last parts of their names.
BEYOND: Final = frozenset({"BaseException", "KeyboardInterrupt", "SystemExit", "GeneratorExit", "CancelledError"})
TRUE: Final[Expression] = ("constant", "bool", True)
LEN: Final[Expression] = ("name", "len")


@rule("T107", "assertion-always-true")
def assertion_always_true(analysis: Analysis) -> Iterator[Sighting]:
    """What is asserted is true whatever the code does.

    A tuple with something in it is true, so `assert (found, "nothing found")` holds for ever; so are a text, and a method that
    was not called.

    ```python
    assert (response.ok, "the request failed")  # T107: a tuple of two
    assert "refunded", response.text  # T107: `in` is missing
    assert response.ok or True  # T107
    assert user.is_active  # T107: `is_active` is a method
    ```

    So it is with what `except Refused as error:` has caught: that `error` is a `Refused`, and is there. Told of is that where
    the test passes as well when nothing is raised. And `gather(…, return_exceptions=True)` gives as many results as it was
    given to wait for, whatever becomes of them: a test that asserts nothing of them but how many there are cannot fail.
    """
    for module in analysis.modules:
        if not module.in_tests:
            continue
        for scope in module.functions:
            yield from _of_what_was_caught(analysis, scope)
            yield from _of_how_many(scope)
            for test, line in scope.facts.asserts:
                if (found := _always_true(analysis, scope, test)) is not None:
                    what, mend = found
                    message = f"{what}, and always true"
                    yield Sighting(scope, line, scope.facts.column, line, message, mend=Mend(mend))


def _always_true(analysis: Analysis, scope: FunctionSymbol, test: Expression) -> tuple[str, str] | None:
    """What makes it true, and what is meant."""
    match test:
        case ("tuple", parts) if parts:
            return "a tuple is asserted", "take the brackets away: what follows the comma is the message"
        case ("string", text) if text:
            return f"the text {text!r} is asserted", "compare it with something"
        case ("formatted", (_, *_)):
            return "a text is asserted", "compare it with something"
        case ("operator", "or", *_):
            return "what is asserted is one thing `or` another that is written down as true", "assert each on its own"
        case ("lambda", _):
            return "a function is asserted", "call it"
        case ("attribute", inner, str(name)) if isinstance(analysis.receivers.value(inner, scope), Instance | Plain):
            match analysis.receivers.value(test, scope):
                case Routine(function=function, bound=True) if function.decorator_names <= BOUND and not name.startswith("__"):
                    return f"`{written(test, scope)}` is a method that is not called", f"call `{name}`"
    return None


def _assertions(scope: FunctionSymbol) -> Iterator[tuple[Expression, int]]:
    """What is asserted, with its line, by the methods of `unittest` as well: as the expression that would be asserted."""
    yield from scope.facts.asserts
    for call in scope.facts.calls:
        if call.callee[0] == "attribute" and call.callee[1] == SELF:
            match call.callee[2], call.arguments:
                case ("assertTrue", (test, *_)) | ("assertIsNotNone", (test, *_)):
                    yield test, call.line
                case "assertIsInstance", (inner, kind, *_):
                    yield ("is a", inner, kind), call.line
                case (("assertEqual" | "assertEquals"), (one, other, *_)):
                    yield ("compare", (one, other), ("Eq",)), call.line
                case str(name), _ if name.startswith(("assert", "fail")):
                    yield OTHER, call.line


def _of_what_was_caught(analysis: Analysis, scope: FunctionSymbol) -> Iterator[Sighting]:
    """All that a handler asserts is that what it caught is what it catches, and nothing fails where nothing is caught."""
    if not scope.facts.blocks:
        return
    for _, handler in handlers(scope):
        kinds = [part for each in handler.expressions for part in (each[1] if each[0] == "tuple" else (each,))]
        bound = [each for each in scope.facts.assignments if each.how == "except" and each.line in (handler.head, handler.line)]
        asserted = [(test, line) for test, line in _assertions(scope) if handler.line <= line <= handler.end_line]
        if len(bound) != 1 or not kinds or not asserted or _fails_elsewhere(scope, handler):
            continue
        target = bound[0].target
        if all(_is_known_of_it(analysis, scope, test, target, kinds) for test, _ in asserted):
            line = asserted[0][1]
            message = f"`{written(target, scope)}` is what the handler catches, and the assertion always true"
            step = Step(scope.module.path, handler.head, "when nothing is raised, nothing is asserted")
            mend = Mend("expect the error with `pytest.raises` or `assertRaises`")
            yield Sighting(scope, line, scope.facts.column, line, message, (step,), mend)


def _fails_elsewhere(scope: FunctionSymbol, handler: Block) -> bool:
    """Something else in the function can fail it, as far as is known: whatever is asserted, raised or called to fail outside of
    the handler, or raised in it.
    """
    lines = [*scope.facts.raises, *(line for _, line in scope.facts.asserts)]
    if any(not handler.line <= line <= handler.end_line for line in lines):
        return True
    if any(handler.line <= line <= handler.end_line for line in scope.facts.raises):
        return True
    outside = (each for each in scope.facts.calls if not handler.line <= each.line <= handler.end_line)
    return any(asserts_by_call(last_name(each.callee)) for each in outside)


def _is_known_of_it(
    analysis: Analysis, scope: FunctionSymbol, test: Expression, target: Expression, kinds: list[Expression]
) -> bool:
    match test:
        case ("compare", (one, ("none",)), ("IsNot",)):
            return bool(one == target)
        case ("call", int(index)) if (call := scope.facts.calls[index]).callee == ("name", "isinstance"):
            return len(call.arguments) == 2 and _is_known_of_it(analysis, scope, ("is a", *call.arguments), target, kinds)
        case ("is a", one, kind) if one == target:
            asked = kind[1] if kind[0] == "tuple" else (kind,)
            return all(any(_is_below(analysis, scope, each, above) for above in asked) for each in kinds)
    return bool(test == target)


def _is_below(analysis: Analysis, scope: FunctionSymbol, kind: Expression, above: Expression) -> bool:
    if above in (kind, ("name", "BaseException")):
        return True
    if above == ("name", "Exception"):
        return last_name(kind) not in BEYOND
    match analysis.program.evaluate(kind, scope), analysis.program.evaluate(above, scope):
        case ClassSymbol() as one, ClassSymbol() as other:
            return other in analysis.program.order(one)[0]
    return False


def _of_how_many(scope: FunctionSymbol) -> Iterator[Sighting]:
    """All that is asked of what `gather(…, return_exceptions=True)` gives is how many there are."""
    for each in scope.facts.assignments:
        match each.target, each.value:
            case ("name", str(name)), ("await", ("call", int(index))) if each.how == "=" and len(scope.assigned[name]) == 1:
                call = scope.facts.calls[index]
            case _:
                continue
        if last_name(call.callee) != "gather" or dict(call.keywords).get("return_exceptions") != TRUE:
            continue
        uses = [use for use in scope.facts.uses if use.name == name and use.where != ("store",)]
        if not uses or any(name in child.facts.loads for child in scope.children):
            continue
        counted = [
            ("call", number)
            for number, one in enumerate(scope.facts.calls)
            if one.callee == LEN and one.arguments == (each.target,)
        ]
        asserted = list(_assertions(scope))
        equal = [(test[1], line) for test, line in asserted if test[0] == "compare" and test[2] == ("Eq",)]
        lines = [line for parts, line in equal if any(one in parts for one in counted)]
        others = [one for one in scope.facts.calls if asserts_by_call(last_name(one.callee)) and one.line not in lines]
        if len(lines) == len(asserted) == len(uses) == len(counted) and not others and not scope.facts.raises:
            line = lines[0]
            message = f"`{scope.name}` asserts nothing of the results but how many there are: an error is one as well"
            step = Step(scope.module.path, call.line, "`return_exceptions=True`: whatever fails is among the results")
            yield Sighting(scope, line, scope.facts.column, line, message, (step,), Mend("assert what each of them has to be"))
