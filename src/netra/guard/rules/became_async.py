"""A110."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.contexts import Fate
from netra.guard.facts import ASYNC
from netra.guard.faults import Sighting
from netra.guard.mending import sighting
from netra.guard.program import FunctionSymbol, Program
from netra.guard.rule import rule
from netra.guard.values import CoroutineOf, Step


@rule("A110", "became-async")
def became_async(analysis: Analysis) -> Iterator[Sighting]:
    """A function became asynchronous since the revision that is compared with, and this caller still takes its result.

    It is found only with `--since REV`, beside the rule that names what happens to the coroutine here, and says which change
    broke the caller.

    ```python
    async def plan_of(user):  # was `def plan_of(user)`
        ...


    limits = plan_of(user).limits  # A110, and A103
    ```
    """
    if analysis.before is None:
        return
    for misuse in analysis.misuses:
        if misuse.fate is Fate.TAKEN or not isinstance(misuse.value, CoroutineOf):
            continue
        function = misuse.value.function
        earlier = _earlier(analysis.before, function)
        if earlier is not None and earlier.facts.sort != ASYNC and function.facts.sort == ASYNC:
            step = Step(function.module.path, function.facts.line, f"`{function.name}` was a plain `def` before")
            found = sighting(misuse, f"`{function.name}` became async, and this caller did not: {misuse.how}")
            yield found._replace(why=(step, *found.why))


def _earlier(before: Program, function: FunctionSymbol) -> FunctionSymbol | None:
    module = before.modules.get(function.module.name)
    if module is None or function.module.library:
        return None
    return next((each for each in module.functions if each.facts.qualified == function.facts.qualified), None)
