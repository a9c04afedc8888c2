"""A113."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, TOP, Block, CallSite, Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import within, written
from netra.guard.meaning.guarding import GuardedBy, guarded
from netra.guard.meaning.locked import HELD, gives_one_for_each, held_blocks
from netra.guard.meaning.reaching import GivenValue, is_shut, known_of, left, passed
from netra.guard.rule import rule
from netra.guard.symbols import ClassSymbol, FunctionSymbol, VariableSymbol
from netra.guard.values import Instance, Routine, Step, TypeOf, Value

# Locks that their own holder cannot take again.
# Where the body of a generator, or of what it makes a context manager, is run.
ENTERING = frozenset({"iterate", "iterate async", "with", "with async"})
EXCLUSIVE = frozenset({"asyncio.Lock", "anyio.Lock", "threading.Lock"})
# Beside classes, what gives an object and never None.
MAKING = frozenset({"new_event_loop", "get_running_loop", "connect"})

FURTHEST = 3


ENTERED: Final = frozenset({"asynccontextmanager", "contextmanager"})
TAKING_LOCKS: Final = frozenset("acquire __aenter__ __enter__".split())


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

    A lock that is looked up by a key is the same for the same key: `async with self.lock_of(user):`, and so is what a context
    manager holds that takes it. A decorator of the program may hold it as well, and so does what stands between
    `await lock.acquire()` and `lock.release()`, or under `async with self:`, where an object takes its own lock then.

    Take the lock in the outer one only, and let both call a third that expects it to be held.
    """
    yield from _held_by_decorators(analysis)
    for scope in analysis.scopes:
        for block in held_blocks(scope, analysis.program):
            if block.what not in HELD:
                continue
            lock = _lock(analysis, scope, block)
            if lock is None:
                if (keyed := _keyed(analysis, scope, block)) is not None:
                    yield from _taken_by_key(analysis, scope, block, keyed)
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
        case ("name", "self") if scope.owner is not None:
            return _lock_of_itself(analysis, scope.owner, late=block.what == "with async")
        case ("attribute", ("name", "self"), str(name)) if scope.owner is not None:
            found = name
        case ("call", int(index)):
            return _lock_at_yield(analysis, scope, scope.facts.calls[index])
        case ("name" | "attribute", *_):
            match analysis.program.evaluate(held, scope):
                case VariableSymbol(scope=where) as variable if where.facts.sort == TOP:
                    found = variable
    match None if found is None else analysis.receivers.value(held, scope):
        case Instance(kind=ClassSymbol() as kind) if kind.full_name in EXCLUSIVE:
            return found
    return None


def _lock_at_yield(analysis: Analysis, scope: FunctionSymbol, call: CallSite) -> str | VariableSymbol | None:
    """What the context manager of `async with self.editing():` holds while the block runs."""
    if call.callee[:2] != ("attribute", ("name", "self")):
        return None
    match analysis.receivers.value(call.callee, scope):
        case Routine(function=function) if ENTERED & function.decorator_names and function is not scope:
            lines = [each.line for each in function.facts.returned if each.how == "yield"]
            around = [
                each for each in function.facts.blocks if lines and all(each.line <= line <= each.end_line for line in lines)
            ]
            held = (_lock(analysis, function, each) for each in around if each.what in HELD)
            return next((each for each in held if each is not None), None)
    return None


def _lock_of_itself(analysis: Analysis, kind: ClassSymbol, *, late: bool) -> str | None:
    """The attribute of `async with self:`, where entering the object does nothing else than to take it."""
    name = "__aenter__" if late else "__enter__"
    entering = next((each.methods[name] for each in analysis.program.order(kind)[0] if name in each.methods), [])
    if len(entering) != 1 or entering[0].facts.decorators:
        return None
    taken = [call for call in entering[0].facts.calls if call.callee[-1] in TAKING_LOCKS]
    if len(taken) != 1 or any(each.what in ("if", "else", "try", "loop") for each in entering[0].facts.blocks):
        return None
    match taken[0].callee:
        case ("attribute", ("attribute", ("name", "self"), str(attribute)) as lock, _):
            return attribute if _is_exclusive(analysis.receivers.value(lock, entering[0])) else None
    return None


class KeyedLock(NamedTuple):
    """The lock that a function gives, or holds, for a key, or that lies in a dictionary under it."""

    function: FunctionSymbol | None
    key: Expression
    own: Expression
    """What it is asked of, or kept in."""


def _keyed(analysis: Analysis, scope: FunctionSymbol, block: Block) -> KeyedLock | None:
    """The lock of `async with self.lock_of(key):`, one for each key in a dictionary of locks that cannot be taken twice."""
    if block.what not in HELD:
        return None
    match block.expressions[0]:
        case ("subscript", ("attribute", ("name", "self"), _) as kept, ("name", _) as key):
            return KeyedLock(None, key, kept) if _holds_locks(analysis, scope, kept) else None
        case ("call", _):
            pass
        case _:
            return None
    call = scope.facts.calls[block.expressions[0][1]]
    if call.callee[0] != "attribute" or len(call.arguments) != 1 or call.keywords:
        return None
    asked = call.callee[1]
    own = asked == ("name", "self") or asked[:2] == ("attribute", ("name", "self"))
    if not own and not (asked[0] == "call" and not scope.facts.calls[asked[1]].arguments) and not _is_of_module(asked, scope):
        return None
    match analysis.receivers.value(call.callee, scope):
        case Routine(function=function) if not function.module.library and len(function.facts.parameters) == 2:
            key = function.facts.parameters[1].name
            if any(_is_lock_of(analysis, each, key, function) for each in _held_by(function)) or (
                gives_one_for_each(function, key) and _is_exclusive(analysis.receivers.outcome(Routine(function)))
            ):
                return KeyedLock(function, call.arguments[0], asked if own else ("other",))
    return None


def _holds_locks(analysis: Analysis, scope: FunctionSymbol, kept: Expression) -> bool:
    """`self._locks = defaultdict(asyncio.Lock)`, or a dictionary into which only locks are put."""
    if _is_exclusive(analysis.receivers.value(("subscript", kept, ("name", "key")), scope)):
        return True
    made = [] if scope.owner is None else scope.owner.set_on_self.get(kept[2], [])
    return bool(made) and all(_makes_locks(analysis, at, each.value) for at, each in made)


def _makes_locks(analysis: Analysis, scope: FunctionSymbol, value: Expression) -> bool:
    if value[0] != "call" or last_name(scope.facts.calls[value[1]].callee) != "defaultdict":
        return False
    given = scope.facts.calls[value[1]].arguments[:1]
    match analysis.receivers.value(given[0], scope) if given else None:
        case TypeOf(kind=kind):
            return kind.full_name in EXCLUSIVE
    return False


def _is_exclusive(value: Value | None) -> bool:
    return isinstance(value, Instance) and value.kind.full_name in EXCLUSIVE


def _guarded(analysis: Analysis) -> dict[FunctionSymbol, GuardedBy]:
    return guarded(analysis.program, analysis.receivers, EXCLUSIVE)


def _held_by_decorators(analysis: Analysis) -> Iterator[Sighting]:
    """Methods under a decorator that holds a lock, which call others that take it, by the same decorator or by themselves."""
    by_function = analysis.once(_guarded)
    for scope, held in by_function.items():
        for call in scope.facts.calls:
            if call.where[0] == "argument" or call.callee[:2] != ("attribute", ("name", "self")):
                continue
            steps: tuple[Step, ...] = ()
            if held.key < 0:
                steps = _takes(analysis, scope, call, held.lock, FURTHEST, frozenset(), {})
            else:
                match analysis.receivers.value(call.callee, scope):
                    case Routine(function=function) if (again := by_function.get(function)) is not None:
                        if again[:2] == held[:2] and call.where[0] == "await" and _is_same_key(scope, call, held.key):
                            steps = (again.step,)
            if steps:
                message = f"`{written(call.callee, scope)}(…)` takes a lock that is held here: it never returns"
                mend = Mend("take the lock in one of the two only")
                yield Sighting(scope, call.line, call.column, call.end_line, message, (held.step, *steps), mend)


def _is_same_key(scope: FunctionSymbol, call: CallSite, position: int) -> bool:
    """The call hands on the parameter by which the lock is kept, as the function was given it."""
    if position >= len(scope.facts.parameters):
        return False
    name = scope.facts.parameters[position].name
    given = dict(call.keywords).get(name, call.arguments[position - 1] if 0 < position <= len(call.arguments) else None)
    return given == ("name", name) and name not in scope.assigned


def _is_of_module(asked: Expression, scope: FunctionSymbol) -> bool:
    return asked[0] == "name" and asked[1] not in scope.bound


def _held_by(function: FunctionSymbol) -> list[Expression]:
    """What a function gives back, or holds while it yields."""
    if "asynccontextmanager" in function.decorator_names or "contextmanager" in function.decorator_names:
        return [block.expressions[0] for block in function.facts.blocks if block.what in ("with", "with async")]
    return [each.value for each in function.facts.returned if each.how == "return"] if not function.facts.decorators else []


def _is_lock_of(analysis: Analysis, held: Expression, key: str, function: FunctionSymbol) -> bool:
    """`self._locks.setdefault(key, asyncio.Lock())`, or a name that was given it."""
    match held:
        case ("name", str(name)) if len(function.assigned.get(name, ())) == 1:
            return _is_lock_of(analysis, function.assigned[name][0].value, key, function)
        case ("call", int(index)):
            call = function.facts.calls[index]
            match call.callee, call.arguments:
                case ("attribute", ("attribute", ("name", "self"), _), "setdefault"), (("name", asked), made) if asked == key:
                    match analysis.receivers.value(made, function):
                        case Instance(kind=ClassSymbol() as kind):
                            return kind.full_name in EXCLUSIVE
    return False


def _taken_by_key(analysis: Analysis, scope: FunctionSymbol, block: Block, lock: KeyedLock) -> Iterator[Sighting]:
    for call in scope.facts.calls:
        if not block.line <= call.line <= block.end_line or call.where[0] != "await" or call.callee[0] != "attribute":
            continue
        if call.callee[1] != ("name", "self") or any(each.target == lock.key for each in scope.facts.assignments):
            continue
        match analysis.receivers.value(call.callee, scope):
            case Routine(function=function) if not function.module.library and function is not scope:
                for inner in held_blocks(function, analysis.program):
                    again = _keyed(analysis, function, inner)
                    if again is None or (again.function, again.own) != (lock.function, lock.own):
                        continue
                    known = _decided(function, call, frozenset())
                    if _passed(call, function, again.key) != lock.key or _depends(function, inner.line, known):
                        continue
                    shown = lock.function.name if lock.function is not None else written(lock.own, scope)
                    name = f"{shown}({written(lock.key, scope)})"
                    held = Step(scope.module.path, block.head, f"`{scope.name}` holds `{name}`")
                    step = Step(function.module.path, inner.head, f"`{function.name}` takes the lock of the same key")
                    message = f"`{written(call.callee, scope)}(…)` takes `{name}`, which is held here: it never returns"
                    mend = Mend("take the lock in one of the two only")
                    yield Sighting(scope, call.line, call.column, call.end_line, message, (held, step), mend)


def _passed(call: CallSite, function: FunctionSymbol, key: Expression) -> Expression | None:
    """What the call gives for the parameter that is the key below."""
    if key[0] != "name" or key[1] not in function.parameters or key[1] in function.assigned:
        return None
    number = function.parameters[key[1]] - 1
    given = dict(call.keywords).get(key[1])
    return given if given is not None else call.arguments[number] if 0 <= number < len(call.arguments) else None


def _named(lock: str | VariableSymbol) -> str:
    return f"self.{lock}" if isinstance(lock, str) else lock.name


def _takes(
    analysis: Analysis,
    scope: FunctionSymbol,
    call: CallSite,
    lock: str | VariableSymbol,
    depth: int,
    decided: frozenset[str],
    known: Mapping[str, GivenValue],
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
            if function.facts.yields and call.where[0] not in ENTERING:
                return ()  # nothing of a generator runs before somebody asks for what it yields
            if isinstance(lock, str) and not _is_of_the_same_object(analysis, scope, function):
                return ()  # `self.on_drop`, a method of another object, which has a lock of its own
            settled = _decided(function, call, decided)
            given = _known(function, call, scope, known, bound=bound)
            guard = analysis.once(_guarded).get(function)
            if guard is not None and guard.lock == lock and guard.key < 0:
                return (guard.step,)
            for block in held_blocks(function, analysis.program):
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


def _is_of_the_same_object(analysis: Analysis, scope: FunctionSymbol, function: FunctionSymbol) -> bool:
    """Both are methods of one class, or of one and a class above it."""
    one, other = scope.owner, function.owner
    if one is None or other is None:
        return False
    return other in analysis.program.order(one)[0] or one in analysis.program.order(other)[0]


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
    function: FunctionSymbol, call: CallSite, scope: FunctionSymbol, known: Mapping[str, GivenValue], *, bound: bool
) -> dict[str, GivenValue]:
    """What is known of the parameters of a function by what a call passes: a literal, or an object that was just made."""
    given = passed(function, call, bound=bound)
    if given is None:
        return {}
    found = left(each for each in function.facts.parameters if given[each.name] is None)
    for name, value in given.items():
        of = None if value is None else known_of(value)
        if value is not None and of is None and value[0] == "name":
            of = known.get(value[1]) if value[1] in scope.parameters else None
            of = GivenValue.OBJECT if _is_just_made(scope, value[1], call.line) else of
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
