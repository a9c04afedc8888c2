"""A101."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.entries.commands import dropped_commands
from netra.guard.entries.dropped_tasks import dropped_tasks
from netra.guard.facts import ASYNC, PLAIN
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.callbacks import called_back
from netra.guard.meaning.expressions import written
from netra.guard.meaning.places import Fate, Misuse, is_started
from netra.guard.meaning.rewriting import rewritten
from netra.guard.meaning.threads import only_called
from netra.guard.mending import sighting
from netra.guard.rule import rule
from netra.guard.symbols import ClassSymbol
from netra.guard.values import AwaitableOf, CoroutineOf, GeneratorOf, Plain, Step, Value


@rule("A101", "unawaited-coroutine")
def unawaited_coroutine(analysis: Analysis) -> Iterator[Sighting]:
    """A coroutine is made and nothing ever awaits it, so nothing of it runs.

    Calling an `async def` only makes the coroutine. A call that stands alone, a coroutine in a tuple that is thrown away, and
    one that is kept in a name which nobody reads again do nothing; Python says so in a warning that few people see.

    Guard follows the call through modules, aliases, synchronous wrappers that return the coroutine, decorators, attributes set
    elsewhere in the class, `Depends` and the sessions, clients, pools and queues of the common asynchronous libraries. An
    async context manager that nothing enters and a generator that nothing iterates are reported here, too, and so is a
    coroutine function that a thread is given to run (`asyncio.to_thread(save)`): it is called there, and nobody awaits it. The
    same holds for what calls a function and cannot wait: `filter(is_due, rows)`, the `key` of `sorted`, the callbacks of a
    task, of the loop, of a signal and of the end of the process.

    ```python
    async def save(session: AsyncSession, user: User) -> None:
        session.add(user)
        session.commit()  # A101: nothing is committed
    ```

    A command of Typer or click that is declared `async def` is called, and its coroutine is dropped: the command does nothing.
    So it is with a task of Celery, where no class of tasks and no pool for coroutines is in sight, with what `schedule` runs,
    and with the jobs of a `BackgroundScheduler`.

    Mend it with `await`; in a synchronous function, with a task that somebody keeps; in a command, with `asyncio.run`.
    """
    replaced = analysis.program.once(rewritten)
    for misuse in analysis.misused(Fate.DROPPED):
        if misuse.scope.facts.sort != ASYNC and _is_replaced(analysis, misuse.value, replaced):
            continue  # where no loop runs, what stands in its place runs it to its end
        if _is_a_last_pause(misuse) or is_started(misuse.value):
            continue
        yield sighting(misuse, f"`{misuse.name}(…)` {_gives(misuse)}: {misuse.how}")
    for scope, decorator, library in dropped_commands(analysis.program):
        message = f"`{scope.name}` is declared `async def`: {library} calls it and awaits nothing, so it never runs"
        step = Step(scope.module.path, decorator.line, f"{library} takes it here")
        mend = Mend("let a function that is no coroutine run it by `asyncio.run`")
        yield Sighting(scope, scope.facts.line, scope.facts.column, scope.facts.line, message, (step,), mend)
    for scope, decorator in dropped_tasks(analysis.program):
        message = f"`{scope.name}` is declared `async def`: a worker of Celery calls it and awaits nothing, so it never runs"
        step = Step(scope.module.path, decorator.line, "Celery makes a task of it here")
        mend = Mend("let a function that is no coroutine run it by `asyncio.run`")
        yield Sighting(scope, scope.facts.line, scope.facts.column, scope.facts.line, message, (step,), mend)
    for scope, call, function, steps in only_called(analysis.program, analysis.receivers):
        message = f"`{function.name}` gives a coroutine: `{written(call.callee, scope)}(…)` only calls it, so it never runs"
        mend = Mend(f"await `{function.name}(…)` itself, or give the thread a function that is no coroutine")
        yield Sighting(scope, call.line, call.column, call.end_line, message, steps, mend)
    for back in called_back(analysis.program, analysis.receivers):
        shown = written(back.shown, back.scope)
        message = f"`{back.function.name}` gives a coroutine: `{shown}(…)` {back.does}"
        mend = Mend(f"await `{back.function.name}(…)` for each beforehand, or start a task in a function that is no coroutine")
        yield Sighting(back.scope, back.line, back.column, back.end_line, message, back.steps, mend)


def _is_a_last_pause(misuse: Misuse) -> bool:
    """`asyncio.sleep(0)` behind all that a function does that is no coroutine: nothing comes that could have waited for it."""
    match misuse.value:
        case CoroutineOf(function=function) if function.full_name == "asyncio.sleep" and misuse.scope.facts.sort == PLAIN:
            facts, call = misuse.scope.facts, misuse.call
            repeated = any(each.what == "loop" and each.line <= call.line <= each.end_line for each in facts.blocks)
            return call.end_line == facts.end_line and not repeated and len(facts.calls) > 1
    return False


def _is_replaced(analysis: Analysis, value: Value, replaced: frozenset[ClassSymbol]) -> bool:
    owner = value.function.owner if isinstance(value, CoroutineOf) and value.function is not None else None
    return owner is not None and not replaced.isdisjoint({*analysis.program.order(owner)[0], *_below(analysis, owner)})


def _below(analysis: Analysis, kind: ClassSymbol) -> tuple[ClassSymbol, ...]:
    return analysis.program.subclasses.get(kind, ())


def _gives(misuse: Misuse) -> str:
    if isinstance(misuse.value, GeneratorOf):
        return "gives a generator"
    if isinstance(misuse.value, Plain) and misuse.certain:
        return "gives coroutines"
    if isinstance(misuse.value, AwaitableOf) and not misuse.value.context:
        return "gives something to await"
    return "gives a coroutine" if isinstance(misuse.value, CoroutineOf) or not misuse.certain else "gives something to enter"
