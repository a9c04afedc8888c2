"""What Litestar fills the parameters of a handler with by their names: `dependencies={"session": Provide(open_session)}`.

Such a table stands at the application, a router, a controller or a handler. Where two tables give one name to two functions, it
is not known which one is meant.
"""

from collections.abc import Iterator
from typing import Final

from netra.guard.facts import Expression, Parameter, last_name
from netra.guard.program import Program
from netra.guard.symbols import External, FunctionSymbol

LIBRARY: Final = "litestar"


class Provided:
    """The functions that fill parameters by name; false where there are none."""

    def __init__(self, program: Program) -> None:
        self._program = program
        found: dict[str, tuple[FunctionSymbol, Expression] | None] = {}
        for name, scope, given in _tables(program):
            known = found.setdefault(name, (scope, given))
            if known is not None and program.evaluate(known[1], known[0]) != program.evaluate(given, scope):
                found[name] = None
        self._by_name = {name: each for name, each in found.items() if each is not None}
        self._names = {last_name(given) for _, given in self._by_name.values()}

    def __bool__(self) -> bool:
        return bool(self._by_name)

    def of(self, parameter: Parameter, around: FunctionSymbol) -> tuple[Expression, FunctionSymbol] | None:
        """The expression for the function that fills a parameter of something in a scope, and where that stands."""
        if parameter.name not in self._by_name:
            return None
        function = next((each for each in around.children if any(one is parameter for one in each.facts.parameters)), None)
        if function is None or not (function.name in self._names or self._is_handler(function, around)):
            return None
        scope, given = self._by_name[parameter.name]
        return given, scope

    def _is_handler(self, function: FunctionSymbol, around: FunctionSymbol) -> bool:
        made = (self._program.evaluate(each.callee, around) for each in function.facts.decorators)
        return any(isinstance(each, External) and each.dotted.partition(".")[0] == LIBRARY for each in made)


def _tables(program: Program) -> Iterator[tuple[str, FunctionSymbol, Expression]]:
    for scope in dict.fromkeys(scope for scope, _, _ in program.calls_of(("Provide",)) if not scope.module.in_tests):
        values = [each.value for each in scope.facts.assignments]
        values += [value for call in scope.facts.calls for _, value in call.keywords]
        values += [value for child in scope.children for each in child.facts.decorators for _, value in each.keywords]
        for value in values:
            for key, made in value[1] if value[0] == "dict" else ():
                if key[0] == "string" and made[0] == "call":
                    call = scope.facts.calls[made[1]]
                    if last_name(call.callee) == "Provide" and call.arguments and _is_of_litestar(call.callee, scope, program):
                        yield key[1], scope, call.arguments[0]


def _is_of_litestar(callee: Expression, scope: FunctionSymbol, program: Program) -> bool:
    match program.evaluate(callee, scope):
        case External(dotted=dotted):
            return dotted.partition(".")[0] == LIBRARY
    return False
