"""A112."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.facts import BODY, TOP, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.contexts import written
from netra.guard.program import External, FunctionSymbol
from netra.guard.rule import rule
from netra.guard.values import Foreign, Routine, Step

KEEPING = frozenset({"asyncio.create_task", "asyncio.ensure_future"})


@rule("A112", "forgotten-task", default=False)
def forgotten_task(analysis: Analysis) -> Iterator[Sighting]:
    """A task is started and nobody keeps it, so it may vanish before it is done, and its error is never seen.

    The event loop holds its tasks weakly: one that nothing refers to can be collected while it waits. Keep it in a set and take
    it out when it is done, or start it in an `asyncio.TaskGroup`, which also sees its error.

    ```python
    asyncio.create_task(send_mail(user))  # A112
    ```

    A task in a local name that nothing reads again is just as forgotten.
    """
    for scope, _, call in analysis.calls_of("create_task", "ensure_future"):
        if scope.facts.sort in (TOP, BODY) or scope.module.in_tests or not _starts(analysis, scope, call.callee):
            continue
        match call.where:
            case ("statement",):
                how = "nothing keeps it"
            case ("assign", ("name", str(kept))) if _is_unread(scope, kept):
                how = f"`{kept}` is never read again"
            case _:
                continue
        message = f"the task of `{written(call.callee, scope)}(…)` may be collected before it is done: {how}"
        mend = Mend("keep it in a set until it is done, or start it in an `asyncio.TaskGroup`")
        note = "the event loop refers to tasks only weakly"
        yield Sighting(scope, call.line, call.column, call.end_line, message, (Step(scope.module.path, call.line, note),), mend)


def _starts(analysis: Analysis, scope: FunctionSymbol, callee: tuple[object, ...]) -> bool:
    match analysis.receivers.value(callee, scope):
        case Routine(function=function):
            return function.module.name == "asyncio" and function.owner is None
        case Foreign(symbol=External(dotted=dotted)):
            return dotted in KEEPING
    match callee:
        case ("attribute", ("call", int(index)), "create_task"):
            return last_name(scope.facts.calls[index].callee) in ("get_running_loop", "get_event_loop")
        case ("attribute", ("name", "loop"), "create_task"):
            return True
    return False


def _is_unread(scope: FunctionSymbol, name: str) -> bool:
    if name in scope.facts.globals or any(name in child.facts.loads for child in scope.children):
        return False
    return name not in scope.facts.loads
