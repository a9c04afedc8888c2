"""Which writes of the environment undo an earlier one: in the same function, or in one that ends what the other has begun.

os.environ["ZONE"] = zone
try: ...
finally: os.environ.pop("ZONE")

`__exit__` ends what `__enter__` begins, the part behind the `yield` of a generator what stands before, and what a `finally`
calls what was called above it.
"""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.asked import call_of
from netra.guard.environment import Access, Touch, accesses
from netra.guard.facts import ASYNC, last_name
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine

ENDING: Final = {"__enter__": "__exit__", "__aenter__": "__aexit__"}

# They take something out.
TAKING: Final = frozenset({"pop", "popitem", "unsetenv", "clear", "__delitem__"})


class PutBack:
    """Answers about all writes of a program; use `analysis.once(PutBack)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._writes: dict[FunctionSymbol, list[Access]] = {}
        self._read: dict[FunctionSymbol, list[Access]] = {}
        for each in analysis.once(accesses):
            if each.touch in (Touch.WRITE, Touch.READ):
                (self._writes if each.touch is Touch.WRITE else self._read).setdefault(each.scope, []).append(each)
        self._names = frozenset(each.name for each in self._writes)
        self._repairs = {scope: self._of(scope) for scope in self._writes}
        self._all = frozenset((each.scope, each.line, each.column) for found in self._repairs.values() for each in found)

    def writes(self, scope: FunctionSymbol) -> list[Access]:
        """All writes of a function."""
        return self._writes.get(scope, [])

    def repairs(self, scope: FunctionSymbol) -> list[Access]:
        """The writes that put back what a function has written, and which may stand in another one."""
        return self._repairs.get(scope, [])

    def is_repair(self, access: Access) -> bool:
        """It stands in a `finally`, or puts back what is written elsewhere."""
        return is_in_finally(access) or (access.scope, access.line, access.column) in self._all

    def _of(self, scope: FunctionSymbol) -> list[Access]:
        writes = self._writes[scope]
        here = [each for each in writes if is_in_finally(each)]
        if not here and scope.facts.yields:
            pauses = [each.line for each in scope.facts.returned if each.how == "yield"]
            here = [each for each in writes if each.line > max(pauses)]
            here = here if any(each.line < min(pauses) for each in writes) else []
        here = here or [each for each in writes if self._undoes_above(each)]
        return here or [*dict.fromkeys(self._elsewhere(scope))]

    def _undoes_above(self, access: Access) -> bool:
        """What the function has written above is taken away, or gets the value that was there before, after something else."""
        scope, facts = access.scope, access.scope.facts
        above = [each for each in self._writes[scope] if each.line < access.line and each.variable == access.variable]
        if not access.variable or not above or is_taking(above[0]) or _is_other_way(access, above[0]):
            return False
        first = above[0].line
        meanwhile = [line for _, line, _, _ in facts.awaits] if facts.sort == ASYNC else [each.line for each in facts.calls]
        if not any(first < line < access.line for line in meanwhile):
            return False  # nobody else runs in between
        if is_taking(access):
            return True
        read = {
            one.target
            for each in self._read.get(scope, ())
            for one in scope.assignments_on.get(each.line, ())
            if each.variable == access.variable and each.line < first
        }
        return any(each.value in read for each in scope.assignments_on.get(access.line, ()))

    def _elsewhere(self, scope: FunctionSymbol) -> Iterator[Access]:
        """What is put back by the method that ends a `with`, or by what is called in a `finally` of who calls the function."""
        kind, ending = scope.object_of, ENDING.get(scope.name)
        if kind is not None and ending is not None:
            for method in kind.methods.get(ending, ()):
                yield from self._writes.get(method, ())
                yield from self._called(method, 0, method.facts.end_line, scope)
        for caller, line in self._analysis.reach.callers(scope):
            if caller.module.in_tests:
                continue
            for each in caller.facts.blocks:
                if each.what == "finally" and each.line > line:
                    yield from self._called(caller, each.line, each.end_line, scope)
            pauses = [each.line for each in caller.facts.returned if each.how == "yield" and each.line > line]
            if pauses:
                yield from self._called(caller, max(pauses), caller.facts.end_line, scope)
            if (above := caller.object_of) is not None and (ending := ENDING.get(caller.name)) is not None:
                for method in above.methods.get(ending, ()):
                    yield from self._writes.get(method, ())
                    yield from self._called(method, 0, method.facts.end_line, scope)

    def _called(self, scope: FunctionSymbol, first: int, last: int, but: FunctionSymbol) -> Iterator[Access]:
        """What is written by the functions that are called between two lines."""
        for call in scope.facts.calls:
            if first <= call.line <= last and last_name(call.callee) in self._names:
                match self._analysis.receivers.value(call.callee, scope):
                    case Routine(function=function) if function is not but:
                        yield from self._writes.get(function, ())


def is_taking(access: Access) -> bool:
    """It takes a variable away."""
    call = call_of(access.scope, access.mention)
    if call is not None:
        return last_name(call.callee) in TAKING
    return any(each.how == "delete" for each in access.scope.assignments_on.get(access.line, ()))


def is_in_finally(access: Access) -> bool:
    """It stands in a `finally`."""
    blocks = access.scope.facts.blocks
    return any(each.what == "finally" and each.line <= access.line <= each.end_line for each in blocks)


def _is_other_way(access: Access, first: Access) -> bool:
    """`if value: os.environ["KEY"] = value`, `else: os.environ.pop("KEY")`: one or the other is done."""
    blocks = access.scope.facts.blocks
    inside = [each for each in blocks if each.what in ("if", "else", "handler") and each.line <= first.line <= each.end_line]
    return any(not each.line <= access.line <= each.end_line for each in inside)
