"""S129."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import within
from netra.guard.requests.brought import Origin
from netra.guard.requests.origins import Origins
from netra.guard.requests.serving import Serving
from netra.guard.requests.sharing import Sharing
from netra.guard.requests.whose import CREDENTIALS
from netra.guard.requests.words import OF_A_USER
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step

# What takes any one of those that lie there, without a key.
TAKING: Final = ("pop", "popleft", "get_nowait", "get")
WAITING: Final = frozenset({"block", "timeout", "last"})
GIVING_BACK: Final = ("append", "appendleft", "add", "put", "put_nowait")


@rule("S129", "handed-to-the-next")
def handed_to_the_next(analysis: Analysis) -> Iterator[Sighting]:
    """A pool hands out whatever is free, and makes what it has not for the user who asks: the next user gets what is theirs.

    ```python
    class Clients:
        async def take(self, user: User) -> Client:
            if self.free:
                return self.free.pop()  # S129
            return await connect(user.id, token=user.token)
    ```

    Keep a pool for each user (`self.free[user.id].pop()`), or make what is pooled for nobody and tell it with each call for
    whom. Reported is what is taken without a key out of a list or a queue of the process, into which it is given back, in a
    function that makes the same anew with a user or what that user signs in with. What is told afterwards whose it is now
    (`client.use(user.token)`) is left alone.
    """
    sharing, origins = analysis.once(Sharing), analysis.once(Origins)
    given_back = {call.callee[1][-1] for _, _, call in analysis.calls_of(*GIVING_BACK) if call.callee[0] == "attribute"}
    for scope, index, call in analysis.calls_of(*TAKING):
        if call.callee[0] != "attribute" or call.callee[1][-1] not in given_back or not _takes_any(call):
            continue
        if scope not in analysis.once(Serving) or (slot := sharing.slot(call.callee[1], scope)) is None:
            continue
        beside = _beside(("call", index), scope)
        made = ((each, origin) for each in beside if (origin := _whose(each, scope, origins, call.line)) is not None)
        anew, origin = next(made, (None, None))
        if anew is None or origin is None or _is_told(("call", index), scope, origins):
            continue
        message = f"`{slot.name}` is one pool for all, and what lies in it was made for somebody (`{origin.name}`)"
        line = scope.facts.calls[anew[1]].line if anew[0] == "call" else call.line
        step = Step(scope.module.path, line, "what is not there is made for whoever asks")
        why = (step, *origin.steps, slot.step, *analysis.once(Serving).way(scope))
        yield Sighting(scope, call.line, call.column, call.end_line, message, why, Mend("keep a pool for each user"))


def _takes_any(call: CallSite) -> bool:
    """`pop()`, `pop(0)`, `get(timeout=3)`: whatever is there. `objects.get(pk=1)` asks for one."""
    if any(name not in WAITING for name, _ in call.keywords):
        return False
    return not call.arguments or (call.callee[2] == "pop" and call.arguments[0][0] in ("constant", "operator"))


def _alike(scope: FunctionSymbol) -> Iterator[list[Expression]]:
    """What ends in the same place each: what is returned, and what one local name is given."""
    yield [part for each in scope.facts.returned if each.how == "return" for part in _chosen(each.value)]
    for given in scope.assigned.values():
        yield [part for each in given if each.how == "=" and each.target[0] == "name" for part in _chosen(each.value)]


def _chosen(expression: Expression) -> Iterator[Expression]:
    match expression:
        case ("choice", parts):
            for each in parts:
                yield from _chosen(each)
        case ("await", inner):
            yield from _chosen(inner)
        case _:
            yield expression


def _beside(taken: Expression, scope: FunctionSymbol) -> list[Expression]:
    """The other calls whose results end where what is taken does."""
    found: list[Expression] = []
    for places in _alike(scope):
        if taken in places:
            found += [each for each in places if each != taken and each[0] in ("call", "dict")]
    return found


def _whose(made: Expression, scope: FunctionSymbol, origins: Origins, line: int) -> Origin | None:
    """The user of whom something is made, or what that user signs in with: `Client(token=user.token)`."""
    for part in within(made, scope):
        if part[0] not in ("name", "attribute"):
            continue
        owner = part[1] if part[0] == "attribute" else part
        named = last_name(owner) in OF_A_USER or (last_name(part) in CREDENTIALS and part[1] in scope.parameters)
        if named and (origin := origins.of(part, scope, line)) is not None:
            return origin
    return None


def _is_told(taken: Expression, scope: FunctionSymbol, origins: Origins) -> bool:
    """Something of who asks is given to what was taken, or to a call with it."""
    names = {each.target for each in scope.facts.assignments if taken in [*_chosen(each.value)]}
    for call in scope.facts.calls:
        concerned = not names.isdisjoint((call.callee[1],) if call.callee[0] == "attribute" else ())
        concerned = concerned or not names.isdisjoint(call.given)
        told = (origins.of(each, scope, call.line) for each in call.given if each not in names) if concerned else ()
        if any(each is not None and each.personal for each in told):
            return True
    return any(each.target[0] == "attribute" and each.target[1] in names for each in scope.facts.assignments)
