"""M111."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import Parameter, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.meaning.reaching import passed
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol, name_in_library
from netra.guard.values import Routine, Step

# Defaults in whose place FastAPI puts a value, for those whom it calls.
FILLED: Final = frozenset("Depends Security Query Header Cookie Body Path Form File".split())


@rule("M111", "dependency-left-out")
def dependency_left_out(analysis: Analysis) -> Iterator[Sighting]:
    """A function is called without what only FastAPI fills in, and works with the `Depends` or `Query` object in its place.

    The default of such a parameter is an object that says what to fill in. Whoever calls the function by hand gets that object:
    it has none of the attributes of a user or a session, and every test of it is true.

    ```python
    @app.get("/me")
    async def me(user: User = Depends(current_user)): ...


    async def overview():
        return await me()  # M111: `user` is a `Depends`, and nobody
    ```

    Pass it, or move what both need to a function that takes plain parameters. Told of are calls that can be followed, of
    functions that use the parameter.
    """
    for function in analysis.scopes:
        around = function.parent
        if around is None or function.module.in_tests:
            continue
        filled = [each for each in function.facts.parameters if _is_filled(analysis, each, around)]
        filled = [each for each in filled if each.name in function.facts.loads and not function.assigned.get(each.name)]
        for caller, index in analysis.program.calls_named.get(function.name, ()) if filled else ():
            call = caller.facts.calls[index]
            match None if caller.module.in_tests else analysis.receivers.value(call.callee, caller):
                case Routine(function=called, bound=bound) if called is function:
                    given = passed(function, call, bound=bound)
                    left = [each for each in filled if given is not None and given.get(each.name) is None]
                    if left:
                        name, sort = left[0].name, _sort(left[0], around)
                        message = (
                            f"`{written(call.callee, caller)}(…)` is not given `{name}`, which is a `{sort}` then, and no value"
                        )
                        step = Step(function.module.path, left[0].line, "only FastAPI puts a value in its place")
                        mend = Mend(f"pass `{name}`")
                        yield Sighting(caller, call.line, call.column, call.end_line, message, (step,), mend)


def _sort(parameter: Parameter, around: FunctionSymbol) -> str:
    default = parameter.default
    return (last_name(around.facts.calls[default[1]].callee) or "") if default is not None and default[0] == "call" else ""


def _is_filled(analysis: Analysis, parameter: Parameter, around: FunctionSymbol) -> bool:
    if parameter.default is None or _sort(parameter, around) not in FILLED:
        return False
    callee = around.facts.calls[parameter.default[1]].callee
    return name_in_library(analysis.program.evaluate(callee, around)).startswith("fastapi.")
