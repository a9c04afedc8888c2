"""T107."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.facts import Expression
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Instance, Plain, Routine

# Decorators that leave a method a method; any other may make a property of it.
BOUND = frozenset({"classmethod", "staticmethod", "abstractmethod", "override"})


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
    """
    for module in analysis.modules:
        if not module.in_tests:
            continue
        for scope in module.functions:
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
