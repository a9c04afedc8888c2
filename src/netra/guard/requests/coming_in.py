"""What comes in with an entry point: by its own parameters, and by those of what it depends on."""

from collections.abc import Callable
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.reach import EntryPoint
from netra.guard.entries.sorts import SOCKET
from netra.guard.facts import Parameter, last_name
from netra.guard.meaning.expressions import within
from netra.guard.requests.ambient import Ambient
from netra.guard.requests.brought import Origin
from netra.guard.requests.serving import Serving
from netra.guard.requests.words import CONNECTIONS, OF_A_USER, is_connection
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine, Step

SENT: Final = frozenset("Query Header Cookie Form Body Path File".split())


class ComingIn:
    """Answers what a framework fills. `identifies`: what a dependency gives tells who is asking."""

    def __init__(self, analysis: Analysis, identifies: Callable[[FunctionSymbol], bool]) -> None:
        self._analysis = analysis
        self._serving = analysis.once(Serving)
        self._ambient = analysis.once(Ambient)
        self._identifies = identifies

    def dependencies(self, function: FunctionSymbol) -> list[FunctionSymbol]:
        """What a route depends on, near and far: FastAPI fills its parameters, too, from the request."""
        found: dict[FunctionSymbol, None] = {function: None}
        for each in (waiting := [function]):
            for parameter in each.facts.parameters if each.parent is not None else ():
                below = self._serving.dependency(parameter, each.parent or each)
                if below is not None and below not in found and not below.module.library:
                    found[below] = None
                    waiting.append(below)
        return list(found)[1:]

    def by(self, scope: FunctionSymbol, parameter: Parameter, entry: EntryPoint) -> Origin | None:
        """What comes in by a parameter of an entry point, or of what it depends on."""
        if scope.parent is None or parameter.name in ("self", "cls"):
            return None
        step = Step(scope.module.path, parameter.line, f"`{parameter.name}` comes in with {entry.label}")
        match self._analysis.receivers.parameters.dependency(parameter, scope.parent):
            case Routine(function=function):
                words = function.name.lower()
                named = any(word in words for word in ("user", "principal", "identity", "auth")) and "service" not in words
                if named or self._identifies(function):
                    return Origin(parameter.name, (step,), personal=True)
                return None
            case None:
                personal = (
                    parameter.name in OF_A_USER
                    or is_connection(parameter)
                    or (entry.sort == SOCKET and parameter.name in CONNECTIONS)
                    or self._ambient.proves(parameter, scope)
                )
                if _is_injected(parameter, scope):
                    return Origin(parameter.name, (step,), personal=True) if personal else None
                return Origin(parameter.name, (step,), personal)
        return None


def _is_injected(parameter: Parameter, scope: FunctionSymbol) -> bool:
    """It has a `Depends` that leads nowhere guard knows."""
    default = parameter.default
    around = scope.parent
    if default is not None and default[0] == "call" and around is not None:
        return last_name(around.facts.calls[default[1]].callee) in ("Depends", "Security", "Inject", "Provide")
    if parameter.annotation is None or "'call'" not in (said := str(parameter.annotation)):
        return "Depends" in str(parameter.annotation)
    told = [] if around is None else [each for each in within(parameter.annotation, around) if each[0] == "call"]
    sent = any(around is not None and last_name(around.facts.calls[each[1]].callee) in SENT for each in told)
    return "Depends" in said or not sent
