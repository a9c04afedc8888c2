"""A108."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.facts import Expression
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.meaning.entering import NOT_CALLED, wrongly_entered
from netra.guard.meaning.expressions import written
from netra.guard.meaning.iterating import wrongly_iterated
from netra.guard.meaning.places import Fate, Misuse
from netra.guard.members.members import is_bound_once
from netra.guard.mending import sighting
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import ContextOf, CoroutineOf, GeneratorOf


@rule("A108", "mismatched-protocol", hesitant=True)
def mismatched_protocol(analysis: Analysis) -> Iterator[Sighting]:
    """A generator, a context manager or a coroutine is used by the protocol of another.

    An async generator is iterated by `async for`, never awaited and never by `for`; what `@asynccontextmanager` makes is
    entered by `async with`; a coroutine is awaited first, even when what it gives is entered or iterated then. And neither has
    what it yields: `db = get_db()` of a function that yields a session is no session.

    ```python
    async with open_file(path) as file:  # A108: `async with await open_file(path)`
        ...
    for chunk in stream():  # A108: `stream` is an async generator
        ...
    with AsyncSession(engine) as session:  # A108: it knows only `async with`
        ...
    get_db().query(Order)  # A108: a generator has no `query`
    ```

    What comes in by a parameter is likely at most: its annotation may say one thing, and a caller or a fixture give another.
    """
    for misuse in analysis.misused(Fate.MISMATCHED, Fate.ASKED):
        match misuse.value:
            case GeneratorOf(function=None):
                continue  # an annotation says so, and what is handed on was made by somebody else
            case GeneratorOf(function=FunctionSymbol() as function) if not is_bound_once(function):
                continue  # `_read = contextmanager(_read)`
        found = sighting(misuse, f"`{misuse.name}(…)` is used by the wrong protocol: {misuse.how}")
        yield found._replace(mend=Mend(_mend(misuse)))
    for each in wrongly_entered(analysis.program, analysis.receivers):
        wrong, right = ("async with", "with") if each.late else ("with", "async with")
        knows = f"is {NOT_CALLED}" if each.what == NOT_CALLED else f"{each.what} knows only `{right}`"
        message = f"`{written(each.expression, each.scope)}` is entered by `{wrong}`, and {knows}"
        sure = LIKELY if _is_only_said(each.expression, each.scope) else CERTAIN
        mend = Mend("call it" if each.what == NOT_CALLED else f"enter it by `{right}`")
        yield Sighting(each.scope, each.line, each.column, each.end_line, message, each.steps, mend, sure)

    for one in wrongly_iterated(analysis.program, analysis.receivers):
        wrong, right = ("async for", "for") if one.late else ("for", "async for")
        knows = f"{one.what} knows only `{right}`" if one.late or one.steps else f"is {one.what}"
        message = f"`{written(one.expression, one.scope)}` is iterated by `{wrong}`, and {knows}"
        sure = LIKELY if _is_promised(one.expression, one.scope) else CERTAIN
        at = one.each
        yield Sighting(one.scope, at.line, at.column, at.line, message, one.steps, Mend(f"iterate it by `{right}`"), sure)


def _is_only_said(expression: Expression, scope: FunctionSymbol) -> bool:
    """It comes in by a parameter: what an annotation says of it, a caller or a fixture may contradict."""
    while expression[0] in ("attribute", "call"):
        expression = expression[1] if expression[0] == "attribute" else scope.facts.calls[expression[1]].callee
    return expression[0] == "name" and expression[1] in scope.parameters and expression[1] not in ("self", "cls")


def _is_promised(expression: Expression, scope: FunctionSymbol) -> bool:
    """An annotation of a parameter alone says what it is."""
    root = expression
    while root[0] in ("attribute", "call"):
        root = root[1] if root[0] == "attribute" else scope.facts.calls[root[1]].callee
    number = scope.parameters.get(root[1]) if root[0] == "name" else None
    return number is not None and scope.facts.parameters[number].annotation is not None


def _mend(misuse: Misuse) -> str:
    match misuse.value:
        case CoroutineOf():
            return f"await `{misuse.name}(…)` first, then enter or iterate what it gives"
        case GeneratorOf(asynchronous=late) if misuse.fate is Fate.ASKED:
            made, entered = ("asynccontextmanager", "async with") if late else ("contextmanager", "with")
            return f"iterate it, or make it a context manager by `@{made}` and enter it by `{entered}`"
        case GeneratorOf(asynchronous=late):
            return f"iterate it by `{'async for' if late else 'for'}`"
        case ContextOf(asynchronous=late):
            return f"enter it by `{'async with' if late else 'with'}`"
    return "use it as what it is"
