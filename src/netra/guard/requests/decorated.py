"""Functions under a decorator that keeps what they give under a key that it is told how to make."""

import re
from collections.abc import Iterator
from string import Formatter
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Decorator, Expression, last_name
from netra.guard.requests.identities import SignedIn, parts
from netra.guard.requests.kept_by_key import KeptByKey
from netra.guard.requests.keyed import Keyed, attributes_read
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine, Step

# By which keywords decorators that keep what a function gives are told the key.
KEYWORDS: Final = frozenset("key key_builder key_func key_fn keyfn make_key cache_key_func key_function key_maker by".split())


# By which keywords they are told which arguments make the key.
LISTING: Final = KEYWORDS | frozenset(
    "vary vary_on vary_by params arguments args on include names keys key_params key_args fields".split()
)
# How decorators are called that keep what a function gives.
CACHING: Final = re.compile(r"cache|memo", re.IGNORECASE)
# Where a call stands whose value is given back at once.
HANDED_ON: Final = (("return",), ("await", ("return",)))


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
            if not makers and CACHING.search(last_name(each.callee) or ""):
                makers = [self._listed(each, scope)]
            for maker in () if makers and self._only_calls(each, scope) else makers:
                left = self._left_out(maker, scope)
                if left is None:
                    continue
                name = last_name(each.callee) or ""
                step = Step(
                    scope.module.path, each.line, f"`{name}` keeps what `{scope.name}` gives under the key that it is told"
                )
                yield KeptByKey(scope, each.line, 0, each.line, scope.name, maker, maker, step), *left

    def _only_calls(self, decorator: Decorator, scope: FunctionSymbol) -> bool:
        """A decorator of the program that hands on at once what the function gives, and keeps the key alone: to warn once."""
        match self._analysis.receivers.value(decorator.callee, scope.parent or scope):
            case Routine(function=made) if not made.module.library:
                called = [*_calls_of_given(made, frozenset())]
                return bool(called) and all(_is_given_back(within) and call.where in HANDED_ON for within, call in called)
        return False

    @staticmethod
    def _listed(decorator: Decorator, scope: FunctionSymbol) -> Expression:
        """`@cached(30, "page", "folder")`, `@cached(vary=["page"])`: the parameters that make the key, by their names."""
        given = [*decorator.arguments, *(value for name, value in decorator.keywords if name in LISTING)]
        texts = [part for each in given for part in (each[1] if each[0] in ("list", "tuple", "set") else (each,))]
        named = [each[1] for each in texts if each[0] == "string"]
        if named and all(each in scope.parameters for each in named):
            return ("tuple", tuple(("name", each) for each in named))
        return ("none",)

    def _made_by(self, maker: Expression, scope: FunctionSymbol) -> list[Expression] | None:
        """What the key is made of, by the names of the parameters of what is kept: of a lambda, a function, or a template."""
        if maker[0] == "tuple":
            return list(maker[1])
        if maker[0] == "string":
            fields = [name.partition(".")[0].partition("[")[0] for _, name, _, _ in _template(maker[1]) if name]
            known = fields and all(each in scope.parameters for each in fields)
            return [("name", each) for each in fields] if known else []
        function = None
        if maker[0] == "lambda":
            function = scope.module.function(maker[1])
        elif scope.parent is not None:
            match self._analysis.receivers.value(maker, scope.parent):
                case Routine(function=FunctionSymbol() as found) if not found.module.library:
                    function = found
        if function is None or any(each.position in ("arguments", "keywords") for each in function.facts.parameters):
            return None
        names, own = [*function.parameters], [each.name for each in scope.facts.parameters]
        if maker[0] != "lambda" and len(names) == len(own) + 1:
            names = names[1:]  # the function itself comes first: `def by_lesson(function, db, lesson)`
        if len(names) != len(own):
            return None
        told = dict(zip(names, own, strict=True))
        return [_renamed(part, told) for each in function.facts.returned for part in parts(each.value, function)]

    def _left_out(self, maker: Expression, scope: FunctionSymbol) -> tuple[str, Step] | None:
        """Whose what a function gives is, where the key that is made of its arguments leaves that out."""
        if maker[0] not in ("lambda", "string", "name", "attribute", "tuple") or scope.parent is None:
            return None
        if (named := self._made_by(maker, scope)) is None:
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


def _calls_of_given(around: FunctionSymbol, given: frozenset[str]) -> Iterator[tuple[FunctionSymbol, CallSite]]:
    """Where functions that stand in this one call what it, or one between, is given: `return function(*args)`."""
    given |= around.parameters.keys()
    for each in around.children:
        named = given - each.bound
        yield from ((each, call) for call in each.facts.calls if call.callee[0] == "name" and call.callee[1] in named)
        yield from _calls_of_given(each, given)


def _is_given_back(function: FunctionSymbol) -> bool:
    """The function around it gives it as it is, under `wraps` at most: no other cache has it, and calls it when it wants."""
    around, name = function.parent, ("name", function.name)
    if around is None or not function.decorator_names <= {"wraps"}:
        return False
    for each in around.facts.returned:
        call = around.facts.calls[each.value[1]] if each.value[0] == "call" else None
        if each.value == name or (call is not None and last_name(call.callee) == "cast" and name in call.arguments):
            return True
    return False


def _template(text: str) -> list[tuple[str, str | None, str | None, str | None]]:
    """The parts of `"loans:{reader}:{page}"`; none of what is no template."""
    try:
        return list(Formatter().parse(text))
    except ValueError:
        return []


def _renamed(part: Expression, told: dict[str, str]) -> Expression:
    match part:
        case ("name", str(name)):
            return ("name", told.get(name, name))
        case ("attribute", inner, name):
            return ("attribute", _renamed(inner, told), name)
    return part
