"""Functions that are told a key and what makes the value, look under the key, and keep there what they have made.

async def remember(self, key, produce):
    if (hit := await self.redis.get(key)) is not None:
        return hit
    value = await produce()
    await self.redis.set(key, value)
    return value

Whose the value is, and whether the key says so, only those who call them can tell.
"""

from collections.abc import Iterator
from typing import NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Expression
from netra.guard.lazily import lazily
from netra.guard.meaning.expressions import within
from netra.guard.requests.kept_by_key import PlacesByKey
from netra.guard.requests.keys import leaves
from netra.guard.requests.passing import pairs
from netra.guard.requests.serving import RUNNERS
from netra.guard.requests.sharing import Sharing
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine, Step


class Memo(NamedTuple):
    """Such a function, with the names of the two parameters."""

    function: FunctionSymbol
    key: str
    maker: str
    under: Expression
    """The whole key, in which the function may have put more."""
    place: Expression
    outside: bool
    """The place is a store that all share, whatever object keeps it."""
    step: Step


class MemoCall(NamedTuple):
    """One call of it on a place that is shared."""

    memo: Memo
    scope: FunctionSymbol
    call: CallSite
    key: Expression
    maker: Expression


class Memos:
    """Answers who lets others keep what is made; use `analysis.once(Memos)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._sharing = analysis.once(Sharing)
        self._places = PlacesByKey(self._sharing)

    def calls(self) -> Iterator[MemoCall]:
        """The calls, while somebody is served, with what they pass."""
        served = frozenset(self._sharing.served) if self._known else frozenset()
        for memo in self._known:
            function = memo.function
            for caller, index in self._analysis.program.calls_named.get(function.name, ()):
                call = caller.facts.calls[index]
                if caller not in served:
                    continue
                match self._analysis.receivers.value(call.callee, caller):
                    case Routine(function=found, bound=bound) if found is function:
                        given = dict(pairs(call, function, 1 if bound and function.owner is not None else 0))
                    case _:
                        continue
                if memo.key in given and memo.maker in given and self._is_shared(memo, call, caller):
                    yield MemoCall(memo, caller, call, given[memo.key], given[memo.maker])

    def _is_shared(self, memo: Memo, call: CallSite, caller: FunctionSymbol) -> bool:
        if memo.outside or self._sharing.slot(memo.place, memo.function) is not None:
            return True
        own = memo.place[0] == "attribute" and memo.place[1] == ("name", "self") and call.callee[0] == "attribute"
        return own and self._sharing.slot(("attribute", call.callee[1], memo.place[2]), caller) is not None

    @lazily
    def _known(self) -> tuple[Memo, ...]:
        named = self._analysis.program.calls_named
        running = {scope for name in RUNNERS for scope, _ in named.get(name, ())}
        several = (each for each in self._analysis.scopes if len(each.facts.parameters) > 1 and not each.module.in_tests)
        # Few parameters are called as something that is called anywhere.
        calling = (each for each in several if each in running or not named.keys().isdisjoint(each.parameters))
        return tuple(memo for scope in calling if (makers := _makers(scope)) for memo in self._of(scope, makers))

    def _of(self, scope: FunctionSymbol, makers: list[str]) -> Iterator[Memo]:
        for kept in self._places.anywhere(scope):
            told = [
                part[1]
                for part in leaves(kept.key, scope)
                if part[0] == "name" and part[1] in scope.parameters and part[1] not in makers
            ]
            if len(told) == 1:
                yield Memo(
                    scope, told[0], makers[0], kept.key, kept.place, self._places.is_of_all(kept.place, scope), kept.step
                )
                return


def _makers(scope: FunctionSymbol) -> list[str]:
    """The parameters that a function calls, or lets a thread call."""
    found = [each.callee[1] for each in scope.facts.calls if each.callee[0] == "name"]
    for call in scope.facts.calls:
        if call.callee[-1] in RUNNERS:
            found += [part[1] for given in call.arguments for part in within(given, scope) if part[0] == "name"]
    return [each for each in dict.fromkeys(found) if each in scope.parameters and each not in ("self", "cls")]
