"""Of an object that nothing else is known of: what is awaited on it once, has to be awaited again."""

from collections.abc import Iterable, Iterator
from typing import Final

from netra.guard.facts import ASYNC, CallSite, Expression, dotted, last_name
from netra.guard.meaning.receivers import Receivers
from netra.guard.program import Program
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Step

# Of an object of unknown class: when one of these is awaited on it, so must be the others.
TRANSACTIONAL: Final = frozenset("commit rollback flush refresh execute".split())

TELLS_APART: Final = frozenset(
    "isawaitable iscoroutine iscoroutinefunction is_async_callable isasyncgen isgenerator is_coroutine is_awaitable".split()
)


def awaited_elsewhere(scope: FunctionSymbol, receivers: Receivers) -> Iterator[tuple[CallSite, Step]]:
    """Each call of a transaction that is dropped, with where the function awaits one of the same object."""
    if scope.facts.sort != ASYNC or tells_kinds_apart(scope):
        return
    dropped = [each for each in scope.facts.calls if each.where == ("statement",) and each.callee[0] == "attribute"]
    if not dropped:
        return
    awaited: dict[str, tuple[str, int]] = {}
    for each in scope.facts.calls:
        if each.where[0] == "await" and (text := dotted(each.callee)):
            receiver, _, method = text.rpartition(".")
            awaited.setdefault(text, (text, each.line))
            if method in TRANSACTIONAL:
                awaited.setdefault(f"{receiver}.*", (text, each.line))
    for call in dropped:
        text = dotted(call.callee)
        if text is None:
            continue
        receiver, _, method = text.rpartition(".")
        # Of other methods one `await` proves little: `bus.dispatch(…)` gives an event that may be awaited, and need not be.
        proof = (awaited.get(text) or awaited.get(f"{receiver}.*")) if method in TRANSACTIONAL else None
        if proof is None or receivers.value(call.callee, scope) is not None:
            continue
        if len(scope.assigned.get(receiver.partition(".")[0], ())) > 1 or _alternatives(scope, call.line, proof[1]):
            continue
        yield call, Step(scope.module.path, proof[1], f"`{proof[0]}(…)` is awaited here, on the same object")


class AwaitedAttributes:
    """Answers what classes await of their attributes."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._awaited: dict[ClassSymbol, dict[Expression, tuple[FunctionSymbol, int]]] = {}

    def proof(self, scope: FunctionSymbol, call: CallSite) -> Step | None:
        """Where the class awaits the same method of the same attribute, and whatever class of the program has one of that
        name, has a coroutine function.
        """
        match call.callee:
            case ("attribute", ("attribute", ("name", "self"), _), str(method)) if scope.facts.sort == ASYNC and scope.owner:
                where, line = next(self._of(scope.owner, call.callee), (None, 0))
                if where is None or not self._program.once(_late_methods).get(method):
                    return None
                if tells_kinds_apart(scope) or is_asked_of(call.callee, scope):
                    return None
                if where is scope and _alternatives(scope, call.line, line):
                    return None
                return Step(where.module.path, line, f"`{dotted(call.callee)}(…)` is awaited here, on the same object")
        return None

    def _of(self, owner: ClassSymbol, callee: Expression) -> Iterator[tuple[FunctionSymbol, int]]:
        for kind in self._program.order(owner)[0]:
            if kind not in self._awaited:
                self._awaited[kind] = {
                    call.callee: (method, call.line)
                    for methods in kind.methods.values()
                    for method in methods
                    if method.facts.sort == ASYNC
                    for call in method.facts.calls
                    if call.where[0] == "await"
                }
            if (found := self._awaited[kind].get(callee)) is not None:
                yield found


def _late_methods(program: Program) -> dict[str, bool]:
    """By the name of each method: whether all classes of the program that have one have a coroutine function."""
    found: dict[str, bool] = {}
    for module in program.own:
        for kind in module.classes if not module.in_tests else ():
            for name, methods in kind.methods.items():
                late = all(each.facts.sort == ASYNC and not each.facts.yields for each in methods)
                found[name] = found.get(name, True) and late
    return found


def tells_kinds_apart(scope: FunctionSymbol) -> bool:
    """The function asks whether something is awaitable, and so is prepared for both."""
    return not TELLS_APART.isdisjoint(scope.called)


def is_asked_of(callee: Expression, scope: FunctionSymbol) -> bool:
    """The function asks of this very callee whether it gives something to await, or what it is: the call stands where it does
    not give that.
    """
    asking = TELLS_APART | {"isinstance"} if callee[0] == "name" else TELLS_APART
    return any(last_name(call.callee) in asking and callee in call.arguments for call in scope.facts.calls)


def _alternatives(scope: FunctionSymbol, one: int, other: int) -> bool:
    """Whether two lines may deal with two kinds of object: in two branches of one test, or where its class was asked for."""
    if one == other:
        return True  # the two arms of a conditional expression
    between = range(min(one, other), max(one, other) + 1)
    asked = (call for call in scope.facts.calls if call.where == ("truth",) and call.line in between)
    if any(last_name(call.callee) in ("isinstance", "hasattr") for call in asked):
        return True
    branches = [each for each in scope.facts.blocks if each.what in ("if", "else")]
    for branch in branches:
        if not branch.line <= one <= branch.end_line:
            continue
        if any(last_name(call.callee) in ("isinstance", "hasattr") for call in _calls_in(branch.expressions, scope)):
            return True
        for against in branches:
            other_way = branch.what != against.what and branch.expressions == against.expressions
            if other_way and against.line <= other <= against.end_line:
                return True
    return False


def _calls_in(expressions: Iterable[Expression], scope: FunctionSymbol) -> Iterator[CallSite]:
    for each in expressions:
        match each:
            case ("call", int(index)):
                yield scope.facts.calls[index]
            case ("choice", parts):
                yield from _calls_in(parts, scope)
            case ("not", inner):
                yield from _calls_in((inner,), scope)
