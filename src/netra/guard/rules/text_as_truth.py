"""E110."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.asked import call_of
from netra.guard.environment import Touch, accesses
from netra.guard.facts import Where, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step

# What says no, and is true for being a text.
SAYING_NO: Final = frozenset({"false", "0", "no", "off", "n", "f", "none", "null", "disabled"})
READING: Final = frozenset({"getenv", "get"})


@rule("E110", "text-as-truth")
def text_as_truth(analysis: Analysis) -> Iterator[Sighting]:
    """A variable of the environment is tested for truth, and its default says no in a text, which is true.

    Every text but the empty one is true, "false" and "0" as well: the test is never false, whatever an operator writes.

    ```python
    DEBUG = bool(os.getenv("DEBUG", "false"))  # E110: always true
    ```

    Compare the text: `os.getenv("DEBUG", "false").lower() in ("1", "true", "yes")`, or let the settings of a library read it.
    Without a default `bool(os.getenv("DEBUG"))` may ask whether there is one, and is left alone.
    """
    for access in analysis.once(accesses):
        call = call_of(access.scope, access.mention) if access.touch is Touch.READ and not access.module.in_tests else None
        if call is None or last_name(call.callee) not in READING:
            continue
        default = call.arguments[1] if len(call.arguments) > 1 else dict(call.keywords).get("default")
        match default:
            case ("string", str(text)) if text.strip().lower() in SAYING_NO:
                tested = _tested(call.where, access.line, access.scope)
                if tested:
                    named = f"`{access.variable}`" if access.variable else "a variable"
                    message = f'{named} is a text and tested for truth: "{text}" is true, and so it is never false'
                    why = () if tested == access.line else (Step(access.module.path, tested, "it is tested here"),)
                    place = (access.scope, access.line, access.column, access.end_line)
                    yield Sighting(*place, message, why, Mend("compare it with the texts that mean yes"))


def _tested(where: Where, line: int, scope: FunctionSymbol) -> int:
    """The line on which what stands there is tested, also under a name of which nothing else is asked; 0 if it is not."""
    match where:
        case ("truth",):
            return line
        case ("argument", int(index), 0) if scope.facts.calls[index].callee == ("name", "bool"):
            return scope.facts.calls[index].line
        case ("assign", ("name", str(name))) if len(scope.assigned.get(name) or []) == 1:
            uses = [each for each in scope.facts.uses if each.name == name]
            return _tested(uses[0].where, uses[0].line, scope) if len(uses) == 1 else 0
    return 0
