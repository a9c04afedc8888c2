"""What is handed to the functions of asyncio that await it: `asyncio.gather(load(1), load(2))`, `create_task(work())`."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.meaning.callbacks import is_loop
from netra.guard.meaning.receivers import Receivers
from netra.guard.program import Program
from netra.guard.symbols import External, FunctionSymbol
from netra.guard.values import CoroutineOf, Foreign, Plain, Routine, Value

# What takes one thing to await, in its first place.
OF_ONE: Final = frozenset("create_task ensure_future wait_for shield run run_until_complete run_coroutine_threadsafe".split())
# Those that take a coroutine, and refuse a task or future.
OF_COROUTINES: Final = frozenset({"create_task", "run", "run_coroutine_threadsafe"})
# What takes several: one in each place, or all of them in a list.
EACH: Final = "gather"
LISTED: Final = frozenset({"wait", "as_completed"})
# Methods of a loop.
OF_LOOPS: Final = frozenset({"create_task", "run_until_complete"})
GROUP: Final = "TaskGroup"
DISPLAYS: Final = frozenset({"list", "set", "tuple"})
# The names of their first parameters.
FIRST: Final = frozenset("coro coro_or_future fut fs arg main future".split())


class Handed(NamedTuple):
    """One thing that is handed over to be awaited."""

    scope: FunctionSymbol
    call: CallSite
    expression: Expression
    alone: bool
    """It is an argument of its own, and not in a list of them."""

    @property
    def coroutines_only(self) -> bool:
        """A task or future is refused."""
        return last_name(self.call.callee) in OF_COROUTINES


def handed_to_run(program: Program, receivers: Receivers) -> Iterator[Handed]:
    """All that a program hands over."""
    for scope, _, call in program.calls_of((*OF_ONE, EACH, *LISTED)):
        name = last_name(call.callee) or ""
        if not (call.arguments or call.keywords) or not is_of_asyncio(call, scope, receivers):
            continue
        if name == EACH:
            for each in call.arguments:
                alone = each[0] != "star"
                yield from (Handed(scope, call, one, alone) for one in ([each] if alone else _elements(each[1], scope)))
            continue
        given = call.arguments[0] if call.arguments else call.keywords[0][1]
        if given[0] == "star" or (not call.arguments and call.keywords[0][0] not in FIRST):
            continue
        if name in OF_ONE:
            yield Handed(scope, call, given, True)
        else:
            yield from (Handed(scope, call, one, False) for one in _elements(given, scope))


def waited_for_as_coroutines(program: Program, receivers: Receivers) -> Iterator[tuple[FunctionSymbol, CallSite, CoroutineOf]]:
    """Each `asyncio.wait(…)` of coroutines: since Python 3.11 it takes tasks only."""
    for scope, _, call in program.calls_of(("wait",)):
        given = call.arguments[0] if call.arguments else dict(call.keywords).get("fs")
        if given is None or not is_of_asyncio(call, scope, receivers):
            continue
        whole = receivers.value(given, scope)
        values: list[Value | None] = [whole.item] if isinstance(whole, Plain) else [whole]
        values += [receivers.value(each, scope) for each in _elements(given, scope)]
        found = next((each for each in values if isinstance(each, CoroutineOf)), None)
        if found is not None:
            yield scope, call, found


def is_of_asyncio(call: CallSite, scope: FunctionSymbol, receivers: Receivers) -> bool:
    """A function of asyncio, or a method of its loop or of a group of its tasks."""
    match receivers.value(call.callee, scope):
        case Routine(function=function):
            # `condition.wait_for(…)` takes a test.
            of_tasks = function.owner is None or function.owner.name == GROUP
            return of_tasks and function.module.model and function.module.name == "asyncio"
        case Foreign(symbol=External(dotted=dotted)):
            return dotted.rpartition(".")[0] == "asyncio"
    return call.callee[0] == "attribute" and call.callee[2] in OF_LOOPS and is_loop(call.callee[1], scope, receivers)


def _elements(given: Expression, scope: FunctionSymbol) -> list[Expression]:
    """What stands in a list that is written down there, or that a name is given once and for all."""
    made = scope.assigned.get(given[1], []) if given[0] == "name" and given[1] not in scope.parameters else []
    if len(made) == 1:
        if made[0].how != "=" or any(given[1] in child.facts.globals for child in scope.children):
            return []
        given = made[0].value
    if given[0] in DISPLAYS:
        return [each for each in given[1] if each[0] != "star"]
    return [given[2]] if given[0] == "comprehension" and given[1] != "DictComp" else []
