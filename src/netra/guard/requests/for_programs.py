"""Routes that only programs reach: what runs before them compares a key that the whole server has, and sends others away.

@internal.before_request
def verify():
    if not compare_digest(request.headers.get("X-Key", ""), settings.KEY):
        return {"error": "unauthorized"}, 401  # a worker says for whom it works, and nobody is signed in here
"""

import re
from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import NOTHING, Expression, last_name
from netra.guard.lazily import lazily
from netra.guard.meaning.expressions import comparisons
from netra.guard.requests.identities import SignedIn
from netra.guard.symbols import FunctionSymbol, VariableSymbol
from netra.guard.values import Routine

# How functions are called that let programs in, and by what keys are compared.
_OF_PROGRAMS: Final = re.compile(r"internal|service|webhook|signature|machine|hmac")
_COMPARING: Final = "compare_digest"
_HOOK: Final = "before_request"
_DEPENDING: Final = frozenset({"Depends", "Security"})
_REFUSING: Final = ("Unauthori", "Forbidden", "HTTPException", "abort", "PermissionDenied", "NotAuth")


class ForPrograms:
    """Answers whether only programs reach a route; use `analysis.once(ForPrograms)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._identities = analysis.once(SignedIn)

    def reach(self, scope: FunctionSymbol) -> bool:
        """A hook of its blueprint, or a dependency of it or its router, lets only those in who know the key."""
        return any(self._asks_for_key(each) for each in self._before(scope))

    def _asks_for_key(self, function: FunctionSymbol) -> bool:
        facts = function.facts
        compares = any(last_name(call.callee) == _COMPARING for call in facts.calls)
        if not compares and not (_OF_PROGRAMS.search(function.name.lower()) and _holds_against(function)):
            return False
        if self._identities.proves(function):
            return False
        # What a hook gives is the answer; a dependency has to raise.
        hook = any(last_name(each.callee) == _HOOK for each in facts.decorators)
        answers = hook and any(each.value != NOTHING for each in facts.returned)
        refuses = any((last_name(each.callee) or "").startswith(_REFUSING) for each in facts.calls)
        return bool(facts.raises) or answers or refuses

    def _before(self, scope: FunctionSymbol) -> Iterator[FunctionSymbol]:
        around = scope.parent
        for decorator in scope.facts.decorators if around is not None else ():
            yield from self._depended_on(dict(decorator.keywords).get("dependencies"), around or scope)
            router = decorator.callee[1] if decorator.callee[0] == "attribute" else NOTHING
            match self._analysis.program.evaluate(router, around or scope) if router[0] == "name" else None:
                case VariableSymbol(scope=at, name=name):
                    yield from self._hooks.get((at, name), ())
                    for each in at.assigned.get(name, ()):
                        if each.value[0] == "call":
                            told = dict(at.facts.calls[each.value[1]].keywords).get("dependencies")
                            yield from self._depended_on(told, at)

    def _depended_on(self, told: Expression | None, scope: FunctionSymbol) -> Iterator[FunctionSymbol]:
        """`dependencies=[Depends(verify_service_key)]`."""
        for each in told[1] if told is not None and told[0] in ("list", "tuple") else ():
            call = scope.facts.calls[each[1]] if each[0] == "call" else None
            if call is None or last_name(call.callee) not in _DEPENDING or not call.arguments:
                continue
            match self._analysis.receivers.value(call.arguments[0], scope):
                case Routine(function=function) if not function.module.library:
                    yield function

    @lazily
    def _hooks(self) -> dict[tuple[FunctionSymbol, str], list[FunctionSymbol]]:
        """What runs before the routes of a blueprint, by the variable that holds it."""
        found: dict[tuple[FunctionSymbol, str], list[FunctionSymbol]] = {}
        for scope in self._analysis.scopes:
            for each in scope.facts.decorators if scope.parent is not None else ():
                if each.callee[0] == "attribute" and each.callee[2] == _HOOK and each.callee[1][0] == "name":
                    match self._analysis.program.evaluate(each.callee[1], scope.parent or scope):
                        case VariableSymbol(scope=at, name=name):
                            found.setdefault((at, name), []).append(scope)
        return found


def _holds_against(function: FunctionSymbol) -> bool:
    """A test of it asks whether two things are the same, none of which is written down: `given != settings.key`."""
    tests = (test for block in function.facts.blocks if block.what == "if" for test in block.expressions)
    return any(
        operators in (("Eq",), ("NotEq",)) and all(part[0] not in ("string", "constant", "none") for part in parts)
        for test in tests
        for parts, operators in comparisons(test)
    )
