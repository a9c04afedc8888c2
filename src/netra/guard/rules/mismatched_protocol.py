"""A108."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.contexts import Fate, Misuse, written
from netra.guard.meaning.entering import wrongly_entered
from netra.guard.mending import sighting
from netra.guard.rule import rule
from netra.guard.values import ContextOf, CoroutineOf, GeneratorOf


@rule("A108", "mismatched-protocol")
def mismatched_protocol(analysis: Analysis) -> Iterator[Sighting]:
    """A generator, a context manager or a coroutine is used by the protocol of another.

    An async generator is iterated by `async for`, never awaited and never by `for`; what `@asynccontextmanager` makes is
    entered by `async with`; a coroutine is awaited first, even when what it gives is entered or iterated then.

    ```python
    async with open_file(path) as file:  # A108: `async with await open_file(path)`
        ...
    for chunk in stream():  # A108: `stream` is an async generator
        ...
    with AsyncSession(engine) as session:  # A108: it knows only `async with`
        ...
    ```
    """
    for misuse in analysis.misused(Fate.MISMATCHED):
        match misuse.value:
            case GeneratorOf(function=None):
                continue  # an annotation says so, and what is handed on was made by somebody else
        found = sighting(misuse, f"`{misuse.name}(…)` is used by the wrong protocol: {misuse.how}")
        yield found._replace(mend=Mend(_mend(misuse)))
    for each in wrongly_entered(analysis.program, analysis.receivers):
        wrong, right = ("async with", "with") if each.late else ("with", "async with")
        message = f"`{written(each.expression, each.scope)}` is entered by `{wrong}`, and {each.what} knows only `{right}`"
        yield Sighting(each.scope, each.line, each.column, each.end_line, message, each.steps, Mend(f"enter it by `{right}`"))


def _mend(misuse: Misuse) -> str:
    match misuse.value:
        case CoroutineOf():
            return f"await `{misuse.name}(…)` first, then enter or iterate what it gives"
        case GeneratorOf(asynchronous=late):
            return f"iterate it by `{'async for' if late else 'for'}`"
        case ContextOf(asynchronous=late):
            return f"enter it by `{'async with' if late else 'with'}`"
    return "use it as what it is"
