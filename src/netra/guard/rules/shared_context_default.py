"""S105."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import TOP, CallSite, Expression
from netra.guard.faults import Mend, Sighting
from netra.guard.requests.emptied import REMOVING
from netra.guard.requests.sharing import MUTATING
from netra.guard.requests.slots import is_container
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol, VariableSymbol
from netra.guard.values import Step

# On one of these ways goes who does not go on another.
BRANCHES: Final = frozenset("if else handler case loop".split())


@rule("S105", "shared-context-default")
def shared_context_default(analysis: Analysis) -> Iterator[Sighting]:
    """A `ContextVar` has a default that can be changed, and that one object is in every context.

    A context variable keeps the values of requests apart, except for its default: whoever adds to it without setting a value
    first adds to what all others see.

    ```python
    tags = ContextVar("tags", default=[])  # S105


    def tag(word):
        tags.get().append(word)  # … into the list of everybody
    ```

    A default of which only copies are changed is left alone. Leave the default out, or take None, and set a new list where the
    request begins.
    """
    for scope, _, call in analysis.calls_of("ContextVar"):
        default = dict(call.keywords).get("default")
        if scope.facts.sort != TOP or default is None or not is_container(default, scope):
            continue
        if change := _change(analysis, scope, call):
            message = "the default of this context variable is one object in every context, and is changed"
            mend = Mend("leave the default out, and set a value where the request begins")
            yield Sighting(scope, call.line, call.column, call.end_line, message, (change,), mend)


def _change(analysis: Analysis, top: FunctionSymbol, made: CallSite) -> Step | None:
    """A place at which what the variable gives is changed in place."""
    names = {each.target[1] for each in top.facts.assignments if each.target[0] == "name" and each.line == made.line}
    for scope, index in analysis.program.calls_named.get("get", ()):
        call = scope.facts.calls[index]
        if call.callee[0] != "attribute" or call.callee[1][0] != "name" or call.arguments:
            continue  # `get(other)` gives the other where nothing is set, never the default
        match analysis.program.lookup(call.callee[1][1], scope):
            case VariableSymbol(scope=at, name=name) if at is top and name in names and _is_changed(scope, call):
                return Step(scope.module.path, call.line, f"`{scope.name}` changes what `{name}.get()` gives")
    return None


def _is_changed(scope: FunctionSymbol, call: CallSite) -> bool:
    match call.where:
        case ("attribute", str(method)):
            return method in MUTATING | REMOVING
        case ("store",):
            return True
        case ("assign", ("name", str(name))):
            kept: Expression = ("name", name)
            changes = [
                each.line
                for each in scope.facts.calls
                if each.callee[0] == "attribute" and each.callee[1] == kept and each.callee[2] in MUTATING | REMOVING
            ]
            changes += [
                each.line for each in scope.facts.assignments if each.target[0] == "subscript" and each.target[1] == kept
            ]
            return any(not _is_another_by_then(name, call.line, line, scope) for line in changes)
    return False


def _is_another_by_then(name: str, first: int, last: int, scope: FunctionSymbol) -> bool:
    """Between two lines the name gets something else: `kept = kept.copy()`, `if not kept: kept = {}`."""
    ways = [each for each in scope.facts.blocks if each.what in BRANCHES and not each.line <= last <= each.end_line]
    for each in scope.assigned.get(name, ()):
        within = [block for block in ways if block.line <= each.line <= block.end_line]
        if first < each.line < last and all(block.expressions[:1] == (("not", ("name", name)),) for block in within):
            return True
    return False
