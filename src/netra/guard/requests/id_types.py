"""Ids that a program tells apart by types of its own, and one of them where another is wanted:

CourierId = NewType("CourierId", int)
OrderId = NewType("OrderId", int)

async def set_status(order_id: int, status: str): ...

await set_status(courier_of(context), "delivered")  # it gives a `CourierId`

A type checker minds where both sides are said to be one of them, and not where a parameter is a number with a name.
"""

import re
from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import TOP, Expression
from netra.guard.lazily import lazily
from netra.guard.meaning.expressions import written
from netra.guard.requests.mixed_ids import MixedId
from netra.guard.requests.passing import pairs
from netra.guard.symbols import FunctionSymbol, VariableSymbol
from netra.guard.values import Routine, Step

OF_IDS: Final = re.compile(r"(\w+?)_?(?:Id|ID|id)$")
FURTHEST: Final = 4
# Of fewer than two types none is another.
ENOUGH: Final = 2


class IdTypes:
    """Answers of what thing an id is, as its type says; use `analysis.once(IdTypes)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis

    @lazily
    def kinds(self) -> dict[tuple[str, str], str]:
        """What the types are ids of, by their module and name: `order` of `OrderId`."""
        found: dict[tuple[str, str], str] = {}
        for scope, _, call in self._analysis.calls_of("NewType"):
            if (
                scope.facts.sort == TOP
                and not scope.module.in_tests
                and call.where[0] == "assign"
                and call.where[1][0] == "name"
            ):
                named = OF_IDS.fullmatch(call.where[1][1])
                if named is not None:
                    found[scope.module.name, call.where[1][1]] = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", named[1]).lower()
        return found if len({*found.values()}) >= ENOUGH else {}

    def of(self, expression: Expression, scope: FunctionSymbol, depth: int = FURTHEST) -> str | None:
        """The thing of which an expression is an id."""
        match expression:
            case ("await", inner):
                return self.of(inner, scope, depth)
            case ("call", int(index)):
                callee = scope.facts.calls[index].callee
                match self._analysis.receivers.value(callee, scope):
                    case Routine(function=function) if function.facts.returns is not None and function.parent is not None:
                        return self._said(function.facts.returns, function.parent)
                return self._said(callee, scope)
            case ("name", str(name)):
                given = scope.assigned.get(name, ())
                if not given and name in scope.parameters and scope.parent is not None:
                    said = scope.facts.parameters[scope.parameters[name]].annotation
                    return None if said is None else self._said(said, scope.parent)
                one = given[0] if len(given) == 1 and given[0].how in ("=", "annotated") and depth else None
                return None if one is None or name in scope.parameters else self.of(one.value, scope, depth - 1)
        return None

    def _said(self, said: Expression, scope: FunctionSymbol) -> str | None:
        match self._analysis.program.evaluate(said, scope) if said[0] in ("name", "attribute") else None:
            case VariableSymbol(scope=at, name=name) if at.facts.sort == TOP:
                return self.kinds.get((at.module.name, name))
        return None


def of_another_type(analysis: Analysis) -> Iterator[MixedId]:
    """Every call of a function of the program that is given an id of one type where its parameter is called after another."""
    types = analysis.once(IdTypes)
    known = {*types.kinds.values()}
    for scope in analysis.scopes if known else ():
        for call in scope.facts.calls if not scope.module.in_tests else ():
            match analysis.receivers.value(call.callee, scope) if call.arguments or call.keywords else None:
                case Routine(function=function, bound=bound) if not function.module.library:
                    for name, given in pairs(call, function, 1 if bound and function.owner is not None else 0):
                        wanted, got = name.removesuffix("_id"), types.of(given, scope)
                        if name == wanted or wanted not in known or got is None or got == wanted:
                            continue
                        # By name, and where the parameter is said to be one, it is meant so.
                        if (name, given) in call.keywords or types.of(("name", name), function) == got:
                            continue
                        why = f"`{written(given, scope)}` is an id of a {got}, as its type says"
                        note = f"`{function.name}` expects `{name}`"
                        step = Step(function.module.path, function.facts.line, note)
                        yield MixedId(scope, call, given, name, why, (step,))
