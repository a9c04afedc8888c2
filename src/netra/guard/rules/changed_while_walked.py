"""S109."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.facts import Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.requests.interleaving import Interleaving
from netra.guard.requests.serving import Serving
from netra.guard.requests.sharing import Sharing, Touched
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step

VIEWS = frozenset("items keys values".split())


@rule("S109", "changed-while-walked", default=False)
def changed_while_walked(analysis: Analysis) -> Iterator[Sighting]:
    """A loop over something shared awaits in its body, and another request adds to it or takes from it meanwhile.

    A dictionary or set that changes while somebody walks through it ends the walk with `RuntimeError: … changed size during
    iteration`. A list does not complain: it leaves out the one behind the one that was removed.

    ```python
    async def broadcast(text):
        for socket in sockets:  # S109: `sockets.discard(…)` runs when somebody hangs up
            await socket.send_text(text)
    ```

    Walk through a copy: `for socket in list(sockets)`.
    """
    sharing = analysis.once(Sharing)
    interleaving = analysis.once(Interleaving)
    serving = analysis.once(Serving)
    for scope in sharing.served:
        if not scope.facts.asynchronous:
            continue
        for block in scope.facts.blocks:
            if block.what != "loop" or interleaving.locked(scope, block.line):
                continue
            walked = _walked(block.expressions[0], scope)
            slot = None if walked is None else sharing.slot(walked, scope)
            pause = None if slot is None else interleaving.between(scope, block.head, block.end_line)
            if slot is None or pause is None or _leaves(scope, pause.end_line, block.end_line):
                continue
            change = next((each for each in sharing.changes.get(slot.key, ()) if _is_elsewhere(each, scope)), None)
            if change is None or interleaving.locked(change.scope, change.line):
                continue
            message = f"`{slot.name}` is walked through over an `await`, and `{change.scope.facts.qualified}` changes it"
            why = (
                slot.step,
                *serving.way(scope),
                Step(scope.module.path, pause.line, "others may run here, in the middle of the loop"),
                Step(change.scope.module.path, change.line, f"`{change.scope.facts.qualified}` {change.what}"),
                *serving.way(change.scope)[:1],
            )
            mend = Mend("walk through a copy: `list(…)`")
            yield Sighting(scope, block.head, 0, block.head, message, why, mend)


def _walked(expression: Expression, scope: FunctionSymbol) -> Expression | None:
    """What a loop walks through without copying it: the thing itself, or one of its views."""
    match expression:
        case ("name" | "attribute", *_):
            return expression
        case ("call", int(index)):
            call = scope.facts.calls[index]
            if last_name(call.callee) in VIEWS and call.callee[0] == "attribute" and not call.arguments:
                inner: Expression = call.callee[1]
                return inner
            if call.callee == ("name", "enumerate") and call.arguments:
                return _walked(call.arguments[0], scope)
    return None


def _leaves(scope: FunctionSymbol, after: int, end: int) -> bool:
    """Behind the pause the loop is left, so that the walk does not go on."""
    lines = [*scope.facts.raises, *(each.line for each in scope.facts.returned if each.how == "return")]
    lines += [line for how, line in scope.facts.jumps if how != "continue"]
    return any(after <= line <= end for line in lines)


def _is_elsewhere(change: Touched, scope: FunctionSymbol) -> bool:
    return change.scope is not scope
