"""What a function is given by those who let something else call it: `tasks.add_task(send, user)`, `to_thread(draw, rows)`."""

from collections.abc import Callable, Iterator
from typing import Final

from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.program import Program
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine, Value

# Where among the arguments the function stands; what follows it, the function is given.
RUNNING: Final = {
    "add_task": 0,
    "to_thread": 0,
    "run_in_threadpool": 0,
    "submit": 0,
    "start_soon": 0,
    "call_soon": 0,
    "call_soon_threadsafe": 0,
    "run_in_executor": 1,
    "call_later": 1,
}

Given = tuple[FunctionSymbol, Expression | None]


class RunLater:
    """Answers by the name of a function; `value` says what an expression is."""

    def __init__(self, program: Program, value: Callable[[Expression, FunctionSymbol], Value | None]) -> None:
        self._value = value
        self._by_name: dict[str, list[tuple[FunctionSymbol, CallSite, int]]] = {}
        for caller, _, call in program.calls_of(RUNNING):
            place = RUNNING[last_name(call.callee) or ""]
            if place < len(call.arguments) and (name := last_name(call.arguments[place])) is not None:
                self._by_name.setdefault(name, []).append((caller, call, place))

    def __contains__(self, scope: FunctionSymbol) -> bool:
        return scope.name in self._by_name

    def given(self, scope: FunctionSymbol, name: str, number: int) -> Iterator[Given]:
        """Who lets the function run, and what each passes for a parameter; None where it is left out."""
        for caller, call, place in self._by_name.get(scope.name, ()):
            if isinstance(runner := self._value(call.callee, caller), Routine) and not runner.function.module.library:
                continue  # of the program's own, nobody knows what it passes on
            match self._value(call.arguments[place], caller):
                case Routine(function=function, bound=bound) if function is scope:
                    position = place + 1 + number - (1 if bound and scope.owner is not None else 0)
                    passed = next((value for key, value in call.keywords if key == name), None)
                    if passed is None and place < position < len(call.arguments):
                        passed = call.arguments[position]
                    yield caller, passed
