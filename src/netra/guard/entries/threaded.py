"""What runs in a thread in which no event loop runs: functions that are given to one, and plain handlers of a thread pool.

A thread of a pool has no loop, whoever waits for it. `asyncio.get_running_loop()` there raises RuntimeError.
"""

from collections.abc import Iterator
from typing import Final

from netra.guard.entries.sorts import ROUTE
from netra.guard.facts import LAMBDA, PLAIN, CallSite, Expression, last_name
from netra.guard.meaning.makers import made_by, maker
from netra.guard.meaning.receivers import Receivers
from netra.guard.meaning.threads import given_to_thread
from netra.guard.program import Program
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine, Step

# What gives a function to a thread; `threads` knows where among the arguments.
GIVING: Final = ("to_thread", "run_in_executor", "run_in_threadpool", "Thread", "Timer", "submit")
POOL: Final = "concurrent.futures.ThreadPoolExecutor"

# They answer a request by a plain function in a thread of a pool.
POOLING: Final = frozenset({"fastapi", "starlette"})


class Threaded:
    """Answers which functions are given to a thread, and where."""

    def __init__(self, program: Program, receivers: Receivers) -> None:
        self._program = program
        self._receivers = receivers
        self._found: dict[FunctionSymbol, Step] = {}
        for scope, _, call in program.calls_of(GIVING):
            given = None if scope.module.in_tests else self._given(scope, call)
            if given is not None:
                step = Step(scope.module.path, call.line, f"`{last_name(call.callee)}` lets a thread run it")
                for function in self._functions(given, scope):
                    self._found.setdefault(function, step)

    def _given(self, scope: FunctionSymbol, call: CallSite) -> Expression | None:
        if last_name(call.callee) != "submit":
            return given_to_thread(scope, call, self._receivers)
        of_pool = call.callee[0] == "attribute" and made_by(call.callee[1], scope, self._program) == POOL
        return call.arguments[0] if of_pool and call.arguments else None

    def by(self, function: FunctionSymbol) -> Step | None:
        """Where a function is given to a thread."""
        return self._found.get(function)

    def _functions(self, given: Expression, scope: FunctionSymbol) -> Iterator[FunctionSymbol]:
        """The function itself, what `partial` binds, and a lambda."""
        match given:
            case ("lambda", int(number)):
                yield scope.module.function(number)
            case ("call", int(index)) if last_name(scope.facts.calls[index].callee) == "partial":
                for each in scope.facts.calls[index].arguments[:1]:
                    yield from self._functions(each, scope)
            case ("name" | "attribute", *_):
                match self._receivers.value(given, scope):
                    case Routine(function=function, receiver=receiver) if function.facts.sort in (PLAIN, LAMBDA):
                        yield function
                        below = () if receiver is None else self._program.subclasses.get(receiver, ())
                        for kind in below:
                            yield from (each for each in kind.methods.get(function.name, ()) if each.facts.sort == PLAIN)


def is_pooled(function: FunctionSymbol, sort: str, program: Program) -> bool:
    """A plain handler of a route that the framework runs in a thread of its pool."""
    if sort != ROUTE or function.facts.sort != PLAIN or function.parent is None:
        return False
    return any(maker(each.callee, function.parent, program) in POOLING for each in function.facts.decorators)
