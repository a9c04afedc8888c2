"""Functions under a decorator that keeps what they give under a key that it is told how to make."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import LAMBDA, Expression, last_name
from netra.guard.meaning.expressions import within
from netra.guard.requests.identities import SignedIn
from netra.guard.requests.keyed import KeptByKey, Keyed, attributes_read
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step

# By which keywords decorators that keep what a function gives are told the key.
KEYWORDS: Final = frozenset("key key_builder key_func key_fn keyfn make_key cache_key_func key_function key_maker by".split())


class Decorated:
    """Answers whose what a function gives is, where the key leaves that out; use `analysis.once(Decorated)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._keyed = analysis.once(Keyed)
        self._identities = analysis.once(SignedIn)

    def for_everybody(self) -> Iterator[tuple[KeptByKey, str, Step]]:
        """What is kept, whose it is, and where that is found out."""
        for scope in self._analysis.scopes:
            if scope.facts.decorators and not scope.module.in_tests:
                yield from self._decorated(scope)

    def _decorated(self, scope: FunctionSymbol) -> Iterator[tuple[KeptByKey, str, Step]]:
        """`@memo(key=lambda self, folder: folder)` on a method that reads `self.account`."""
        for each in scope.facts.decorators:
            makers = [value for name, value in each.keywords if name in KEYWORDS]
            makers += [value for value in each.arguments if value[0] == "lambda"]
            for maker in makers:
                left = self._left_out(maker, scope)
                if left is None:
                    continue
                name = last_name(each.callee) or ""
                step = Step(
                    scope.module.path, each.line, f"`{name}` keeps what `{scope.name}` gives under the key that it is told"
                )
                yield KeptByKey(scope, each.line, 0, each.line, scope.name, maker, maker, step), *left

    def _left_out(self, maker: Expression, scope: FunctionSymbol) -> tuple[str, Step] | None:
        """Whose what a function gives is, where the key that is made of its arguments leaves that out."""
        around = scope.parent
        named: list[Expression] = []
        if maker[0] == "lambda":
            function = scope.module.function(maker[1])
            if any(each.position in ("arguments", "keywords") for each in function.facts.parameters):
                return None
            if len(function.facts.parameters) != len(scope.facts.parameters):
                return None
            told = dict(zip(function.parameters, (each.name for each in scope.facts.parameters), strict=True))
            if function.facts.sort != LAMBDA:
                return None
            for returned in function.facts.returned:
                named += [_renamed(part, told) for part in within(returned.value, function)]
        elif maker[0] != "string" or around is None:
            return None
        for each in scope.facts.parameters:
            if ("name", each.name) in named or each.name not in scope.facts.loads or each.name == "self":
                continue
            if (step := self._keyed.somebody(("name", each.name), scope)) is not None:
                return each.name, step
        for name in attributes_read(scope):
            read = ("attribute", ("name", "self"), name)
            if scope.owner is not None and read not in named and ("call",) not in named:
                if ("name", "self") in named and not any(part[:2] == ("attribute", ("name", "self")) for part in named):
                    continue  # the object itself is in the key
                if (step := self._identities.of(read, scope) or self._keyed.own_of(scope.owner, name)) is not None:
                    return f"self.{name}", step
        return None


def _renamed(part: Expression, told: dict[str, str]) -> Expression:
    match part:
        case ("name", str(name)):
            return ("name", told.get(name, name))
        case ("attribute", inner, name):
            return ("attribute", _renamed(inner, told), name)
    return part
