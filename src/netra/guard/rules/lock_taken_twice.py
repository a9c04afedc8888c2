"""A113."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.facts import Block, Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.contexts import written
from netra.guard.program import ClassSymbol, FunctionSymbol
from netra.guard.rule import rule
from netra.guard.values import Instance, Routine, Step

# Locks that their own holder cannot take again.
EXCLUSIVE = frozenset({"asyncio.Lock", "anyio.Lock", "threading.Lock"})
FURTHEST = 3


@rule("A113", "lock-taken-twice")
def lock_taken_twice(analysis: Analysis) -> Iterator[Sighting]:
    """A function that holds a lock calls one that takes the same lock, and waits for itself for ever.

    Neither `asyncio.Lock` nor `threading.Lock` can be taken twice by its holder. Guard follows calls on `self` three deep.

    ```python
    async def refresh(self):
        async with self._lock:
            await self.load()  # A113: `load` takes `self._lock`, too
    ```

    Take the lock in the outer method only, and let both call a third that expects it to be held.
    """
    for scope in analysis.scopes:
        if scope.owner is None:
            continue
        for block in scope.facts.blocks:
            lock = _lock(analysis, scope, block)
            if lock is None:
                continue
            for call in scope.facts.calls:
                if not block.line <= call.line <= block.end_line or call.where[0] == "argument":
                    continue
                steps = _takes(analysis, scope, call.callee, lock, FURTHEST)
                if steps:
                    held = Step(scope.module.path, block.line - 1, f"`{scope.name}` holds `self.{lock}`")
                    yield Sighting(
                        scope,
                        call.line,
                        call.column,
                        call.end_line,
                        f"`{written(call.callee, scope)}(…)` takes `self.{lock}`, which is held here: it never returns",
                        (held, *steps),
                        Mend("take the lock in one of the two only"),
                    )


def _lock(analysis: Analysis, scope: FunctionSymbol, block: Block) -> str | None:
    """The attribute of `self` that a block holds, when it is a lock that cannot be taken twice."""
    match block:
        case Block(what="with" | "with async", expressions=(("attribute", ("name", "self"), str(name)) as lock,)):
            match analysis.receivers.value(lock, scope):
                case Instance(kind=ClassSymbol() as kind) if kind.full_name in EXCLUSIVE:
                    return name
    return None


def _takes(analysis: Analysis, scope: FunctionSymbol, callee: Expression, lock: str, depth: int) -> tuple[Step, ...]:
    """The way from a call on `self` to a block that takes the lock."""
    match callee:
        case ("attribute", ("name", "self"), _) if last_name(callee) != lock:
            match analysis.receivers.value(callee, scope):
                case Routine(function=function) if not function.module.library and function is not scope:
                    for block in function.facts.blocks:
                        if _lock(analysis, function, block) == lock:
                            note = f"`{function.name}` takes `self.{lock}`"
                            return (Step(function.module.path, block.line - 1, note),)
                    if depth > 1:
                        for call in function.facts.calls:
                            if call.where[0] == "argument":
                                continue  # a task of its own, which waits until the lock is free
                            below = _takes(analysis, function, call.callee, lock, depth - 1)
                            if below:
                                note = f"`{function.name}` calls `{written(call.callee, function)}`"
                                return (Step(function.module.path, call.line, note), *below)
    return ()
