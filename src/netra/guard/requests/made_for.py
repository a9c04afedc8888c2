"""What an object has of somebody because it was made for them: for a request, or for a connection."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import SELF, Expression, dotted, last_name
from netra.guard.requests.ambient import OF_CONNECTION, OPENING, Ambient
from netra.guard.requests.brought import Origin, of_framework
from netra.guard.requests.serving import MAKING, Serving
from netra.guard.requests.singletons import Singletons
from netra.guard.requests.words import HANDLERS
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Step

# What objects hold that are made for one request, and how their classes are called.
OF_HANDLER: Final[frozenset[Expression]] = frozenset(
    {
        ("attribute", ("name", "self"), "current_user"),
        ("attribute", ("attribute", ("name", "self"), "request"), "user"),
    }
)


class MadeForOne:
    """Answers what methods read of such an object. `of`: what an expression is made of, in a function, at a line, so deep."""

    def __init__(self, analysis: Analysis, of: Callable[[Expression, FunctionSymbol, int, int], Origin | None]) -> None:
        self._analysis = analysis
        self._serving = analysis.once(Serving)
        self._ambient = analysis.once(Ambient)
        self._of = of

    def kept(self, name: str, scope: FunctionSymbol, depth: int) -> Origin | None:
        """What an object was given of somebody when it was made for a request: `self.user_id` of a connection."""
        owner = self._owner(scope)
        if owner is None:
            return None
        given = [each for kind in self._analysis.program.order(owner)[0] for each in kind.set_on_self.get(name, ())]
        if not given or self._analysis.once(Singletons).made(owner) is not None:
            return None
        making = {*MAKING, *OPENING} if self._ambient.connection(scope) is not None else MAKING
        for method, each in given:
            if method.name in making and each.how in ("=", "annotated"):
                origin = self._of(each.value, method, each.line, depth + 1)
                if origin is not None and origin.personal:
                    step = Step(method.module.path, each.line, f"which `{method.facts.qualified}` keeps in `self.{name}`")
                    return replace(origin, steps=(*origin.steps, step))
        return None

    def of_handler(self, expression: Expression, scope: FunctionSymbol) -> Origin | None:
        """What an object has that a framework makes for each request: `self.current_user` of a handler of Tornado."""
        owner = self._owner(scope) if expression in OF_HANDLER else None
        if owner is None:
            return None
        above = self._analysis.program.order(owner)[0]
        named = [each.name for each in above] + [last_name(base) or "" for each in above for base in each.facts.bases]
        if not any(name.endswith(HANDLERS) for name in named):
            return None
        step = Step(scope.module.path, scope.facts.line, f"`{scope.facts.qualified}` answers for one user")
        return Origin(dotted(expression) or "", (step,), personal=True)

    def of_connection(self, name: str, scope: FunctionSymbol) -> Origin | None:
        """What a handler of one connection has of it: `self.rfile`, `self.scope`."""
        kind = self._ambient.connection(scope) if name in OF_CONNECTION else None
        if kind is None or any(name in each.set_on_self for each in self._analysis.program.order(kind)[0]):
            return None
        return of_framework((f"self.{name}", False), scope)

    def holding_connection(self, expression: Expression, scope: FunctionSymbol) -> Origin | None:
        """The handler of one connection itself, or a method that it has of its framework: `self.send_json`."""
        kind = self._ambient.connection(scope)
        if kind is None:
            return None
        own = [each for each in self._analysis.program.order(kind)[0] if not each.module.library]
        if expression != SELF and any(expression[2] in each.set_on_self or expression[2] in each.body.bound for each in own):
            return None
        return of_framework((dotted(expression) or "self", True), scope)

    def _owner(self, scope: FunctionSymbol) -> ClassSymbol | None:
        """The class of the object that a function which is served is a method of, or stands in one."""
        return scope.object_of if scope in self._serving else None
