"""Which decorators of classes give back the class that they were given, without any new member."""

from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import Decorator, Expression, last_name
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol
from netra.guard.values import Routine

# Decorators of classes that add no members but those with two underscores.
ADDING_NOTHING: Final = frozenset(
    "dataclass total_ordering final runtime_checkable unique verify define frozen mutable attrs attributes s deprecated".split()
)
# Where such decorators come from. One of the same name from elsewhere may add anything.
OF_DECORATORS: Final = frozenset("dataclasses functools typing typing_extensions enum attr attrs warnings pydantic".split())


class ClassDecorators:
    """Answers about decorators of classes; use `analysis.once(ClassDecorators)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._program = analysis.program
        self._receivers = analysis.receivers

    def hands_back(self, decorator: Decorator, around: FunctionSymbol) -> bool:
        """The decorator gives back the class that it was given, without any new member."""
        symbol = self._program.evaluate(decorator.callee, around)
        if symbol is None and decorator.callee[0] == "attribute":
            match self._receivers.value(decorator.callee, around):
                case Routine(function=function):
                    symbol = function
        if isinstance(symbol, External) and symbol.dotted.partition(".")[0] not in OF_DECORATORS:
            return False
        if not isinstance(symbol, FunctionSymbol):
            return last_name(decorator.callee) in ADDING_NOTHING and not isinstance(symbol, ClassSymbol)
        target = symbol
        if decorator.called:
            inner = [each for each in symbol.children if ("name", each.name) in {one.value for one in symbol.facts.returned}]
            if len(inner) != 1 or len(symbol.facts.returned) != 1:
                return False
            target = inner[0]
        parameters = [each.name for each in target.facts.parameters]
        if not parameters or not target.facts.returned or target.facts.decorators:
            return False
        given = parameters[1] if parameters[0] in ("self", "cls") and len(parameters) > 1 else parameters[0]
        if any(last_name(call.callee) == "setattr" for call in target.facts.calls) or given in target.assigned:
            return False
        return all(
            each.value == ("name", given) or self._registers(each.value, given, target) for each in target.facts.returned
        )

    def _registers(self, returned: Expression, given: str, scope: FunctionSymbol) -> bool:
        """`return registry.register(name)(cls)`, where that hands the class back as well."""
        if returned[0] != "call":
            return False
        call = scope.facts.calls[returned[1]]
        if call.arguments != (("name", given),) or call.keywords:
            return False
        made = scope.facts.calls[call.callee[1]] if call.callee[0] == "call" else None
        return self.hands_back(Decorator(call.callee if made is None else made.callee, made is not None, (), (), 0), scope)
