"""S103."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.facts import last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.program import FunctionSymbol
from netra.guard.requests.sharing import MUTATING, REMOVING, is_container
from netra.guard.rule import rule
from netra.guard.values import Step


@rule("S103", "mutable-default")
def mutable_default(analysis: Analysis) -> Iterator[Sighting]:
    """A default argument is changed by the function, and so what one call left is there for the next.

    A default is made once, when the function is defined. Every caller that does not pass its own shares it.

    ```python
    def remember(message, history=[]):
        history.append(message)  # S103
        return history
    ```

    Take None for the default and make a new one in the function. A default that is only read is left alone.
    """
    for scope in analysis.scopes:
        around = scope.parent
        if around is None:
            continue
        for parameter in scope.facts.parameters:
            if parameter.default is None or not is_container(parameter.default, around) or scope.assigned.get(parameter.name):
                continue
            for line, column in _changes(scope, parameter.name):
                step = Step(scope.module.path, parameter.line, f"the default of `{parameter.name}` is made once, here")
                message = f"`{parameter.name}` is changed, and its default is shared by every call of `{scope.name}`"
                yield Sighting(scope, line, column, line, message, (step,), Mend("take None, and make a new one here"))
                break


def _changes(scope: FunctionSymbol, name: str) -> Iterator[tuple[int, int]]:
    for call in scope.facts.calls:
        if call.callee[0] == "attribute" and call.callee[1] == ("name", name) and last_name(call.callee) in MUTATING | REMOVING:
            yield call.line, call.column
    for each in scope.facts.assignments:
        match each.target:
            case ("subscript", ("name", str(changed)), _) if changed == name:
                yield each.line, each.column
