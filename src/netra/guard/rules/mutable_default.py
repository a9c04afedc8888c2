"""S103."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.entries.sorts import ROUTE
from netra.guard.facts import ASYNC, PLAIN, TOP, Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.program import FunctionSymbol, VariableSymbol
from netra.guard.requests.sharing import MUTATING, REMOVING, is_container
from netra.guard.rule import rule
from netra.guard.values import Routine, Step


@rule("S103", "mutable-default")
def mutable_default(analysis: Analysis) -> Iterator[Sighting]:
    """A default argument is changed by the function, and so what one call left is there for the next.

    A default is made once, when the function is defined. Every caller that does not pass its own shares it.

    ```python
    def remember(message, history=[]):
        history.append(message)  # S103
        return history
    ```

    Take None for the default and make a new one in the function. A default that is only read is left alone, and so is one that
    every call in the program brings a value of its own for, and one of a handler or dependency that only FastAPI calls, which
    copies it for each request.
    """
    copied = _called_with_copies(analysis)
    for scope in analysis.scopes:
        around = scope.parent
        if around is None or around.facts.sort in (PLAIN, ASYNC):
            continue  # the default of a function within another is made anew with each call of that
        for parameter in scope.facts.parameters:
            if parameter.default is None or scope.assigned.get(parameter.name):
                continue
            if not is_container(parameter.default, around) and not _is_container_of_module(analysis, parameter.default, around):
                continue
            if _remembers(analysis, scope, parameter.name) or _is_always_passed(analysis, scope, parameter.name):
                continue
            if scope in copied:
                continue
            if all(what in REMOVING for _, _, what in _changes(scope, parameter.name)) and _is_empty(parameter.default):
                continue
            for line, column, _ in _changes(scope, parameter.name):
                step = Step(scope.module.path, parameter.line, f"the default of `{parameter.name}` is made once, here")
                message = f"`{parameter.name}` is changed, and its default is shared by every call of `{scope.name}`"
                mend = Mend("take None, and make a new one here")
                yield Sighting(scope, line, column, line, message, (step,), mend)
                break


def _called_with_copies(analysis: Analysis) -> frozenset[FunctionSymbol]:
    """Handlers of FastAPI, and what they depend on, that nobody else calls: it copies a default for each request."""
    routes = (each.function for each in analysis.reach.entries.values() if each.sort == ROUTE)
    waiting = [each for each in routes if _is_of_fastapi(each)]
    found = set(waiting)
    while waiting:
        at = waiting.pop()
        around = at.parent or at.module.top
        for parameter in at.facts.parameters:
            match analysis.receivers.parameters.dependency(parameter, around):
                case Routine(function=function) if function not in found:
                    found.add(function)
                    waiting.append(function)
    return frozenset(each for each in found if not analysis.program.calls_named.get(each.name))


def _is_of_fastapi(function: FunctionSymbol) -> bool:
    return any(each.module.partition(".")[0] == "fastapi" for each in function.module.top.facts.imports)


def _is_container_of_module(analysis: Analysis, default: Expression, around: FunctionSymbol) -> bool:
    """The default is a list or dictionary that the module has anyway, under a name: `base=DEFAULTS`."""
    match analysis.program.evaluate(default, around):
        case VariableSymbol(scope=at, name=name) if at.facts.sort == TOP and name == default[-1]:
            given = at.assigned.get(name, ())
            return len(given) == 1 and is_container(given[0].value, at)
    return False


def _remembers(analysis: Analysis, scope: FunctionSymbol, name: str) -> bool:
    """`def table(_made={}): if not _made: _made.update(…)`: a memory that nobody passes, filled where it is still empty."""
    number = scope.parameters[name]
    for caller, index in analysis.program.calls_named.get(scope.name, ()):
        call = caller.facts.calls[index]
        if any(key in (name, "**") for key, _ in call.keywords) or len(call.arguments) + (scope.owner is not None) > number:
            return False
    asked = [each for each in scope.facts.blocks if each.what == "if" and str(("name", name)) in str(each.expressions)]
    changes = [line for line, _, _ in _changes(scope, name)]
    return name.startswith("_") and all(any(each.line <= line <= each.end_line for each in asked) for line in changes)


def _is_always_passed(analysis: Analysis, scope: FunctionSymbol, name: str) -> bool:
    """Every call there is brings its own value, so that nobody meets the default yet."""
    number = scope.parameters[name]
    sites = analysis.program.calls_named.get(scope.name, ())
    calls = [caller.facts.calls[index] for caller, index in sites]
    spread = ("star",)
    return bool(calls) and all(
        any(key in (name, "**") for key, _ in call.keywords)
        or len(call.arguments) + (scope.owner is not None) > number
        or any(each[0] in spread for each in call.arguments)
        for call in calls
    )


def _is_empty(default: Expression) -> bool:
    return default in (("list", ()), ("dict", ()), ("set", ()))


def _changes(scope: FunctionSymbol, name: str) -> Iterator[tuple[int, int, str]]:
    """Where the parameter is changed, and by which method; `=` for an item that is set."""
    for call in scope.facts.calls:
        if call.callee[0] == "attribute" and call.callee[1] == ("name", name) and last_name(call.callee) in MUTATING | REMOVING:
            yield call.line, call.column, last_name(call.callee) or ""
    for each in scope.facts.assignments:
        match each.target:
            case ("subscript", ("name", str(changed)), _) if changed == name:
                yield each.line, each.column, "="
