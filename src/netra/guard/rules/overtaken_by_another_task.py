"""S141."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, SELF, Assignment, Block, CallSite, Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import within
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine, Step

# What starts a coroutine as a task of its own, and what takes the function and starts it.
STARTING: Final = ("create_task", "ensure_future", "spawn", "gather")
TAKING: Final = ("start_soon",)
# Values that say nothing of what a task works on.
SAYING_NOTHING: Final = frozenset({"none", "constant", "string", "list", "dict", "set", "tuple", "lambda", "compare", "not"})
GUARDING: Final = ("lock", "mutex", "semaphore", "exclusive")


@rule("S141", "overtaken-by-another-task")
def overtaken_by_another_task(analysis: Analysis) -> Iterator[Sighting]:
    """An object starts several tasks of one of its methods, and each keeps what it works on in the same attribute.

    While one waits, the next puts its own there, and the first goes on with what is the other's.

    ```python
    async def run(self):
        for job in jobs:
            self.tasks.append(asyncio.create_task(self.process(job)))


    async def process(self, job):
        self.job = job  # S141
        await self.prepare()
        await self.finish(self.job)
    ```

    Keep it in a local name, and hand it on as an argument, or make an object for each task. Reported is what a method sets and
    reads again behind an `await`, itself or by what it waits for then; not what a lock keeps the others from.
    """
    for method, started in _started(analysis).items():
        for each in method.facts.assignments:
            place = _place(each)
            if place is None or _is_guarded(method, each.line):
                continue
            if (read := _read_later(analysis, method, place, each.line)) is not None:
                name = f"self.{place[2]}"
                message = f"`{name}` is set by each of several tasks, and read again when another may have set it"
                why = (started, read)
                mend = Mend("keep it in a local name, and hand it on as an argument")
                yield Sighting(method, each.line, each.column, each.line, message, why, mend)


def _started(analysis: Analysis) -> dict[FunctionSymbol, Step]:
    """The asynchronous methods of which one object starts several tasks, with where it does."""
    found: dict[FunctionSymbol, Step] = {}
    for scope, index, call in analysis.calls_of(*STARTING, *TAKING):
        if scope.owner is None or scope.module.in_tests or (call.where[0] == "await" and call.callee[-1] != "gather"):
            continue
        for each, several in _given(scope, call):
            if not several and not _is_repeated(scope, index, call) and not _is_called_in_loop(analysis, scope):
                continue
            match analysis.receivers.value(each, scope) if each[:2] == ("attribute", SELF) else None:
                case Routine(function=function) if function.facts.sort == ASYNC and function.owner is not None:
                    note = f"`{scope.facts.qualified}` starts several tasks of `{function.name}`, on one object"
                    found.setdefault(function, Step(scope.module.path, call.line, note))
    return found


def _given(scope: FunctionSymbol, call: CallSite) -> Iterator[tuple[Expression, bool]]:
    """The functions whose coroutines are started, and whether this starts several of each."""
    for each in call.arguments if call.callee[-1] == "gather" else call.arguments[:1]:
        if call.callee[-1] in TAKING:
            yield each, False
            continue
        one = each[1][2] if each[0] == "star" and each[1][0] == "comprehension" else each
        if one[0] == "call":
            yield scope.facts.calls[one[1]].callee, one is not each


def _is_repeated(scope: FunctionSymbol, index: int, call: CallSite) -> bool:
    """It stands in a loop that goes on while the task does, or is made for each part of something."""
    loops = [each for each in scope.facts.blocks if each.what == "loop" and each.line <= call.line <= each.end_line]
    if loops and not any(_is_waited_for(scope, index, call, each) for each in loops):
        return True
    whole = [each.value for each in scope.facts.assignments] + [given for one in scope.facts.calls for given in one.given]
    parts = (part for value in whole for part in within(value, scope))
    return any(part[0] == "comprehension" and ("call", index) in within(part[2], scope) for part in parts)


def _is_waited_for(scope: FunctionSymbol, index: int, call: CallSite, loop: Block) -> bool:
    """Each time round waits for what it has started: there is one at a time."""
    started = {("call", index)} | ({call.where[1]} if call.where[0] == "assign" else set())
    inside = (awaited for awaited, line, *_ in scope.facts.awaits if loop.line <= line <= loop.end_line)
    return any(not started.isdisjoint(within(awaited, scope)) for awaited in inside)


def _is_called_in_loop(analysis: Analysis, starter: FunctionSymbol) -> bool:
    """A plain method that starts one is called in a loop by another of its object: `for _ in range(count): self._next()`."""
    if starter.facts.sort == ASYNC:
        return False
    return any(
        caller.owner is starter.owner
        and caller.facts.calls[index].callee == ("attribute", SELF, starter.name)
        and _is_repeated(caller, index, caller.facts.calls[index])
        for caller, index in analysis.program.calls_named.get(starter.name, ())
    )


def _place(each: Assignment) -> Expression | None:
    """The attribute that is set, or of which an entry is under a fixed key, to something of this task."""
    if each.how != "=" or each.value[0] in SAYING_NOTHING:
        return None
    target = each.target
    if target[0] == "subscript" and target[2][0] == "string":
        target = target[1]
    if target[:2] != ("attribute", SELF) or each.value[:2] == ("attribute", SELF):
        return None
    return target


def _is_guarded(method: FunctionSymbol, line: int) -> bool:
    """A lock is held there, or the task waits for its turn above."""
    around = (each for each in method.facts.blocks if each.what.startswith("with") and each.line <= line <= each.end_line)
    named = [last_name(part) or "" for each in around for held in each.expressions for part in within(held, method)]
    named += [each.callee[1][-1] for each in method.facts.calls if each.callee[-1] == "acquire" and each.line < line
              if each.callee[0] == "attribute" and isinstance(each.callee[1][-1], str)]  # fmt: skip
    return any(word in name.lower() for name in named for word in GUARDING)


def _read_later(analysis: Analysis, method: FunctionSymbol, place: Expression, line: int) -> Step | None:
    """Where the same is read behind an `await` that stands below the line, before it is set again."""
    name = f"self.{place[2]}"
    awaits = sorted((at, end) for _, at, _, end in method.facts.awaits if at > line)
    if not awaits:
        return None
    first = awaits[0][1]
    again = [each.line for each in method.facts.assignments if each.line > line and _target(each) == place]
    # `context = self.context`: another name for it.
    names = {name} | {each.target[1] for each in method.facts.assignments if each.value == place and each.target[0] == "name"}
    for use in method.facts.uses:
        if (
            use.name in names
            and use.line > first
            and use.where != ("store",)
            and not any(line < at <= use.line for at in again)
        ):
            return Step(method.module.path, use.line, f"`{use.name}` is read here, behind the `await` of line {awaits[0][0]}")
    for awaited, at, _, _ in method.facts.awaits:
        # What is waited for further down reads it, when it gets its turn.
        if at <= first or awaited[0] != "call" or any(line < each <= at for each in again):
            continue
        callee = method.facts.calls[awaited[1]].callee
        match analysis.receivers.value(callee, method) if callee[:2] == ("attribute", SELF) else None:
            case Routine(function=function) if function is not method and function.owner is not None:
                used = [each for each in function.facts.uses if each.name == name and each.where != ("store",)]
                own = [each.line for each in function.facts.assignments if _target(each) == place]
                if used and not any(each <= used[0].line for each in own):
                    note = f"`{function.name}`, which is called behind an `await`, reads `{name}`"
                    return Step(function.module.path, used[0].line, note)
    return None


def _target(each: Assignment) -> Expression:
    return each.target[1] if each.target[0] == "subscript" else each.target
