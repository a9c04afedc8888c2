"""A113."""

from collections.abc import Iterator, Mapping

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, TOP, Block, CallSite, Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.contexts import written
from netra.guard.meaning.expressions import within
from netra.guard.meaning.reaching import Known, is_shut, known_of, left, passed
from netra.guard.program import ClassSymbol, FunctionSymbol, VariableSymbol
from netra.guard.rule import rule
from netra.guard.values import Instance, Routine, Step

# Locks that their own holder cannot take again.
EXCLUSIVE = frozenset({"asyncio.Lock", "anyio.Lock", "threading.Lock"})
# Beside classes, what gives an object and never None.
MAKING = frozenset({"new_event_loop", "get_running_loop"})

FURTHEST = 3


@rule("A113", "lock-taken-twice")
def lock_taken_twice(analysis: Analysis) -> Iterator[Sighting]:
    """A function that holds a lock calls one that takes the same lock, and waits for itself for ever.

    Neither `asyncio.Lock` nor `threading.Lock` can be taken twice by its holder. Guard follows calls three deep: those on
    `self` for a lock of the object, and any for a lock of a module; not into a branch that a constant of the call may shut, or
    one for None where it passes an object that was just made.

    ```python
    async def refresh(self):
        async with self._lock:
            await self.load()  # A113: `load` takes `self._lock`, too
    ```

    Take the lock in the outer one only, and let both call a third that expects it to be held.
    """
    for scope in analysis.scopes:
        for block in scope.facts.blocks:
            lock = _lock(analysis, scope, block)
            if lock is None:
                continue
            for call in scope.facts.calls:
                if not block.line <= call.line <= block.end_line or call.where[0] == "argument":
                    continue
                steps = _takes(analysis, scope, call, lock, FURTHEST, frozenset(), {})
                if steps:
                    held = Step(scope.module.path, block.head, f"`{scope.name}` holds `{_named(lock)}`")
                    yield Sighting(
                        scope,
                        call.line,
                        call.column,
                        call.end_line,
                        f"`{written(call.callee, scope)}(…)` takes `{_named(lock)}`, which is held here: it never returns",
                        (held, *steps),
                        Mend("take the lock in one of the two only"),
                    )


def _lock(analysis: Analysis, scope: FunctionSymbol, block: Block) -> str | VariableSymbol | None:
    """The attribute of `self`, or the name of a module, that a block holds, when it is a lock that cannot be taken twice."""
    if block.what not in ("with", "with async"):
        return None
    held = block.expressions[0]
    found: str | VariableSymbol | None = None
    match held:
        case ("attribute", ("name", "self"), str(name)) if scope.owner is not None:
            found = name
        case ("name" | "attribute", *_):
            match analysis.program.evaluate(held, scope):
                case VariableSymbol(scope=where) as variable if where.facts.sort == TOP:
                    found = variable
    match None if found is None else analysis.receivers.value(held, scope):
        case Instance(kind=ClassSymbol() as kind) if kind.full_name in EXCLUSIVE:
            return found
    return None


def _named(lock: str | VariableSymbol) -> str:
    return f"self.{lock}" if isinstance(lock, str) else lock.name


def _takes(
    analysis: Analysis,
    scope: FunctionSymbol,
    call: CallSite,
    lock: str | VariableSymbol,
    depth: int,
    decided: frozenset[str],
    known: Mapping[str, Known],
) -> tuple[Step, ...]:
    """The way from a call to a block that takes the lock; to that of an object, by calls on `self` only.

    `decided`: the parameters of `scope` that stand for a constant of its callers; `known`: what is known of them.
    """
    match call.callee:
        case ("attribute", ("name", "self"), str(name)) if name != lock:
            pass
        case ("name" | "attribute", *_) if not isinstance(lock, str):
            pass
        case _:
            return ()
    match analysis.receivers.value(call.callee, scope):
        case Routine(function=function, bound=bound) if not function.module.library and function is not scope:
            if function.facts.sort == ASYNC and call.where[0] != "await":
                return ()
            settled = _decided(function, call, decided)
            given = _known(function, call, scope, known, bound=bound)
            for block in function.facts.blocks:
                if _lock(analysis, function, block) == lock:
                    if any(each.how == "return" and each.line < block.line for each in function.facts.returned) or any(
                        what == "return" and line < block.line for what, line in function.facts.jumps
                    ):
                        return ()  # it may leave before, because of what its caller has done
                    if _depends(function, block.line, settled) or is_shut(function, block.line, given):
                        return ()
                    note = f"`{function.name}` takes `{_named(lock)}`"
                    return (Step(function.module.path, block.head, note),)
            if depth > 1:
                for each in function.facts.calls:
                    if each.where[0] == "argument" or _depends(function, each.line, settled):
                        continue  # a task of its own, which waits until the lock is free; or a way that may be shut
                    if is_shut(function, each.line, given):
                        continue
                    below = _takes(analysis, function, each, lock, depth - 1, settled, given)
                    if below:
                        note = f"`{function.name}` calls `{written(each.callee, function)}`"
                        return (Step(function.module.path, each.line, note), *below)
    return ()


def _decided(function: FunctionSymbol, call: CallSite, decided: frozenset[str]) -> frozenset[str]:
    """The parameters of a function for which a call gives a constant, hands on one, or leaves the default."""
    shift = 1 if function.owner is not None else 0
    given = {
        function.facts.parameters[position + shift].name: value
        for position, value in enumerate(call.arguments)
        if position + shift < len(function.facts.parameters)
    } | dict(call.keywords)
    found = set()
    for each in function.facts.parameters:
        value = given.get(each.name, each.default)
        if value is not None and (value[0] in ("constant", "none") or (value[0] == "name" and value[1] in decided)):
            found.add(each.name)
    return frozenset(found)


def _known(
    function: FunctionSymbol, call: CallSite, scope: FunctionSymbol, known: Mapping[str, Known], *, bound: bool
) -> dict[str, Known]:
    """What is known of the parameters of a function by what a call passes: a literal, or an object that was just made."""
    given = passed(function, call, bound=bound)
    if given is None:
        return {}
    found = left(each for each in function.facts.parameters if given[each.name] is None)
    for name, value in given.items():
        of = None if value is None else known_of(value)
        if value is not None and of is None and value[0] == "name":
            of = known.get(value[1]) if value[1] in scope.parameters else None
            of = Known.OBJECT if _is_just_made(scope, value[1], call.line) else of
        if of is not None:
            found[name] = of
    return found


def _is_just_made(scope: FunctionSymbol, name: str, line: int) -> bool:
    """The last thing that a name was given before a line, on every way there, is an object."""
    before = [each for each in scope.assigned.get(name, ()) if each.line < line]
    if not before:
        return False
    last = max(before, key=lambda each: each.line)
    if last.how != "=" or last.value[0] != "call":
        return False
    around = [each for each in scope.facts.blocks if each.line <= last.line <= each.end_line]
    made = last_name(scope.facts.calls[last.value[1]].callee) or ""
    return all(each.line <= line <= each.end_line for each in around) and (made[:1].isupper() or made in MAKING)


def _depends(function: FunctionSymbol, line: int, decided: frozenset[str]) -> bool:
    """Whether a line is reached is for one of these parameters to say: a branch, or a test above that may leave."""
    leaving = [*function.facts.raises, *(at for how, at in function.facts.jumps if how == "return")]
    for block in function.facts.blocks:
        if block.what in ("if", "else") and any(_mentions(each, function, decided) for each in block.expressions):
            if block.line <= line <= block.end_line:
                return True
            if block.end_line < line and any(block.line <= at <= block.end_line for at in leaving):
                return True
    return False


def _mentions(test: Expression, function: FunctionSymbol, names: frozenset[str]) -> bool:
    return any(part[0] == "name" and part[1] in names for part in within(test, function))
